"""Pages by the API. Source: ecr-api.md A.0, "Paging"; security-design 8.6."""

import pytest

from tests.oci.principals import new_user
from tests.support.api import push_image, refused, subject

INVALID_TOKEN = "Invalid parameter at 'NextToken' failed to satisfy constraint: 'Invalid next token provided'"


@pytest.fixture(scope="module")
def repository(ecr):
    """A repository with images that have no tag, one and several, and referrers of the first."""
    name = "paging/app"
    ecr.create_repository(repositoryName=name)
    for sub in ("a", "b", "c"):
        ecr.create_repository(repositoryName=f"{name}/{sub}")
    for number, tags in enumerate([("v0",), (), ("v2", "v2.0", "latest"), (), ("v4",)]):
        push_image(ecr, name, f"image {number}", *tags)
    for number in range(3):
        push_image(ecr, name, f"referrer {number}", subject=subject(_subject(ecr, name)))
    return name


def _subject(ecr, repository):
    (detail,) = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "v0"}])["imageDetails"]
    return detail["imageDigest"]


@pytest.mark.parametrize("size", [1, 2, 3, 8, 100])
@pytest.mark.parametrize("operation", ["describe_images", "list_images"])
@pytest.mark.parametrize("tag_status", ["TAGGED", "UNTAGGED", "ANY"])
def test_a_paginator_finds_each_image_once(ecr, repository, operation, size, tag_status):
    member = {"describe_images": "imageDetails", "list_images": "imageIds"}[operation]
    whole = getattr(ecr, operation)(repositoryName=repository, filter={"tagStatus": tag_status})
    assert "nextToken" not in whole

    pages = list(
        ecr.get_paginator(operation).paginate(
            repositoryName=repository, filter={"tagStatus": tag_status}, PaginationConfig={"PageSize": size}
        )
    )

    assert [each for page in pages for each in page[member]] == whole[member]
    assert all(0 < len(page[member]) <= size for page in pages)


def test_a_paginator_finds_each_repository_once(ecr, repository):
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})

    names = [each["repositoryName"] for page in pages for each in page["repositories"]]

    assert names == sorted(set(names))
    assert {repository, f"{repository}/a", f"{repository}/b", f"{repository}/c"} <= set(names)


def test_referrers_come_in_pages(ecr, repository):
    arguments = {"repositoryName": repository, "subjectId": {"imageDigest": _subject(ecr, repository)}}
    whole = ecr.list_image_referrers(**arguments)["referrers"]

    found: list[object] = []
    more: dict[str, str] = {}
    while True:
        page = ecr.list_image_referrers(**arguments, maxResults=1, **more)
        found += page["referrers"]
        if "nextToken" not in page:
            break
        more = {"nextToken": page["nextToken"]}

    assert len(found) == 3
    assert found == whole


@pytest.fixture
def token(ecr, repository):
    return ecr.list_images(repositoryName=repository, maxResults=1)["nextToken"]


@pytest.mark.parametrize("made_up", ["", "x", "rg1_", "{token}A", "x{token}", "{token} "])
def test_abuse_49_a_token_that_was_made_up_is_refused(ecr, repository, token, made_up):
    with refused("InvalidParameterException", INVALID_TOKEN):
        ecr.list_images(repositoryName=repository, nextToken=made_up.format(token=token))


@pytest.mark.parametrize("call", ["another operation", "another repository", "another filter", "another principal"])
def test_abuse_49_a_token_is_good_only_where_it_was_given(ecr, server, repository, token, call):
    client, operation, arguments = ecr, "list_images", {"repositoryName": repository}
    if call == "another operation":
        operation = "describe_images"
    elif call == "another repository":
        arguments = {"repositoryName": f"{repository}/a"}
    elif call == "another filter":
        arguments["filter"] = {"tagStatus": "TAGGED"}
    else:
        client = server.aws("ecr", key=_key_of_a_user(server))

    with refused("InvalidParameterException", INVALID_TOKEN):
        getattr(client, operation)(**arguments, nextToken=token)


def test_a_token_goes_on_with_another_size_of_pages(ecr, repository, token):
    assert len(ecr.list_images(repositoryName=repository, nextToken=token, maxResults=2)["imageIds"]) == 2


@pytest.mark.parametrize(
    ("operation", "most"),
    [("list_images", 1000), ("describe_images", 1000), ("describe_repositories", 1000), ("list_image_referrers", 50)],
)
@pytest.mark.parametrize("result", [0, -1, "more", 2**31 - 1])
def test_abuse_49_a_page_has_a_bounded_size(ecr, repository, operation, most, result):
    arguments = {} if operation == "describe_repositories" else {"repositoryName": repository}
    if operation == "list_image_referrers":
        arguments["subjectId"] = {"imageDigest": f"sha256:{'0' * 64}"}
    size = most + 1 if result == "more" else result

    with refused("InvalidParameterException") as error:
        getattr(ecr, operation)(**arguments, maxResults=size)

    bound = f"less than or equal to {most}" if size > most else "greater than or equal to 1"
    assert error["Error"]["Message"] == (
        f"Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value {bound}'"
    )


def _key_of_a_user(server):
    """Id and secret of the key of a user of the same account, who may do everything."""
    return new_user(server, "pager")
