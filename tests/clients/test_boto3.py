"""boto3: paginators and waiters, which read more than what one call answers."""

import threading

import pytest
from botocore.exceptions import WaiterError
from botocore.waiter import WaiterModel, create_waiter_with_client


@pytest.fixture
def ecr(server):
    return server.aws("ecr")


@pytest.fixture
def pushed(registry, repository):
    """The digests of seven images, each with a tag, and the last with two more."""
    digests = [registry.push_image(repository, f"v{number}", seed=b"%d" % number)[0] for number in range(7)]
    for tag in ("stable", "latest"):
        registry.push_image(repository, tag, seed=b"6")
    return digests


@pytest.mark.parametrize("size", [1, 2, 100])
def test_every_image_is_on_one_page_whatever_its_size(ecr, repository, pushed, size):
    pages = ecr.get_paginator("describe_images").paginate(
        repositoryName=repository, PaginationConfig={"PageSize": size}
    )

    found = list(pages.search("imageDetails[].imageDigest"))

    assert sorted(found) == sorted(pushed)


def test_every_tag_is_listed_once(ecr, repository, pushed):
    pages = ecr.get_paginator("list_images").paginate(repositoryName=repository, PaginationConfig={"PageSize": 2})

    found = [(entry["imageTag"], entry["imageDigest"]) for page in pages for entry in page["imageIds"]]

    tags = [*(f"v{number}" for number in range(7)), "stable", "latest"]
    assert sorted(found) == sorted(zip(tags, [*pushed, pushed[6], pushed[6]], strict=True))


def test_a_paginator_goes_on_where_another_ended(ecr, repository, pushed):
    paginator = ecr.get_paginator("describe_images")
    some = paginator.paginate(repositoryName=repository, PaginationConfig={"MaxItems": 3, "PageSize": 2})
    first = some.build_full_result()

    again = {"StartingToken": first["NextToken"], "PageSize": 2}
    rest = paginator.paginate(repositoryName=repository, PaginationConfig=again).build_full_result()

    details = first["imageDetails"] + rest["imageDetails"]
    assert sorted(detail["imageDigest"] for detail in details) == sorted(pushed)
    assert "NextToken" not in rest


def test_every_repository_is_on_one_page(ecr, repository):
    names = [f"{repository}/{number}" for number in range(5)]
    for name in names:
        ecr.create_repository(repositoryName=name)

    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})

    found = [name for name in pages.search("repositories[].repositoryName") if name.startswith(f"{repository}/")]
    assert sorted(found) == names


def test_a_waiter_ends_when_an_image_arrives(ecr, registry, repository):
    """Deployments wait so for an image that another job pushes."""
    exists = {
        "operation": "DescribeImages",
        "delay": 0,
        "maxAttempts": 10_000,
        "acceptors": [
            {"matcher": "error", "expected": "ImageNotFoundException", "state": "retry"},
            {"matcher": "path", "argument": "length(imageDetails)", "expected": 1, "state": "success"},
        ],
    }
    waiter = create_waiter_with_client(
        "ImageExists", WaiterModel({"version": 2, "waiters": {"ImageExists": exists}}), ecr
    )
    push = threading.Timer(0.3, registry.push_image, (repository, "late"))
    push.start()

    waiter.wait(repositoryName=repository, imageIds=[{"imageTag": "late"}])

    push.join()
    assert ecr.list_images(repositoryName=repository)["imageIds"][0]["imageTag"] == "late"


@pytest.mark.parametrize("name", ["image_scan_complete", "lifecycle_policy_preview_complete"])
def test_a_waiter_for_what_is_not_here_yet_ends_with_the_reason(ecr, repository, pushed, name):
    extra = {"imageId": {"imageTag": "v0"}} if name == "image_scan_complete" else {}

    with pytest.raises(WaiterError, match="not yet in this version of Entrepôt"):
        ecr.get_waiter(name).wait(repositoryName=repository, WaiterConfig={"Delay": 0, "MaxAttempts": 2}, **extra)
