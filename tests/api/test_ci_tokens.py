"""
Tokens as GitHub Actions, GitLab and Kubernetes make them: each takes on the role that means it, and no other does.

Source: GitHub docs, "OpenID Connect reference"; GitLab docs, "OpenID Connect (OIDC) authentication using ID tokens";
Kubernetes docs, "Managing Service Accounts", bound tokens.
"""

import json
import time
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from entrepot.identity import providers
from tests.oci.principals import change
from tests.support.api import refused
from tests.support.server import REGION
from tests.support.web_identity import Issuer

AUDIENCE = "sts.amazonaws.com"
GITHUB = {
    "jti": "0f1b",
    "sub": "repo:acme/shop:ref:refs/heads/main",
    "aud": AUDIENCE,
    "ref": "refs/heads/main",
    "sha": "22cf64b1",
    "repository": "acme/shop",
    "repository_owner": "acme",
    "repository_owner_id": "12",
    "run_id": "9",
    "repository_visibility": "private",
    "repository_id": "74",
    "actor": "ann",
    "workflow": "push",
    "event_name": "push",
    "ref_protected": "true",
    "ref_type": "branch",
    "job_workflow_ref": "acme/shop/.github/workflows/push.yml@refs/heads/main",
    "runner_environment": "github-hosted",
}
GITLAB = {
    "jti": "235b",
    "sub": "project_path:acme/shop:ref_type:branch:ref:main",
    "aud": AUDIENCE,
    "namespace_id": "72",
    "namespace_path": "acme",
    "project_id": "20",
    "project_path": "acme/shop",
    "user_id": "1",
    "user_login": "ann",
    "user_access_level": "developer",
    "pipeline_id": "574",
    "pipeline_source": "push",
    "job_id": "302",
    "ref": "main",
    "ref_type": "branch",
    "ref_path": "refs/heads/main",
    "ref_protected": "true",
    "environment": "prod",
    "runner_id": 1,
    "runner_environment": "self-hosted",
    "groups_direct": ["acme"],
    "ci_config_ref_uri": "gitlab.example/acme/shop//.gitlab-ci.yml@refs/heads/main",
}
KUBERNETES = {
    "jti": "aed3",
    "sub": "system:serviceaccount:build:pusher",
    "aud": [AUDIENCE],
    "kubernetes.io": {
        "namespace": "build",
        "node": {"name": "n1", "uid": "5f"},
        "pod": {"name": "job-1", "uid": "5e"},
        "serviceaccount": {"name": "pusher", "uid": "aa"},
    },
}
# The issuer, a token of it, what the role's trust asks for, and what is different in a token that is not meant.
SHAPES: dict[str, tuple[str, dict[str, Any], dict[str, str], list[dict[str, Any]]]] = {
    "github": (
        "https://token.actions.githubusercontent.com",
        GITHUB,
        {"sub": "repo:acme/shop:ref:refs/heads/main", "repository_id": "74", "ref_protected": "true"},
        [
            {"sub": "repo:acme/shop:pull_request"},
            {"repository_id": "75"},
            {"ref_protected": "false"},
            {"aud": "https://github.com/acme"},
        ],
    ),
    "gitlab": (
        "https://gitlab.example",
        GITLAB,
        {"project_path": "acme/shop", "ref_protected": "true", "environment": "prod"},
        [{"project_path": "acme/shop2"}, {"ref_protected": "false"}, {"environment": None}, {"aud": "vault"}],
    ),
    "kubernetes": (
        "https://kubernetes.default.svc.cluster.local",
        KUBERNETES,
        {"sub": "system:serviceaccount:build:pusher"},
        [
            {"sub": "system:serviceaccount:build:default"},
            {"sub": "system:serviceaccount:build:pusher2"},
            {"aud": ["https://kubernetes.default.svc.cluster.local"]},
        ],
    ),
}


def _document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Shape:
    """A provider whose keys were given, a role that trusts some of its tokens, and such a token."""

    def __init__(self, server, account, name):
        url, self.claims, wanted, self.others = SHAPES[name]
        self.issuer, host = Issuer(url), url.removeprefix("https://")
        iam = server.aws("iam", key=account.key)
        provider = iam.create_open_id_connect_provider(Url=url, ClientIDList=[AUDIENCE])["OpenIDConnectProviderArn"]
        change(server, lambda tx: providers.set_jwks(tx, providers.get(tx, account.id, provider), self.issuer.jwks))
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{host}:{key}": value for key, value in wanted.items()}},
        }
        made = iam.create_role(RoleName=f"ci-{name}", AssumeRolePolicyDocument=_document(trust))
        self.role = made["Role"]["Arn"]
        login = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
        iam.put_role_policy(RoleName=f"ci-{name}", PolicyName="login", PolicyDocument=_document(login))

    def token(self, **changed):
        now = int(time.time())
        claims = {"iss": self.issuer.url, "iat": now, "nbf": now, "exp": now + 600} | self.claims | changed
        return self.issuer.sign({key: value for key, value in claims.items() if value is not None})


@pytest.fixture(scope="module", params=SHAPES)
def shape(server, account, request):
    return Shape(server, account, request.param)


@pytest.fixture(scope="module")
def anybody(server):
    """STS for those who have no credentials."""
    config = Config(retries={"max_attempts": 0}, signature_version=UNSIGNED)
    return boto3.client("sts", endpoint_url=server.url, region_name=REGION, config=config)


def test_a_token_that_is_meant_takes_on_the_role(anybody, shape):
    made = anybody.assume_role_with_web_identity(
        RoleArn=shape.role, RoleSessionName="job-1", WebIdentityToken=shape.token()
    )

    assert made["SubjectFromWebIdentityToken"] == shape.claims["sub"]
    assert made["Audience"] == AUDIENCE


def test_a_token_of_another_job_does_not(anybody, shape):
    for other in shape.others:
        code = "InvalidIdentityToken" if "aud" in other else "AccessDenied"
        with refused(code):
            anybody.assume_role_with_web_identity(
                RoleArn=shape.role, RoleSessionName="job-1", WebIdentityToken=shape.token(**other)
            )


def test_a_client_finds_its_token_by_itself(server, shape, monkeypatch, tmp_path):
    """As a pod does, whose token is a file, and as runners do that write it into one."""
    (tmp_path / "token").write_text(shape.token())
    there = {
        "AWS_ROLE_ARN": shape.role,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ENDPOINT_URL": server.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in there.items():
        monkeypatch.setenv(name, value)

    session = boto3.Session()
    who = session.client("sts").get_caller_identity()["Arn"]
    assert who.startswith(f"{shape.role.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/")
    assert session.client("ecr").get_authorization_token()["authorizationData"]
