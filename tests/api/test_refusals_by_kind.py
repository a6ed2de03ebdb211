"""
Every kind of policy, by its silence and by its denial, on both faces: what a refusal says is AWS's sentence.

Source: IAM user guide, "Troubleshoot access denied error messages"; ecr-api C.4. RCPs cannot be silent.
"""

import base64
import json
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from socket import create_connection
from typing import Any

import pytest

from entrepot.identity import organization
from tests.api.test_sts import session_client
from tests.oci.principals import Account, change, new_account
from tests.support.api import refused
from tests.support.network import free_port
from tests.support.server import ACCOUNT, REGION, Registry, Server

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
NAME, ACTION = "kinds", "ecr:ListImages"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
REASONS = {
    "identity": "identity-based policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "resource": "resource-based policy",
    "scp": "service control policy",
    "rcp": "resource control policy",
    "endpoint": "VPC endpoint policy",
}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, **more):
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


DENY = {"Effect": "Deny", "Action": ACTION, "Resource": "*"}
# By its silence, or by a Deny beside an Allow.
TEXTS = {"silence": document(allow(["ecr:GetAuthorizationToken", "sts:*"])), "denial": document(allow("*"), DENY)}
ENDPOINTS = {
    "silence": document(allow("ecr:GetAuthorizationToken", Principal="*")),
    "denial": document(allow("*", Principal="*"), {**DENY, "Principal": "*"}),
}


@dataclass
class Asker:
    """Who asks, at which listener, for the tags of the member's repository."""

    arn: str
    server: Server
    ecr: Any
    password: str


@pytest.fixture(scope="module")
def ports():
    return {"silence": free_port(), "denial": free_port()}


@pytest.fixture(scope="module")
def server(tmp_path_factory, ports):
    folder = tmp_path_factory.mktemp("kinds")
    listeners = []
    for how, port in ports.items():
        (folder / how).write_text(ENDPOINTS[how])
        listeners.append(f"vpce-{how}=127.0.0.1:{port}={folder / how}")
    with Server(folder / "data", endpoints=",".join(listeners)) as server:
        yield server


class World:
    """An account in an organization, which has a repository, a user and a role; and a user of the managing account."""

    def __init__(self, server: Server) -> None:
        self.server, self.organizations = server, server.aws("organizations")
        self.organizations.create_organization()
        (root,) = self.organizations.list_roots()["Roots"]
        for kind in (SCP, RCP):
            self.organizations.enable_policy_type(RootId=root["Id"], PolicyType=kind)
        self.member = new_account(server)
        self._join(self.member)
        self.iam, self.ecr = (server.aws(service, key=self.member.key) for service in ("iam", "ecr"))
        self.ecr.create_repository(repositoryName=NAME)
        self.key = self._user(self.iam)
        self.foreign_key = self._user(server.aws("iam"))
        trust = {"Effect": "Allow", "Principal": {"AWS": self.member.id}, "Action": "sts:AssumeRole"}
        self.iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=document(trust))
        self.iam.attach_role_policy(RoleName=NAME, PolicyArn=ADMIN)

    def _join(self, account: Account) -> None:
        def work(tx: Any) -> None:
            organization.join(tx, organization.of(tx, ACCOUNT), account.id, email="a@example.com", by="INVITED")

        change(self.server, work)

    def _user(self, iam: Any) -> tuple[str, str]:
        iam.create_user(UserName=NAME)
        iam.attach_user_policy(UserName=NAME, PolicyArn=ADMIN)
        made = iam.create_access_key(UserName=NAME)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    def user(self, account: str | None = None, *, server: Server | None = None) -> Asker:
        key = self.key if account is None else self.foreign_key
        at = server or self.server
        arn = f"arn:aws:iam::{account or self.member.id}:user/{NAME}"
        return Asker(arn, at, at.aws("ecr", key=key), self.server.password(key=key))

    def session(self, policy: str) -> Asker:
        sts = self.server.aws("sts", key=self.key)
        role = f"arn:aws:iam::{self.member.id}:role/{NAME}"
        made = sts.assume_role(RoleArn=role, RoleSessionName="nightly", Policy=policy)["Credentials"]
        ecr = session_client(self.server, "ecr", made)
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().partition(":")[2]
        return Asker(f"arn:aws:sts::{self.member.id}:assumed-role/{NAME}/nightly", self.server, ecr, password)

    @contextmanager
    def identity(self, how):
        if how == "silence":
            self.iam.detach_user_policy(UserName=NAME, PolicyArn=ADMIN)
        self.iam.put_user_policy(UserName=NAME, PolicyName="it", PolicyDocument=TEXTS[how])
        yield self.user()
        self.iam.delete_user_policy(UserName=NAME, PolicyName="it")
        self.iam.attach_user_policy(UserName=NAME, PolicyArn=ADMIN)

    @contextmanager
    def boundary(self, how):
        arn = self.iam.create_policy(PolicyName=how, PolicyDocument=TEXTS[how])["Policy"]["Arn"]
        self.iam.put_user_permissions_boundary(UserName=NAME, PermissionsBoundary=arn)
        yield self.user()
        self.iam.delete_user_permissions_boundary(UserName=NAME)

    @contextmanager
    def session_policy(self, how):
        yield self.session(TEXTS[how])

    @contextmanager
    def resource(self, how):
        if how == "silence":
            yield self.user(ACCOUNT)
            return
        denial = document({"Effect": "Deny", "Action": ACTION, "Principal": "*"})
        self.ecr.set_repository_policy(repositoryName=NAME, policyText=denial, force=True)
        yield self.user()
        self.ecr.delete_repository_policy(repositoryName=NAME)

    @contextmanager
    def control_policy(self, kind, text):
        made = self.organizations.create_policy(Content=text, Description="", Name=text[-60:], Type=kind)
        own = made["Policy"]["PolicySummary"]["Id"]
        self.organizations.attach_policy(PolicyId=own, TargetId=self.member.id)
        if kind == SCP:
            self.organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=self.member.id)
        yield self.user()
        if kind == SCP:
            self.organizations.attach_policy(PolicyId="p-FullAWSAccess", TargetId=self.member.id)
        self.organizations.detach_policy(PolicyId=own, TargetId=self.member.id)

    def scp(self, how):
        return self.control_policy(SCP, TEXTS[how])

    def rcp(self, _how):
        return self.control_policy(RCP, document({**DENY, "Principal": "*"}))


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@contextmanager
def endpoint(world, port):
    for _ in range(200):
        try:
            with closing(create_connection(("127.0.0.1", port), timeout=1)):
                break
        except OSError:
            time.sleep(0.1)
    yield world.user(server=Server(world.server.data, port=port))


CASES = [(kind, how) for kind in REASONS for how in ("silence", "denial") if (kind, how) != ("rcp", "silence")]


@pytest.mark.parametrize(("kind", "how"), CASES)
def test_a_refusal_names_who_what_on_what_and_the_kind_of_policy(world, ports, kind, how):
    words = REASONS[kind]
    article = "an" if words.startswith("identity") else "a"
    reason = f"because no {words} allows the {ACTION} action"
    if how == "denial":
        reason = f"with an explicit deny in {article} {words}"
    setting = {"session": world.session_policy}.get(kind) or getattr(world, kind, None)

    with endpoint(world, ports[how]) if setting is None else setting(how) as who:
        sentence = (
            f"User: {who.arn} is not authorized to perform: {ACTION} on resource: "
            f"arn:aws:ecr:{REGION}:{world.member.id}:repository/{NAME} {reason}"
        )
        with refused("AccessDeniedException", sentence) as answer:
            who.ecr.list_images(registryId=world.member.id, repositoryName=NAME)
        registry = Registry(who.server.url, who.password, headers={"Host": world.member.host(who.server)})
        told = registry("GET", f"/v2/{NAME}/tags/list")

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert (told.status, told.json()["errors"]) == (403, [{"code": "DENIED", "message": sentence}])


def test_without_any_of_them_it_is_allowed(world):
    """So what was refused above was refused by what had been put there."""
    who = world.user()

    assert who.ecr.list_images(repositoryName=NAME)["imageIds"] == []
