"""An account of a test's own, with somebody in it who wants more than she has."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.oci.principals import Account, new_account
from tests.support.server import REGION, Registry, Server

Key = tuple[str, str, str | None]
Statement = dict[str, Any]

_REFUSED = {"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException"}


def policy(*statements: Statement) -> str:
    """The text of a policy; statements allow where they do not say otherwise."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def allow(*actions: str, on: str | Sequence[str] = "*", **more: Any) -> Statement:
    """A statement of an identity's policy."""
    return {"Action": list(actions), "Resource": on, **more}


def trust(*people: str, actions: Sequence[str] = ("sts:AssumeRole",), **condition: Any) -> str:
    """The text of a trust policy."""
    who = {"AWS": list(people)} if people else {"Service": "ec2.amazonaws.com"}
    statement = {"Principal": who, "Action": list(actions)}
    return policy(statement | ({"Condition": condition} if condition else {}))


def may(call: Any, **arguments: Any) -> bool:
    """Whether a call goes through. What is refused for another reason than rights is no answer to that."""
    try:
        call(**arguments)
    except ClientError as error:
        answer: Any = error.response
        if answer["Error"]["Code"] in _REFUSED:
            return False
        raise
    return True


class Person:
    """Somebody with credentials."""

    def __init__(self, server: Server, key: Key) -> None:
        self.server, self.key = server, key
        self._clients: dict[str, Any] = {}

    def __getattr__(self, service: str) -> Any:
        """A client of a service."""
        if service not in self._clients:
            self._clients[service] = self.client(service)
        return self._clients[service]

    def client(self, service: str, *, agent: str | None = None) -> Any:
        """A new client of a service, which says that it is *agent* and nothing else."""
        make: Any = boto3.client
        made = make(
            service,
            endpoint_url=self.server.url,
            region_name=REGION,
            aws_access_key_id=self.key[0],
            aws_secret_access_key=self.key[1],
            aws_session_token=self.key[2],
            config=Config(retries={"max_attempts": 0}, parameter_validation=False),
        )

        def say(request: Any, **_: Any) -> None:
            request.headers["User-Agent"] = agent  # which is not signed

        if agent is not None:
            made.meta.events.register("before-send", say)
        return made

    def session(self, answer: Any) -> "Person":
        """Who has the credentials of an answer of STS."""
        made = answer["Credentials"]
        return Person(self.server, (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]))

    def assume(self, role: str, **more: Any) -> "Person":
        """A session of a role by its ARN."""
        return self.session(self.sts.assume_role(RoleArn=role, **{"RoleSessionName": "run", **more}))

    def docker(self, account: Account | None = None) -> Registry:
        """The registry, logged in: of an account, or of the default one."""
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        registry = Registry(self.server.url, base64.b64decode(token).decode().partition(":")[2])
        if account is not None:
            registry.headers["Host"] = account.host(self.server)
        return registry


class Play:
    """
    An account: its root user, an administrator (boss), and eve, who has a small right.

    There are, too: a group of administrators, an administrators' role (deputy) for machines only, a role without
    rights (page) which trusts eve, and a repository (vault).
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.account = new_account(server)
        self.root = Person(server, (*self.account.key, None))
        self.iam = self.root.iam
        self.boss = self.user("boss")
        self.iam.attach_user_policy(UserName="boss", PolicyArn=ADMINISTRATOR)
        self.eve = self.user("eve", "/staff/")

    def arn(self, what: str) -> str:
        """The ARN of a thing of IAM."""
        return f"arn:aws:iam::{self.account.id}:{what}"

    def repository(self, name: str) -> str:
        """The ARN of a repository."""
        return f"arn:aws:ecr:{REGION}:{self.account.id}:repository/{name}"

    @property
    def herself(self) -> str:
        """The ARN of eve."""
        return self.arn("user/staff/eve")

    def user(self, name: str, path: str = "/") -> Person:
        """A new user with an access key."""
        self.iam.create_user(UserName=name, Path=path)
        return Person(self.server, self.key(name))

    def key(self, name: str) -> Key:
        """A new access key."""
        made = self.iam.create_access_key(UserName=name)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"], None

    def role(self, name: str, *people: str, rights: Sequence[Statement] = (), **more: Any) -> str:
        """A new role which trusts *people*; its ARN."""
        document = more.pop("trust", None) or trust(*people)
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)
        if rights:
            self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*rights))
        return str(made["Role"]["Arn"])

    def give(self, *statements: Statement, user: str = "eve", name: str = "small") -> None:
        """Let a user do what the statements say, in an inline policy of that name."""
        self.iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=policy(*statements))

    def managed(self, name: str, *statements: Statement) -> str:
        """A new managed policy; its ARN."""
        made = self.iam.create_policy(PolicyName=name, PolicyDocument=policy(*statements))
        return str(made["Policy"]["Arn"])

    def bound(self, *actions: str, user: str = "eve") -> None:
        """Limit a user to *actions*."""
        arn = self.managed(f"limit-{user}", allow(*actions))
        self.iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=arn)


ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
