"""Policies on repositories and registries: set, shown, deleted, and what they change at once on both faces."""

import json

import pytest

from tests.oci.principals import Key, new_account, new_user
from tests.support.api import push_image, refused
from tests.support.server import ACCOUNT, REGION

PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal, *actions, **more):
    return {"Effect": "Allow", "Principal": principal, "Action": list(actions), **more}


@pytest.fixture
def repository(ecr, request):
    name = f"policies/{request.node.name.partition('[')[0][-60:].strip('_').replace('_', '-')}"
    ecr.create_repository(repositoryName=name)
    yield name
    ecr.delete_repository(repositoryName=name, force=True)


@pytest.fixture(scope="module")
def stranger(server) -> Key:
    """A user of this account without any right."""
    return new_user(server, "policies-stranger", policy="AmazonElasticContainerRegistryPublicReadOnly")


@pytest.fixture(scope="module")
def neighbour(server):
    """The root user of another account."""
    return new_account(server)


def test_a_policy_is_shown_as_it_was_set_and_can_be_deleted(ecr, repository):
    text = policy(allow("*", *PULL))
    expected = {"registryId": ACCOUNT, "repositoryName": repository, "policyText": text}
    missing = (
        f"Repository policy does not exist for the repository with name '{repository}' "
        f"in the registry with id '{ACCOUNT}'"
    )
    with refused("RepositoryPolicyNotFoundException", missing):
        ecr.get_repository_policy(repositoryName=repository)

    for ask in (
        lambda: ecr.set_repository_policy(repositoryName=repository, policyText=text),
        lambda: ecr.get_repository_policy(repositoryName=repository),
        lambda: ecr.delete_repository_policy(repositoryName=repository),
    ):
        answer = ask()
        answer.pop("ResponseMetadata")
        assert answer == expected

    with refused("RepositoryPolicyNotFoundException", missing):
        ecr.delete_repository_policy(repositoryName=repository)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        policy(),
        policy(allow("*", *PULL, Resource="*")),
        policy({"Effect": "Allow", "Action": PULL}),
        policy(allow("*", "s3:GetObject")),
        policy(allow({"AWS": f"arn:aws:iam::{ACCOUNT}:role/none"}, *PULL)),
        policy(allow({"AWS": "arn:aws:iam::*:root"}, *PULL)),
        '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}',
    ],
)
def test_a_policy_that_is_none_is_refused_and_changes_nothing(ecr, repository, text):
    before = policy(allow("*", *PULL))
    ecr.set_repository_policy(repositoryName=repository, policyText=before)

    with refused(
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
    ):
        ecr.set_repository_policy(repositoryName=repository, policyText=text)

    assert ecr.get_repository_policy(repositoryName=repository)["policyText"] == before


def test_duplicate_sids_and_the_old_version_are_taken(ecr, repository):
    statement = allow("*", *PULL, Sid="same one")
    for version in ("2008-10-17", "2012-10-17"):
        text = json.dumps({"Version": version, "Statement": [statement, statement]})
        ecr.set_repository_policy(repositoryName=repository, policyText=text)


def test_nobody_locks_himself_out_by_mistake(server, ecr, repository):
    key = new_user(server, "policies-careless")
    own = server.aws("ecr", key=key)
    text = policy(
        {"Effect": "Deny", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/policies-careless"}, "Action": "ecr:*"}
    )

    with refused("InvalidParameterException"):
        own.set_repository_policy(repositoryName=repository, policyText=text)
    with refused("RepositoryPolicyNotFoundException"):
        own.get_repository_policy(repositoryName=repository)
    own.set_repository_policy(repositoryName=repository, policyText=text, force=True)

    with refused("AccessDeniedException"):
        own.get_repository_policy(repositoryName=repository)
    ecr.delete_repository_policy(repositoryName=repository)


def test_a_user_without_rights_pulls_what_the_repository_lets_him(server, ecr, repository, stranger):
    push_image(ecr, repository, "x", "v1")
    own = server.aws("ecr", key=stranger)
    images = {"repositoryName": repository, "imageIds": [{"imageTag": "v1"}]}
    with refused("AccessDeniedException"):
        own.batch_get_image(**images)

    user = f"arn:aws:iam::{ACCOUNT}:user/policies-stranger"
    ecr.set_repository_policy(repositoryName=repository, policyText=policy(allow({"AWS": user}, *PULL)))
    assert own.batch_get_image(**images)["images"]
    with refused("AccessDeniedException"):
        own.describe_images(repositoryName=repository)

    ecr.delete_repository_policy(repositoryName=repository)
    with refused("AccessDeniedException"):
        own.batch_get_image(**images)


def test_across_accounts_both_sides_have_to_agree(server, ecr, repository, neighbour):
    push_image(ecr, repository, "x", "v1")
    foreign = server.aws("ecr", key=neighbour.key)
    images = {"registryId": ACCOUNT, "repositoryName": repository, "imageIds": [{"imageTag": "v1"}]}
    registry = server.registry(key=neighbour.key)

    with refused("AccessDeniedException") as answer:
        foreign.batch_get_image(**images)
    assert "because no resource-based policy allows the ecr:BatchGetImage action" in answer["Error"]["Message"]
    assert registry("GET", f"/v2/{repository}/manifests/v1").status == 403

    ecr.set_repository_policy(
        repositoryName=repository, policyText=policy(allow({"AWS": f"arn:aws:iam::{neighbour.id}:root"}, *PULL))
    )
    assert foreign.batch_get_image(**images)["images"]
    assert registry("GET", f"/v2/{repository}/manifests/v1").status == 200
    assert registry("PUT", f"/v2/{repository}/manifests/v2", b"{}").status == 403

    ecr.delete_repository_policy(repositoryName=repository)
    with refused("AccessDeniedException"):
        foreign.batch_get_image(**images)
    assert registry("GET", f"/v2/{repository}/manifests/v1").status == 403


def test_the_policy_of_the_registry_is_a_part_of_every_decision(server, account):
    """Scope V2: what it denies is denied to the account's own root user too."""
    own = server.aws("ecr", key=account.key)
    own.create_repository(repositoryName="app")
    with refused(
        "RegistryPolicyNotFoundException", f"Registry policy does not exist in the registry with id '{account.id}'"
    ):
        own.get_registry_policy()
    text = policy(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "ecr:DeleteRepository",
            "Resource": f"arn:aws:ecr:{REGION}:{account.id}:repository/*",
        }
    )
    with refused("InvalidParameterException"):
        own.put_registry_policy(policyText=text.replace("Resource", "Ressource"))

    assert own.put_registry_policy(policyText=text)["registryId"] == account.id
    assert own.get_registry_policy()["policyText"] == text
    with refused("AccessDeniedException") as answer:
        own.delete_repository(repositoryName="app")
    assert answer["Error"]["Message"].endswith("with an explicit deny in a resource-based policy")
    assert own.delete_registry_policy()["policyText"] == text
    own.delete_repository(repositoryName="app")


def test_a_namesake_that_is_made_later_gets_nothing(server, ecr, repository, iam):
    new_user(server, "policies-gone")
    arn = f"arn:aws:iam::{ACCOUNT}:user/policies-gone"
    ecr.set_repository_policy(repositoryName=repository, policyText=policy(allow({"AWS": arn}, *PULL)))
    server.command("user", "delete", "policies-gone")

    shown = json.loads(ecr.get_repository_policy(repositoryName=repository)["policyText"])
    key = new_user(server, "policies-gone", policy="AmazonElasticContainerRegistryPublicReadOnly")

    assert shown["Statement"][0]["Principal"]["AWS"].startswith("AIDA")
    with refused("AccessDeniedException"):
        server.aws("ecr", key=key).batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])


def test_tags_of_repositories_decide(server, ecr, repository, iam):
    key = new_user(server, "policies-tagged", policy="AmazonElasticContainerRegistryPublicReadOnly")
    own = server.aws("ecr", key=key)
    iam_policy = policy(
        {
            "Effect": "Allow",
            "Action": "ecr:DescribeImages",
            "Resource": "*",
            "Condition": {"StringEquals": {"ecr:ResourceTag/team": "${aws:username}"}},
        }
    )
    iam.put_user_policy(UserName="policies-tagged", PolicyName="own", PolicyDocument=iam_policy)
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}"
    with refused("AccessDeniedException"):
        own.describe_images(repositoryName=repository)

    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "policies-tagged"}])
    assert own.describe_images(repositoryName=repository)["imageDetails"] == []
    ecr.untag_resource(resourceArn=arn, tagKeys=["team"])

    with refused("AccessDeniedException"):
        own.describe_images(repositoryName=repository)


def test_nobody_pushes_or_deletes_a_tag_that_is_denied(server, ecr, repository, iam):
    """``ecr:ImageTag``: on both faces, and a deletion by digest takes the tags along."""
    key = new_user(server, "policies-developer")
    own = server.aws("ecr", key=key)
    deny = policy(
        {
            "Effect": "Deny",
            "Action": ["ecr:PutImage", "ecr:BatchDeleteImage"],
            "Resource": "*",
            "Condition": {"ForAnyValue:StringLike": {"ecr:ImageTag": "prod-*"}},
        }
    )
    iam.put_user_policy(UserName="policies-developer", PolicyName="own", PolicyDocument=deny)
    digest = push_image(own, repository, "x", "dev-1")
    text = own.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "dev-1"}])["images"][0][
        "imageManifest"
    ]
    registry = server.registry(key=key)
    kind = {"Content-Type": json.loads(text)["mediaType"]}

    with refused("AccessDeniedException") as answer:
        own.put_image(repositoryName=repository, imageManifest=text, imageTag="prod-1")
    assert answer["Error"]["Message"].endswith("with an explicit deny in an identity-based policy")
    assert registry("PUT", f"/v2/{repository}/manifests/prod-1", text.encode(), headers=kind).status == 403
    assert registry("PUT", f"/v2/{repository}/manifests/dev-2", text.encode(), headers=kind).status == 201

    ecr.put_image(repositoryName=repository, imageManifest=text, imageTag="prod-1")
    for image in ({"imageTag": "prod-1"}, {"imageDigest": digest}):
        with refused("AccessDeniedException"):
            own.batch_delete_image(repositoryName=repository, imageIds=[image])
    assert registry("DELETE", f"/v2/{repository}/manifests/{digest}").status == 403
    assert registry("DELETE", f"/v2/{repository}/manifests/prod-1").status == 403
    assert registry("DELETE", f"/v2/{repository}/manifests/dev-2").status == 202
