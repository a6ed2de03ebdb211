"""Repositories by the API. Source: Amazon ECR API reference."""

import pytest
import urllib3

from tests.support.api import push_image, refused
from tests.support.server import ACCOUNT


@pytest.fixture
def name(repository):
    """A name that is free, beside the test's repository."""
    return f"{repository}/new"


def test_a_repository_is_described_as_it_was_created(ecr, server, name):
    created = ecr.create_repository(repositoryName=name)["repository"]

    assert created == {
        "repositoryArn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}",
        "registryId": ACCOUNT,
        "repositoryName": name,
        "repositoryUri": f"localhost:{server.port}/{name}",
        "createdAt": created["createdAt"],
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    assert ecr.describe_repositories(repositoryNames=[name])["repositories"] == [created]


def test_every_choice_at_creation_is_kept(ecr, name):
    filters = [{"filterType": "WILDCARD", "filter": "latest"}, {"filterType": "WILDCARD", "filter": "dev-*"}]

    created = ecr.create_repository(
        repositoryName=name,
        registryId=ACCOUNT,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "AES256"},
        tags=[{"Key": "team", "Value": "red"}],
    )["repository"]

    assert created["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert created["imageTagMutabilityExclusionFilters"] == filters
    assert created["imageScanningConfiguration"] == {"scanOnPush": True}
    assert ecr.list_tags_for_resource(resourceArn=created["repositoryArn"])["tags"] == [{"Key": "team", "Value": "red"}]


def test_a_name_can_be_taken_once(ecr, repository):
    with refused(
        "RepositoryAlreadyExistsException",
        f"The repository with name '{repository}' already exists in the registry with id '{ACCOUNT}'",
    ):
        ecr.create_repository(repositoryName=repository)


@pytest.mark.parametrize(
    "bad", ["UPPER", "-app", "app-", "a//b", "/app", "app/", "a..b", "a___b", "ä1", "app\n", "../etc", "a" * 257]
)
def test_a_name_outside_the_grammar_is_refused(ecr, bad):
    with refused("InvalidParameterException"):
        ecr.create_repository(repositoryName=bad)


def test_a_key_without_encryption_by_keys_is_refused(ecr, name):
    with refused("InvalidParameterException"):
        ecr.create_repository(
            repositoryName=name, encryptionConfiguration={"encryptionType": "AES256", "kmsKey": "alias/k"}
        )


@pytest.mark.parametrize(
    "tags",
    [[{"Key": "aws:x", "Value": "y"}], [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]],
)
def test_a_repository_is_not_made_with_bad_resource_tags(ecr, name, tags):
    with refused("InvalidTagParameterException"):
        ecr.create_repository(repositoryName=name, tags=tags)
    with refused("RepositoryNotFoundException"):
        ecr.describe_repositories(repositoryNames=[name])


def test_more_than_fifty_resource_tags_are_too_many(ecr, name):
    with refused("TooManyTagsException"):
        ecr.create_repository(repositoryName=name, tags=[{"Key": f"k{number}", "Value": "v"} for number in range(51)])


def test_repositories_are_described_in_the_order_asked_for(ecr, repository, name):
    ecr.create_repository(repositoryName=name)

    found = ecr.describe_repositories(repositoryNames=[name, repository, name])["repositories"]

    assert [each["repositoryName"] for each in found] == [name, repository]


def test_one_unknown_name_refuses_the_whole_call(ecr, repository):
    with refused(
        "RepositoryNotFoundException",
        f"The repository with name 'no/such' does not exist in the registry with id '{ACCOUNT}'",
    ):
        ecr.describe_repositories(repositoryNames=[repository, "no/such"])


@pytest.mark.parametrize("paging", [{"maxResults": 5}, {"nextToken": "x"}])
def test_names_and_paging_exclude_each_other(ecr, repository, paging):
    with refused("InvalidParameterException"):
        ecr.describe_repositories(repositoryNames=[repository], **paging)


def test_a_deleted_repository_is_returned_and_gone(ecr, repository):
    deleted = ecr.delete_repository(repositoryName=repository)["repository"]

    assert deleted["repositoryName"] == repository
    with refused("RepositoryNotFoundException"):
        ecr.delete_repository(repositoryName=repository)


def test_a_repository_with_an_image_needs_force(ecr, repository):
    push_image(ecr, repository, "one")

    with refused(
        "RepositoryNotEmptyException",
        f"The repository with name '{repository}' in registry with id '{ACCOUNT}' "
        "cannot be deleted because it still contains images",
    ):
        ecr.delete_repository(repositoryName=repository)
    ecr.delete_repository(repositoryName=repository, force=True)

    with refused("RepositoryNotFoundException"):
        ecr.list_images(repositoryName=repository)


def test_mutability_is_replaced_as_a_whole(ecr, repository):
    filters = [{"filterType": "WILDCARD", "filter": "v*"}]
    with_filters = ecr.put_image_tag_mutability(
        repositoryName=repository,
        imageTagMutability="MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    assert with_filters["imageTagMutabilityExclusionFilters"] == filters

    plain = ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")

    del plain["ResponseMetadata"]
    assert plain == {"registryId": ACCOUNT, "repositoryName": repository, "imageTagMutability": "IMMUTABLE"}
    (described,) = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
    assert described["imageTagMutability"] == "IMMUTABLE"
    assert "imageTagMutabilityExclusionFilters" not in described


def test_an_unknown_mutability_is_refused_in_ecrs_words(ecr, repository):
    with refused(
        "InvalidParameterException",
        "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value set: "
        "[IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]'",
    ):
        ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="SOMETIMES")


@pytest.mark.parametrize(
    ("mutability", "filters"),
    [
        ("IMMUTABLE", ["v*"]),
        ("MUTABLE", ["v*"]),
        ("IMMUTABLE_WITH_EXCLUSION", []),
        ("IMMUTABLE_WITH_EXCLUSION", ["a", "b", "c", "d", "e", "f"]),
        ("IMMUTABLE_WITH_EXCLUSION", ["v?"]),
        ("IMMUTABLE_WITH_EXCLUSION", ["*a*b*"]),
    ],
)
def test_filters_outside_the_rules_are_refused(ecr, repository, mutability, filters):
    given = [{"filterType": "WILDCARD", "filter": text} for text in filters]
    with refused("InvalidParameterException"):
        ecr.put_image_tag_mutability(
            repositoryName=repository,
            imageTagMutability=mutability,
            **({"imageTagMutabilityExclusionFilters": given} if given else {}),
        )


def test_scanning_on_push_is_kept(ecr, repository):
    put = ecr.put_image_scanning_configuration(
        repositoryName=repository, imageScanningConfiguration={"scanOnPush": True}
    )

    assert put["imageScanningConfiguration"] == {"scanOnPush": True}
    (described,) = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
    assert described["imageScanningConfiguration"] == {"scanOnPush": True}


def test_resource_tags_are_merged_and_removed_by_key(ecr, repository):
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository}"
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "red"}, {"Key": "stage", "Value": "test"}])
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "blue"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["stage", "never-there"])

    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "team", "Value": "blue"}]


def test_an_arn_that_is_none_is_refused(ecr):
    with refused(
        "InvalidParameterException", "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'"
    ):
        ecr.list_tags_for_resource(resourceArn="no-arn")


def test_resource_tags_of_no_repository_are_not_found(ecr):
    with refused("RepositoryNotFoundException"):
        ecr.tag_resource(
            resourceArn=f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/no/such", tags=[{"Key": "a", "Value": "b"}]
        )


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("describe_images", {}),
        ("list_images", {}),
        ("batch_get_image", {"imageIds": [{"imageTag": "v1"}]}),
        ("batch_delete_image", {"imageIds": [{"imageTag": "v1"}]}),
        ("list_image_referrers", {"subjectId": {"imageDigest": f"sha256:{'0' * 64}"}}),
        ("put_image", {"imageManifest": "{}"}),
        ("batch_check_layer_availability", {"layerDigests": [f"sha256:{'0' * 64}"]}),
        ("initiate_layer_upload", {}),
        (
            "upload_layer_part",
            {
                "uploadId": "00000000-0000-4000-8000-000000000000",
                "partFirstByte": 0,
                "partLastByte": 0,
                "layerPartBlob": b"x",
            },
        ),
        (
            "complete_layer_upload",
            {"uploadId": "00000000-0000-4000-8000-000000000000", "layerDigests": [f"sha256:{'0' * 64}"]},
        ),
        ("get_download_url_for_layer", {"layerDigest": f"sha256:{'0' * 64}"}),
        ("put_image_tag_mutability", {"imageTagMutability": "MUTABLE"}),
        ("put_image_scanning_configuration", {"imageScanningConfiguration": {"scanOnPush": True}}),
        ("delete_repository", {}),
    ],
)
def test_every_operation_says_which_repository_is_missing(ecr, operation, params):
    with refused(
        "RepositoryNotFoundException",
        f"The repository with name 'no/such' does not exist in the registry with id '{ACCOUNT}'",
    ):
        getattr(ecr, operation)(repositoryName="no/such", **params)


@pytest.mark.parametrize("name", ["there", "no/such"])
def test_abuse_06_a_foreign_account_tells_nothing_of_what_it_has(ecr, name):
    with refused(
        "AccessDeniedException",
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: ecr:ListImages on resource: "
        f"arn:aws:ecr:us-east-1:210987654321:repository/{name} "
        "because no resource-based policy allows the ecr:ListImages action",
    ):
        ecr.list_images(registryId="210987654321", repositoryName=name)


def test_no_text_holds_a_nul(ecr, server, repository):
    """PostgreSQL has none, not even in a question: what holds one is refused at the door, over every database."""
    arn = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryArn"]

    with refused("SerializationException"):
        ecr.untag_resource(resourceArn=arn, tagKeys=["a\0"])

    query = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=a"
    query += "&X-Amz-Credential=AKIA%00/20261122/us-east-1/sts/aws4_request&X-Amz-SignedHeaders=host&X-Amz-Expires=60"
    asked = urllib3.request("GET", f"{server.url}/?{query}&X-Amz-Date=20261122T000000Z", retries=False)
    assert asked.status == 400, asked.data
