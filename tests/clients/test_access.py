"""Who may what, as people meet it: with the real clients, from the login to the refusal."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.images import Images
from tests.clients.kit import Shell
from tests.oci.principals import new_account, new_user
from tests.support.clients import client
from tests.support.server import ACCOUNT, REGION, Server
from tests.support.web_identity import Issuer

PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
]
READ_ONLY = "AmazonEC2ContainerRegistryReadOnly"
NOTHING = "AmazonElasticContainerRegistryPublicReadOnly"  # of what is here
GITHUB = "https://token.actions.githubusercontent.com"
MAIN = "repo:my-org/my-app:ref:refs/heads/main"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, **more):
    return {"Effect": "Allow", "Action": list(actions), **more}


class Person:
    """Somebody with a shell and crane; *variables* say who it is to the AWS CLI."""

    def __init__(self, home: Path, host: str, variables: dict[str, str]) -> None:
        self.host = host
        self.shell = Shell(home, **variables)

    def password(self) -> str:
        """What the AWS CLI gets to log in with."""
        return self.shell(client("aws"), "ecr", "get-login-password")

    def log_in(self) -> None:
        login = ["auth", "login", self.host, "-u", "AWS", "--password-stdin"]
        self.shell(client("crane"), *login, given=self.password())

    def crane(self, *arguments: str) -> str:
        return self.shell(client("crane"), *arguments).strip()

    def crane_refused(self, *arguments: str) -> str:
        return self.shell.refused(client("crane"), *arguments)


@dataclass(frozen=True)
class Scene:
    """A repository with an image under the tag ``1``, its owner, and room for others."""

    server: Server
    folder: Path
    host: str
    repository: str
    images: Images
    variables: dict[str, str]
    owner: Person

    @property
    def place(self) -> str:
        """How references name the repository."""
        return f"{self.host}/{self.repository}"

    @property
    def arn(self) -> str:
        return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{self.repository}"

    @property
    def name(self) -> str:
        """A name that nobody else has, of a user or a role."""
        return self.repository.replace("/", "-")

    @property
    def iam(self) -> Any:
        return self.server.aws("iam")

    def person(self, key: Sequence[str] = (), **more: str) -> Person:
        """Somebody with an access key, or whatever else says who it is."""
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        kept = {name: value for name, value in self.variables.items() if name not in keys}
        return Person(self.folder / "them", self.host, kept | dict(zip(keys, key, strict=False)) | more)

    def session(self, policy: str) -> Person:
        """Somebody who has no right but to take on a role with one of AWS's policies, and has done so."""
        key = new_user(self.server, self.name, policy=NOTHING)
        trust = document(allow("sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/{self.name}"}))
        role = self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self.iam.attach_role_policy(RoleName=self.name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        made = self.server.aws("sts", key=key).assume_role(RoleArn=role, RoleSessionName="run-1")["Credentials"]
        return self.person([made[member] for member in ("AccessKeyId", "SecretAccessKey", "SessionToken")])


@pytest.fixture
def scene(server, repository, images, variables, tmp_path):
    host = f"127.0.0.1:{server.port}"
    owner = Person(tmp_path / "owner", host, variables)
    owner.log_in()
    made = Scene(server, tmp_path, host, repository, images, variables, owner)
    owner.crane("push", str(images.image), f"{made.place}:1")
    return made


def test_docker_pulls_what_a_session_of_a_role_may_pull(engine, scene):
    docker, place = client("docker"), scene.place
    password = scene.session(READ_ONLY).password()

    engine(docker, "login", "--username", "AWS", "--password-stdin", scene.host, given=password)
    try:
        pulled = engine(docker, "pull", f"{place}:1")
        engine(docker, "tag", f"{place}:1", f"{place}:2")
        said = engine.refused(docker, "push", f"{place}:2")
    finally:
        engine(docker, "logout", scene.host)
        engine.attempt(docker, "rmi", f"{place}:1", f"{place}:2")

    who = f"denied: User: arn:aws:sts::{ACCOUNT}:assumed-role/{scene.name}/run-1"
    assert f"Digest: {scene.images.digest}" in pulled
    assert "Status: Downloaded newer image" in pulled
    assert (
        f"{who} is not authorized to perform: ecr:PutImage on resource: {scene.arn} because no identity-based" in said
    )


def test_a_node_pulls_everything_and_pushes_and_deletes_nothing(scene):
    place, node = scene.place, scene.session(READ_ONLY)
    node.log_in()

    node.crane("validate", "--remote", f"{place}:1")
    assert node.crane("ls", place).split() == ["1"]
    pushed = node.crane_refused("push", str(scene.images.index), f"{place}:2")
    tagged = node.crane_refused("tag", f"{place}:1", "2")
    deleted = node.crane_refused("delete", f"{place}:1")

    assert "not authorized to perform: ecr:InitiateLayerUpload" in pushed
    assert "not authorized to perform: ecr:PutImage" in tagged
    assert "not authorized to perform: ecr:BatchDeleteImage" in deleted
    assert scene.owner.crane("ls", place).split() == ["1"]


def test_a_login_ends_with_the_next_request_after_its_key(scene):
    """On every worker, and without waiting for the twelve hours; the clients need not log in anew to be kept out."""
    key = new_user(scene.server, scene.name, policy=READ_ONLY)
    them = scene.person(key)
    them.log_in()
    them.crane("validate", "--remote", f"{scene.place}:1")
    raw = scene.server.registry(key=key)
    path = f"/v2/{scene.repository}/manifests/1"
    assert {raw("GET", path).status for _ in range(20)} == {200}

    scene.iam.update_access_key(UserName=scene.name, AccessKeyId=key[0], Status="Inactive")
    said = them.crane_refused("manifest", f"{scene.place}:1")
    seen = {raw("GET", path).status for _ in range(20)}
    scene.iam.update_access_key(UserName=scene.name, AccessKeyId=key[0], Status="Active")
    them.crane("manifest", f"{scene.place}:1")

    assert "UNAUTHORIZED" in said
    assert seen == {401}


def test_a_right_ends_with_the_next_request_after_its_policy(scene):
    them = scene.person(new_user(scene.server, scene.name, policy=READ_ONLY))
    them.log_in()
    them.crane("manifest", f"{scene.place}:1")

    scene.iam.detach_user_policy(UserName=scene.name, PolicyArn=f"arn:aws:iam::aws:policy/{READ_ONLY}")

    assert "because no identity-based policy allows" in them.crane_refused("manifest", f"{scene.place}:1")


@pytest.fixture(scope="module")
def github(server, tmp_path_factory):
    """GitHub as an identity provider, whose keys were given."""
    issuer = Issuer(GITHUB)
    server.aws("iam").create_open_id_connect_provider(Url=GITHUB, ClientIDList=["sts.amazonaws.com"])
    keys = tmp_path_factory.mktemp("github") / "jwks.json"
    keys.write_text(issuer.jwks)
    server.command("provider", "keys", GITHUB, str(keys))
    return issuer


@pytest.fixture
def job(github, scene):
    """Makes a job of GitHub's by what is special about its token; it may push to the scene's repository."""
    issuer = GITHUB.removeprefix("https://")
    trust = allow(
        "sts:AssumeRoleWithWebIdentity",
        Principal={"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
        Condition={"StringEquals": {f"{issuer}:sub": MAIN}},
    )
    own = document(allow("ecr:GetAuthorizationToken", Resource="*"), allow(*PUSH, Resource=scene.arn))
    role = scene.iam.create_role(RoleName=scene.name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    scene.iam.put_role_policy(RoleName=scene.name, PolicyName="push", PolicyDocument=own)

    def begin(*, forged=False, **special):
        signer = Issuer(GITHUB) if forged else github
        token = scene.folder / "token"
        token.write_text(signer.sign(claims(**special)))
        return scene.person(AWS_ROLE_ARN=role, AWS_ROLE_SESSION_NAME="run-1", AWS_WEB_IDENTITY_TOKEN_FILE=str(token))

    return begin


def claims(**special):
    """What a token of GitHub's says."""
    now = int(time.time())
    return {
        "iss": GITHUB,
        "aud": "sts.amazonaws.com",
        "sub": MAIN,
        "jti": "of-this-job",
        "ref": "refs/heads/main",
        "repository": "my-org/my-app",
        "repository_id": "1234",
        "repository_owner": "my-org",
        "repository_owner_id": "5678",
        "run_id": "9",
        "job_workflow_ref": "my-org/my-app/.github/workflows/push.yml@refs/heads/main",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        **special,
    }


def test_a_job_of_github_pushes_to_its_repository_and_to_no_other(job, scene):
    ecr, there = scene.server.aws("ecr"), f"{scene.repository}/copy"
    ecr.create_repository(repositoryName=there)
    main = job()
    main.log_in()

    pushed = main.crane("push", str(scene.images.image), f"{scene.place}:2")
    main.crane_refused("push", str(scene.images.image), f"{scene.place}/copy:2")
    said = main.crane_refused("manifest", f"{scene.place}/copy:2")

    who = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{scene.name}/run-1"
    assert pushed == f"{scene.place}@{scene.images.digest}"
    assert f"{who} is not authorized to perform: ecr:BatchGetImage on resource: {scene.arn}/copy because no" in said
    assert ecr.list_images(repositoryName=there)["imageIds"] == []


@pytest.mark.parametrize(
    "special",
    [
        {"sub": "repo:my-org/my-app:ref:refs/heads/other"},
        {"sub": "repo:my-org/my-app-2:ref:refs/heads/main"},
        {"aud": "https://github.com/my-org"},
        {"exp": 1},
        {"forged": True},
    ],
    ids=["branch", "repository", "audience", "expired", "forged"],
)
def test_a_job_that_the_role_does_not_mean_gets_nothing(job, special):
    said = job(**special).shell.refused(client("aws"), "ecr", "get-login-password")

    assert "when calling the AssumeRoleWithWebIdentity operation" in said


@pytest.fixture(scope="module")
def neighbour(server):
    """Another account."""
    return new_account(server)


@pytest.mark.parametrize(
    ("consents", "may", "reason"),
    [
        (True, True, None),
        (True, False, "because no identity-based policy allows the ecr:BatchGetImage action"),
        (False, True, "because no resource-based policy allows the ecr:BatchGetImage action"),
        (False, False, "because no resource-based policy allows the ecr:BatchGetImage action"),
    ],
    ids=["both", "owner-only", "puller-only", "none"],
)
def test_another_account_pulls_by_consent_of_both_sides(scene, neighbour, consents, may, reason):
    """It logs in at the registry that has the image, with a password of its own."""
    iam = scene.server.aws("iam", key=neighbour.key)
    iam.create_user(UserName=scene.name)
    own = document(allow("ecr:GetAuthorizationToken", *(PULL if may else ()), Resource="*"))
    iam.put_user_policy(UserName=scene.name, PolicyName="own", PolicyDocument=own)
    made = iam.create_access_key(UserName=scene.name)["AccessKey"]
    if consents:
        consent = document(allow(*PULL, Principal={"AWS": neighbour.id}))
        scene.server.aws("ecr").set_repository_policy(repositoryName=scene.repository, policyText=consent)
    them = scene.person([made["AccessKeyId"], made["SecretAccessKey"]])
    them.log_in()

    if reason is None:
        them.crane("validate", "--remote", f"{scene.place}:1")
        assert "not authorized to perform: ecr:PutImage" in them.crane_refused("tag", f"{scene.place}:1", "2")
    else:
        said = them.crane_refused("pull", f"{scene.place}:1", "image.tar")
        assert f"User: arn:aws:iam::{neighbour.id}:user/{scene.name} is not authorized" in said
        assert reason in said


def test_a_refusal_can_be_explained(scene):
    """By the same words, and by the statement that did it."""
    aws, them = client("aws"), scene.person(new_user(scene.server, scene.name, policy=READ_ONLY))
    deny = {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": f"{scene.arn}*"}
    scene.iam.put_user_policy(UserName=scene.name, PolicyName="not-here", PolicyDocument=document(deny))
    put = ["ecr", "put-image", f"--repository-name={scene.repository}", "--image-manifest={}"]
    asked = [f"--policy-source-arn=arn:aws:iam::{ACCOUNT}:user/{scene.name}", f"--resource-arns={scene.arn}"]
    actions = ["--action-names", "ecr:PutImage", "ecr:BatchGetImage", "ecr:DeleteRepository"]

    said = them.shell.refused(aws, *put)
    answer = scene.owner.shell(aws, "iam", "simulate-principal-policy", *asked, *actions, "--output=json")

    assert f"is not authorized to perform: ecr:PutImage on resource: {scene.arn} with an explicit deny in an" in said
    results = json.loads(answer)["EvaluationResults"]
    assert [(each["EvalActionName"], each["EvalDecision"]) for each in results] == [
        ("ecr:PutImage", "explicitDeny"),
        ("ecr:BatchGetImage", "allowed"),
        ("ecr:DeleteRepository", "implicitDeny"),
    ]
    assert "not-here" in results[0]["MatchedStatements"][0]["SourcePolicyId"]
