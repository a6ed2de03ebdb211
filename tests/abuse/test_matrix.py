"""
Every route and every operation, by everybody, on what is one's own and what is another's.

What is expected comes from the table (``rights``), never from the product. "Allowed" means: not refused for want of
rights; that there is no such thing, or that the input makes no sense, is said to those who may. So the questions are
about things that are not there, and no question spoils another.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from entrepot import clock
from entrepot.app import SERVICES
from entrepot.identity.sessions import Session, issue
from entrepot.oci.routes import ROUTES as SERVED
from tests.abuse.rights import CONSENTING, OPERATIONS, OWNED, READER, ROUTES, UNSEEN, Need
from tests.oci.principals import Account, directory_of, new_account, password_of
from tests.support.server import ACCOUNT, REGION, Registry, Server, digest_of

Outcome = str  # "allowed", "refused", or "unknown" where nobody is known to have asked

# Whose rights: home is the default account, abroad another one.
WHO = {
    "root": ("home", "root"),
    "administrator": ("home", "AdministratorAccess"),
    "reader": ("home", "AmazonEC2ContainerRegistryReadOnly"),
    "viewer": ("home", "ReadOnlyAccess"),
    "nobody": ("home", None),
    "foreign root": ("abroad", "root"),
    "foreign administrator": ("abroad", "AdministratorAccess"),
    "foreign nobody": ("abroad", None),
}
STRANGERS = ("expired", "revoked", "anonymous")
# What is asked about: a thing of home, one of home that consents to what the other account does, one of abroad.
OWNERS = {"home": "home", "consenting": "home", "abroad": "abroad"}

_REFUSED = {"AccessDenied", "AccessDeniedException"}
_UNKNOWN = {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "ExpiredToken",
    "ExpiredTokenException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
}
_NOWHERE = digest_of(b"nowhere")
_UPLOAD = "00000000-0000-4000-8000-000000000000"
_FOR_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def expected(who: str, need: Need, owner: str) -> Outcome:
    """What the table says."""
    if need.kind == "unsigned":
        return "allowed"
    if who not in WHO:
        return "unknown"
    account, rights = WHO[who]
    if need.kind == "nothing":
        return "allowed"
    if need.kind == "account" and account != "home":
        return "refused"
    if need.kind == "role arn" and rights == "root":
        return "refused"  # nobody assumes a role as a root user. Source: AWS STS API reference, AssumeRole
    own = (
        rights in {"root", "AdministratorAccess"}
        or (rights == "ReadOnlyAccess" and need.level in {"L", "R"} and UNSEEN.isdisjoint(need.actions))
        or (rights == "AmazonEC2ContainerRegistryReadOnly" and READER.issuperset(need.actions))
    )
    if need.kind not in OWNED or OWNERS[owner] == account:
        return "allowed" if own else "refused"
    consents = owner == "consenting" and need.kind in CONSENTING
    return "allowed" if own and consents else "refused"


# ── the world ───────────────────────────────────────────────────────────────────────────────────────


@dataclass
class World:
    """A server, who is there, and how they ask."""

    server: Server
    abroad: Account
    keys: dict[str, tuple[str, str]]
    expired: tuple[str, str, str]
    passwords: dict[str, str]
    consenting_key: str
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    addresses: int = 0

    def account(self, owner: str) -> str:
        """The account of an owner."""
        return ACCOUNT if OWNERS[owner] == "home" else self.abroad.id

    def client(self, service: str, who: str) -> Any:
        """A client of the API."""
        if who in self.keys:
            return self.server.aws(service, key=self.keys[who])
        key = self.expired if who == "expired" else (None, None, None)
        config = Config(
            retries={"max_attempts": 0},
            parameter_validation=False,
            signature_version=UNSIGNED if who == "anonymous" else None,
        )
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.server.url,
            region_name=REGION,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            aws_session_token=key[2],
            config=config,
        )

    def ask(self, who: str, service: str, operation: str, params: Mapping[str, Any]) -> tuple[Outcome, str]:
        """What comes of a call of the API, and what is said to it."""
        if (service, who) not in self.clients:
            self.clients[service, who] = self.client(service, who)
        try:
            getattr(self.clients[service, who], xform_name(operation))(**params)
        except ClientError as error:
            answer: Any = error.response
            assert answer["ResponseMetadata"]["HTTPStatusCode"] < 500, answer
            return _outcome(answer["Error"]["Code"]), answer["Error"]["Message"]
        return "allowed", ""

    def request(self, who: str, owner: str, method: str, path: str, body: bytes | None) -> tuple[Outcome, str]:
        """What comes of a request to the registry of an owner. Each comes from an address of its own."""
        self.addresses += 1
        address = f"127.0.{self.addresses // 250 + 10}.{self.addresses % 250 + 1}" if who in STRANGERS else None
        registry = Registry(self.server.url, self.passwords.get(who), address=address)
        if OWNERS[owner] == "abroad":
            registry.headers["Host"] = self.abroad.host(self.server)
        answer = registry(method, path, body)
        text = answer.data.decode(errors="replace")
        assert answer.status < 500, text
        if answer.status == 401 or "authorization token has expired" in text:
            return "unknown", text
        if answer.status == 403 and method == "HEAD":
            return ("unknown" if who == "expired" else "refused"), text
        return ("refused" if answer.status == 403 else "allowed"), text


def _outcome(code: str) -> Outcome:
    return "refused" if code in _REFUSED else "unknown" if code in _UNKNOWN else "allowed"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Server(tmp_path_factory.mktemp("matrix") / "data") as server:
        abroad = new_account(server)
        roots = {"home": server.root_key(), "abroad": abroad.key}
        keys = {
            who: roots[account] if rights == "root" else _user(server, roots[account], who, rights)
            for who, (account, rights) in WHO.items()
        }
        keys["revoked"] = _user(server, roots["home"], "revoked", "AdministratorAccess")
        passwords = {
            who: server.password(key=key) for who, key in keys.items() if who not in {"nobody", "foreign nobody"}
        }
        for who in ("nobody", "foreign nobody"):
            passwords[who] = _password_without_rights(server, keys[who])
        passwords["expired"] = password_of(server, ago=13 * 3600)
        server.aws("iam").update_access_key(UserName="revoked", AccessKeyId=keys["revoked"][0], Status="Inactive")
        _roles(server, roots, abroad)
        yield World(server, abroad, keys, _expired(server), passwords, _consenting_key(server, abroad))


def _user(server: Server, root: tuple[str, str], who: str, rights: str | None) -> tuple[str, str]:
    iam, name = server.aws("iam", key=root), who.replace(" ", "-")
    iam.create_user(UserName=name)
    if rights:
        iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::aws:policy/{rights}")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def _password_without_rights(server: Server, key: tuple[str, str]) -> str:
    """The password of somebody who may not ask for one: it carries no right, so it need not be asked for."""
    with directory_of(server) as directory:
        credential = directory.credential(key[0])
        assert credential is not None
        return directory.logins.issue(credential.principal, key[0], REGION).password


def _expired(server: Server) -> tuple[str, str, str]:
    """A session of an administrators' role that was over an hour ago."""
    role = server.aws("iam").get_role(RoleName="plain")["Role"]
    server.aws("iam").attach_role_policy(RoleName="plain", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    now = clock.now()
    session = Session("role", role["RoleId"], ACCOUNT, "late", now - 7200, now - 3600)
    with directory_of(server) as directory:
        made = issue(directory.ring, session)
    return made.access_key_id, made.secret, made.token


def _roles(server: Server, roots: Mapping[str, tuple[str, str]], abroad: Account) -> None:
    """A role of each owner: it trusts its own account, and the consenting one the other too."""
    for owner, trusted in (("home", [ACCOUNT]), ("consenting", [ACCOUNT, abroad.id]), ("abroad", [abroad.id])):
        statement = {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam = server.aws("iam", key=roots[OWNERS[owner]])
        iam.create_role(RoleName=_ROLES[owner], AssumeRolePolicyDocument=json.dumps(document))


def _consenting_key(server: Server, abroad: Account) -> str:
    """The id of a key of home that lets the other account do everything."""
    people = [f"arn:aws:iam::{ACCOUNT}:root", *_people(abroad)]
    statement = {"Effect": "Allow", "Principal": {"AWS": people}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made: str = server.aws("kms").create_key(Policy=policy)["KeyMetadata"]["KeyId"]
    return made


def _people(abroad: Account) -> list[str]:
    """The other account, and one of its users who has no rights there."""
    return [f"arn:aws:iam::{abroad.id}:{who}" for who in ("root", "user/foreign-nobody")]


_ROLES = {"home": "plain", "consenting": "open", "abroad": "plain"}


@pytest.fixture(scope="module")
def repositories(world: World) -> Callable[[], dict[str, str]]:
    """Makes a repository of each owner; the consenting one lets the other account do everything."""
    numbers = iter(range(10_000))

    def make() -> dict[str, str]:
        number = next(numbers)
        names = {owner: f"{owner}-{number}" for owner in OWNERS}
        for owner, name in names.items():
            ecr = world.server.aws("ecr", key=None if OWNERS[owner] == "home" else world.abroad.key)
            ecr.create_repository(repositoryName=name)
        statement = {"Effect": "Allow", "Principal": {"AWS": _people(world.abroad)}, "Action": "ecr:*"}
        world.server.aws("ecr").set_repository_policy(
            repositoryName=names["consenting"],
            policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        return names

    return make


@pytest.fixture(scope="module")
def lasting(repositories: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Repositories for all questions that leave them as they are."""
    return repositories()


# ── what is asked ───────────────────────────────────────────────────────────────────────────────────

_NO_DOCUMENT = "{}"  # refused of those who may save one
_MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess"
# The members of inputs, by name. Names of users, groups … are those of nobody, where the thing is about somebody.
_MEMBERS: dict[str, Any] = {
    "layerDigests": [_NOWHERE],
    "layerDigest": _NOWHERE,
    "imageIds": [{"imageTag": "none"}],
    "uploadId": _UPLOAD,
    "subjectId": {"imageDigest": _NOWHERE},
    "imageManifest": "{}",
    "imageScanningConfiguration": {"scanOnPush": False},
    "imageTagMutability": "MUTABLE",
    "policyText": _NO_DOCUMENT,
    "tags": [{"Key": "a", "Value": "b"}],
    "tagKeys": ["a"],
    "partFirstByte": 0,
    "partLastByte": 0,
    "layerPartBlob": b"x",
    "name": "BLOB_MOUNTING",
    "value": "ENABLED",
    "Tags": [{"Key": "a", "Value": "b"}],
    "TagKeys": ["a"],
    "PolicyDocument": _NO_DOCUMENT,
    "AssumeRolePolicyDocument": _NO_DOCUMENT,
    "PolicyInputList": [json.dumps(_FOR_ALL)],
    "ActionNames": ["ecr:PutImage"],
    "PermissionsBoundary": _MANAGED,
    "Url": "http://none.example",  # only https is taken
    "ThumbprintList": ["0" * 40],
    "ClientID": "none",
    "AWSServiceName": "none.amazonaws.com",
    "DeletionTaskId": "task/aws-service-role/none.amazonaws.com/none/00000000-0000-4000-8000-000000000000",
    "AccessKeyId": "AKIAAAAAAAAAAAAAAAAA",
    "Status": "Inactive",
    "VersionId": "v1",
    "OldPassword": "wrong one",
    "NewPassword": "another one",
    "AccountAlias": "none-at-all",
    "Email": "none@example.com",
    "Content": _NO_DOCUMENT,
    "Type": "SERVICE_CONTROL_POLICY",
    "PolicyType": "SERVICE_CONTROL_POLICY",
    "Filter": "SERVICE_CONTROL_POLICY",
    "ChildType": "ACCOUNT",
    "PolicyId": "p-nonenone",
    "TargetId": "r-none",
    "RootId": "r-none",
    "ParentId": "r-none",
    "ChildId": "999999999999",
    "ResourceId": "r-none",
    "SourceParentId": "r-none",
    "DestinationParentId": "r-none",
    "OrganizationalUnitId": "ou-none-nonenone",
    "AccountId": "999999999999",
    "CreateAccountRequestId": "car-00000000000000000000000000000000",
    "Operations": ["Decrypt"],
    "Plaintext": b"x",
    "CiphertextBlob": b"x",
    "Policy": _NO_DOCUMENT,
    "TargetKeyId": _UPLOAD,  # the id of a key, of the caller's own account
    "AliasName": "alias/none",
    "VersionStage": "none",
    "RoleSessionName": "none",
    "WebIdentityToken": "none",
    "EncodedMessage": "none",
}
# Members that are not required, and say whom or what a call is about.
_OPTIONAL = ("registryId", "repositoryNames", "UserName", "KeyId", "SourceKeyId", "GrantId", "CiphertextBlob")
# What these make would make a difference: they are asked to make what is there, or what cannot be.
_TAKEN: dict[str, dict[str, Any]] = {
    "CreateUser": {"UserName": "nobody"},
    "CreateLoginProfile": {"Password": "none at all"},
    "CreateSecret": {"SecretString": "one", "SecretBinary": b"too many"},
}
_ONCE = {"DeleteRepository", "DeleteRepositoryPolicy"}


def question(world: World, service: str, operation: str, owner: str, names: Mapping[str, str]) -> dict[str, Any]:
    """The input of a call about something of an owner."""
    account, name = world.account(owner), names[owner]
    key = f"arn:aws:kms:{REGION}:{account}:key/{world.consenting_key if owner == 'consenting' else _UPLOAD}"
    members = {
        **_MEMBERS,
        "repositoryName": name,
        "repositoryNames": [name],
        "registryId": account,
        "resourceArn": f"arn:aws:ecr:{REGION}:{account}:repository/{name}",
        "PolicyArn": f"arn:aws:iam::{account}:policy/none",
        "OpenIDConnectProviderArn": f"arn:aws:iam::{account}:oidc-provider/none",
        "PolicySourceArn": f"arn:aws:iam::{account}:user/none",
        "RoleArn": f"arn:aws:iam::{account}:role/{_ROLES[owner]}",
        **dict.fromkeys(("KeyId", "SourceKeyId", "DestinationKeyId"), key),
        "SecretId": f"arn:aws:secretsmanager:{REGION}:{account}:secret:none",
        **({"Tags": [{"TagKey": "a", "TagValue": "b"}]} if service == "kms" else {}),
        **_TAKEN.get(operation, {}),
    }
    shape = world.server.aws(service).meta.service_model.operation_model(operation).input_shape
    if shape is None:
        return {}
    wanted = [*shape.required_members, *(member for member in _OPTIONAL if member in shape.members)]
    return {member: members.get(member, "none") for member in dict.fromkeys((*wanted, *_TAKEN.get(operation, {})))}


def address(kind: str, how: str, name: str) -> tuple[str, bytes | None]:
    """The path of a route in a repository, and what is sent there."""
    reference = _NOWHERE if how == "digest" else "none"
    paths = {
        "": "/v2/",
        "_catalog": "/v2/_catalog",
        "tags": f"/v2/{name}/tags/list",
        "referrers": f"/v2/{name}/referrers/{_NOWHERE}",
        "manifests": f"/v2/{name}/manifests/{reference}",
        "blobs": f"/v2/{name}/blobs/{_NOWHERE}",
        "uploads": f"/v2/{name}/blobs/uploads/",
        "upload": f"/v2/{name}/blobs/uploads/{_UPLOAD}",
    }
    query = {
        ("uploads", "mount"): f"?mount={_NOWHERE}&from=somewhere/else",
        ("uploads", "digest"): f"?digest={_NOWHERE}",
        ("upload", ""): f"?digest={_NOWHERE}",
        ("upload", "bytes"): f"?digest={_NOWHERE}",
    }
    return paths[kind] + query.get((kind, how), ""), b"x" if how == "bytes" else None


# ── the matrix ──────────────────────────────────────────────────────────────────────────────────────


def _each(rows: Iterable[tuple[str, ...]]) -> list[Any]:
    return [pytest.param(row, id=" ".join(filter(None, row))) for row in sorted(rows)]


def test_the_table_knows_every_route_and_every_operation():
    """What is added later is added to the table too, by somebody who has looked up what it needs."""
    assert {(method, kind) for method, kind, _ in ROUTES} == set(SERVED)
    assert set(OPERATIONS) == {(service.name, name) for service in SERVICES for name in service.handlers}


@pytest.mark.parametrize("asked", _each(OPERATIONS))
def test_abuse_20_28_an_operation_is_for_those_whom_the_table_allows_it(world, repositories, lasting, asked):
    service, operation = asked
    need = OPERATIONS[service, operation]
    owners = OWNERS if need.kind in OWNED else ["home"]
    found, wanted = {}, {}
    for who in (*WHO, *STRANGERS):
        names = repositories() if operation in _ONCE else lasting
        for owner in owners:
            params = question(world, service, operation, owner, names)
            found[who, owner], _ = world.ask(who, service, operation, params)
            wanted[who, owner] = expected(who, need, owner)

    assert _differing(found, wanted) == {}


@pytest.mark.parametrize("asked", _each(ROUTES))
def test_abuse_20_28_a_route_is_for_those_whom_the_table_allows_it(world, lasting, asked):
    method, kind, how = asked
    alternatives = ROUTES[method, kind, how]
    found, wanted = {}, {}
    for who in (*WHO, *STRANGERS):
        for owner in OWNERS:
            path, body = address(kind, how, lasting[owner])
            found[who, owner], _ = world.request(who, owner, method, path, body)
            each = {expected(who, need, owner) for need in alternatives}
            wanted[who, owner] = "allowed" if "allowed" in each else each.pop()

    assert _differing(found, wanted) == {}


def test_a_list_of_all_repositories_is_a_question_about_all(world):
    """It needs the right on ``repository/*``: that on one repository is not enough, and no policy of one is asked."""
    need = ROUTES["GET", "_catalog", ""][0]
    found, wanted = {}, {}
    for who in (*WHO, *STRANGERS):
        for owner in OWNERS:
            params = {"registryId": world.account(owner)}
            found[who, owner], _ = world.ask(who, "ecr", "DescribeRepositories", params)
            wanted[who, owner] = expected(who, need, owner)

    assert _differing(found, wanted) == {}


def _differing(found: Mapping[Any, Outcome], wanted: Mapping[Any, Outcome]) -> dict[Any, tuple[Outcome, Outcome]]:
    """Where what came is not what the table says: (what came, what was to come)."""
    return {key: (found[key], wanted[key]) for key in wanted if found[key] != wanted[key]}


# ── one right at a time ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def exact(world) -> Callable[..., str]:
    """A user who may exactly what one statement says; called with the statement's members, it gives the name."""
    iam = world.server.aws("iam")
    world.keys["exact"] = _user(world.server, world.server.root_key(), "exact", None)
    world.passwords["exact"] = _password_without_rights(world.server, world.keys["exact"])

    def allow(**members: Any) -> str:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **members}]}
        iam.put_user_policy(UserName="exact", PolicyName="it", PolicyDocument=json.dumps(document))
        return "exact"

    return allow


def _resources(kind: str, name: str) -> list[str]:
    """What policies call the thing of home that a question is about."""
    iam, kms = f"arn:aws:iam::{ACCOUNT}:", f"arn:aws:kms:{REGION}:{ACCOUNT}:"
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
    return {
        "repository": [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"],
        "repositories": [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"],
        "user": [f"{iam}user/none", f"{iam}user/nobody"],
        "self": [f"{iam}user/exact"],
        "group": [f"{iam}group/none"],
        "role": [f"{iam}role/none"],
        "linked": [f"{iam}role/aws-service-role/none.amazonaws.com/*"],
        "profile": [f"{iam}instance-profile/none", f"{iam}role/none"],
        "policy": [f"{iam}policy/none"],
        "new policy": [f"{iam}policy/none"],
        "provider": [f"{iam}oidc-provider/none"],
        "new provider": [f"{iam}oidc-provider/*none.example"],
        "source": [f"{iam}user/none"],
        "role arn": [f"{iam}role/plain"],
        "key": [f"{kms}key/{_UPLOAD}"],
        "alias": [f"{kms}alias/none", f"{kms}key/{_UPLOAD}", f"{kms}key/alias/none"],
        "secret": [f"{secret}none-??????"],
        "new secret": [f"{secret}none-??????"],
        "account": [f"arn:aws:entrepot::{ACCOUNT}:account/*"],
        "federated": [f"arn:aws:sts::{ACCOUNT}:federated-user/none"],
    }.get(kind, ["*"])


@pytest.mark.parametrize(
    "asked",
    _each(key for key, need in OPERATIONS.items() if need.kind not in {"nothing", "unsigned"}),
)
def test_an_operation_needs_the_rights_of_the_table_and_no_other(world, repositories, lasting, exact, asked):
    service, operation = asked
    need = OPERATIONS[service, operation]
    names = repositories() if operation in _ONCE else lasting
    params = question(world, service, operation, "home", names)
    resources = _resources(need.kind, names["home"])

    for action in need.actions:
        outcome, message = world.ask(exact(NotAction=action, Resource="*"), service, operation, params)
        assert outcome == "refused", f"without {action}"
        assert f"is not authorized to perform: {action} on resource: " in message
        assert message.endswith(f" because no identity-based policy allows the {action} action")
    if resources != ["*"]:
        who = exact(Action=list(need.actions), NotResource=resources)
        assert world.ask(who, service, operation, params)[0] == "refused"
    outcome, message = world.ask(exact(Action=list(need.actions), Resource=resources), service, operation, params)
    assert outcome == "allowed", message


@pytest.mark.parametrize("asked", _each(key for key, needs in ROUTES.items() if needs[0].actions))
def test_a_route_needs_the_rights_of_the_table_and_no_other(world, lasting, exact, asked):
    method, kind, how = asked
    path, body = address(kind, how, lasting["home"])
    alternatives = ROUTES[method, kind, how]
    resources = _resources(alternatives[0].kind, lasting["home"])
    if len(alternatives) == 1:
        lacking = [[action] for action in alternatives[0].actions]
    else:
        lacking = [[action for need in alternatives for action in need.actions]]

    for actions in lacking:
        assert world.request(exact(NotAction=actions, Resource="*"), "home", method, path, body)[0] == "refused"
    for need in alternatives:
        who = exact(Action=list(need.actions), NotResource=resources)
        assert world.request(who, "home", method, path, body)[0] == "refused"
        outcome, message = world.request(
            exact(Action=list(need.actions), Resource=resources), "home", method, path, body
        )
        assert outcome == "allowed", message
