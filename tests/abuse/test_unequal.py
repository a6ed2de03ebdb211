"""
People of unequal rights, in one account and in two: security-design 9, rows 1, 3, 6, 7, 20, 23, 27, 28, 70.

Eve and the others are of ``play``: an account that no other test knows.
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.abuse.play import Person, Play, allow, may, policy, trust
from tests.abuse.same import seen
from tests.oci.wire import begin, finish, refusal
from tests.support.api import push_image, refused
from tests.support.server import Registry, digest_of

PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PUSH = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
LOGIN = "ecr:GetAuthorizationToken"


@pytest.fixture
def play(server):
    """Two repositories: of the app eve may do everything, of the vault nothing."""
    play = Play(server)
    for name in ("app", "vault"):
        play.root.ecr.create_repository(repositoryName=name)
    play.give(allow("ecr:*", on=play.repository("app")), allow(LOGIN))
    return play


@pytest.fixture
def eve(play) -> Registry:
    login: Registry = play.eve.docker(play.account)
    return login


@pytest.fixture(params=[100, 40_000], ids=["a row", "a file"])
def secret(play, request) -> str:
    """The digest of a blob in the vault."""
    digest: str = play.root.docker(play.account).push_blob("vault", b"secret".ljust(request.param, b"!"))
    return digest


NOWHERE = digest_of(b"nowhere")


# ── 1, 3: blobs of a repository that one may not read ───────────────────────────────────────────────


def test_abuse_01_a_blob_of_a_repository_that_one_may_not_read_is_not_mounted(play, eve, secret):
    """CVE-2024-39897, inside one account: 202, as for a blob that is unknown, and a PUT without bytes fails."""
    answers = []
    for digest, source in ((secret, "vault"), (NOWHERE, "vault"), (secret, "missing")):
        begun = eve("POST", f"/v2/app/blobs/uploads/?mount={digest}&from={source}")
        session = begun.headers["Docker-Upload-UUID"]
        closed = finish(eve, begun.headers["Location"], digest)
        answers.append((seen(begun, digest, session), seen(closed, digest, session)))
        assert (begun.status, closed.status) == (202, 400)
    assert answers[0] == answers[1] == answers[2]
    assert eve("HEAD", f"/v2/app/blobs/{secret}").status == 404

    play.give(allow("ecr:GetDownloadUrlForLayer", on=play.repository("vault")), name="reading")
    assert eve("POST", f"/v2/app/blobs/uploads/?mount={secret}&from=vault").status == 201


def test_abuse_01_a_right_on_the_source_that_is_not_reading_mounts_nothing(play, eve, secret):
    others = {"NotAction": "ecr:GetDownloadUrlForLayer", "Resource": play.repository("vault")}
    play.iam.put_user_policy(UserName="eve", PolicyName="others", PolicyDocument=policy(others))

    assert eve("POST", f"/v2/app/blobs/uploads/?mount={secret}&from=vault").status == 202


def test_abuse_03_a_blob_of_a_repository_that_one_may_not_read_is_nowhere(play, eve, secret):
    answers = []
    for digest in (secret, NOWHERE):
        found = [eve(method, f"/v2/app/blobs/{digest}") for method in ("HEAD", "GET", "DELETE")]
        posted = eve("POST", f"/v2/app/blobs/uploads/?digest={digest}")
        session = posted.headers["Docker-Upload-UUID"]
        closed = finish(eve, posted.headers["Location"], digest)
        layers = play.eve.ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[digest])["layers"]
        answers.append(
            ([seen(each, digest, session) for each in (*found, posted, closed)], layers[0]["layerAvailability"])
        )
    assert answers[0] == answers[1]
    assert [status for status, _, _ in answers[0][0]] == [404, 404, 404, 202, 400]

    text = json.dumps({"schemaVersion": 2, "config": {"digest": secret, "size": 6, "mediaType": "a/b"}, "layers": []})
    assert eve.put_manifest("app", "v1", text.encode()).status == 400


# ── 6, 7: what there is, and who ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rights", ["nothing", "something else"])
def test_abuse_06_who_has_no_right_to_a_repository_does_not_learn_whether_it_is_there(play, rights):
    """In one's own account too, on both faces."""
    push_image(play.root.ecr, "vault", "one", "v1")
    if rights == "nothing":
        play.give(allow(LOGIN))
    eve = play.eve.docker(play.account)

    for method, path in (
        ("GET", "tags/list"),
        ("GET", "manifests/v1"),
        ("HEAD", "manifests/v1"),
        ("PUT", "manifests/v1"),
        ("DELETE", "manifests/v1"),
        ("GET", f"blobs/{digest_of(b'layer of one')}"),
        ("DELETE", f"blobs/{digest_of(b'layer of one')}"),
        ("POST", "blobs/uploads/"),
        ("POST", f"blobs/uploads/?mount={NOWHERE}&from=app"),
        ("GET", f"referrers/{NOWHERE}"),
    ):
        answers = [seen(eve(method, f"/v2/{name}/{path}"), name) for name in ("vault", "vaulx")]
        assert answers[0] == answers[1], (method, path)
        assert answers[0][0] == 403
    for call, arguments in (
        ("describe_repositories", {"repositoryNames": ["{}"]}),
        ("create_repository", {"repositoryName": "{}"}),
        ("delete_repository", {"repositoryName": "{}", "force": True}),
        ("get_repository_policy", {"repositoryName": "{}"}),
        ("list_tags_for_resource", {"resourceArn": play.repository("{}")}),
        ("describe_images", {"repositoryName": "{}", "imageIds": [{"imageTag": "v1"}]}),
    ):
        said = [_refusal(getattr(play.eve.ecr, call), _filled(arguments, name), name) for name in ("vault", "vaulx")]
        assert said[0] == said[1], call
        assert said[0][0] == "AccessDeniedException"


def _filled(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    filled: dict[str, Any] = json.loads(json.dumps(arguments).replace("{}", name))
    return filled


def _refusal(call: Any, arguments: dict[str, Any], name: str) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"].replace(name, "…")


def test_abuse_07_who_has_no_right_to_users_and_roles_does_not_learn_who_is_there(play):
    """Neither by a path that a refusal knows and the request did not."""
    play.role("jack", Path="/machines/")
    play.iam.create_group(GroupName="boss", Path="/teams/")
    play.iam.update_user(UserName="boss", NewPath="/admins/")
    names = ("boss", "jack", "none")

    for call, argument in (
        ("get_user", "UserName"),
        ("create_user", "UserName"),
        ("delete_user", "UserName"),
        ("list_access_keys", "UserName"),
        ("get_role", "RoleName"),
        ("delete_role", "RoleName"),
        ("get_group", "GroupName"),
    ):
        said = {_refusal(getattr(play.eve.iam, call), {argument: name}, name) for name in names}
        assert len(said) == 1, call
        assert said.pop()[0] == "AccessDenied"
    play.give(allow("sts:AssumeRole"))
    for account in (play.account.id, "999999999999"):
        said = {
            _refusal(
                play.eve.sts.assume_role,
                {"RoleArn": f"arn:aws:iam::{account}:role/{name}", "RoleSessionName": "run"},
                name,
            )
            for name in names
        }
        assert len(said) == 1
        assert said.pop()[0] == "AccessDenied"


def test_abuse_07_whether_somebody_is_in_another_account_is_not_told_by_policies(play, server):
    """Of one's own account it is: whoever may write policies may know. Others are taken as they are written."""
    abroad = Play(server)
    for name in ("boss", "none"):
        there = abroad.arn(f"user/{name}")
        text = policy({"Principal": {"AWS": there}, "Action": "ecr:ListImages"})
        play.root.ecr.set_repository_policy(repositoryName="app", policyText=text)
        assert json.loads(play.root.ecr.get_repository_policy(repositoryName="app")["policyText"]) == json.loads(text)
        play.role(f"for-{name}", there)
        shown = play.iam.get_role(RoleName=f"for-{name}")["Role"]["AssumeRolePolicyDocument"]
        assert shown["Statement"][0]["Principal"] == {"AWS": [there]}
    text = policy({"Principal": {"AWS": play.arn("user/none")}, "Action": "ecr:ListImages"})
    with refused("InvalidParameterException"):
        play.root.ecr.set_repository_policy(repositoryName="app", policyText=text)


def test_abuse_07_whose_an_access_key_is_is_told_to_its_account_only(play, server):
    abroad = Play(server)

    said = {
        _refusal(play.root.iam.get_access_key_last_used, {"AccessKeyId": key}, key)
        for key in (abroad.boss.key[0], "AKIAAAAAAAAAAAAAAAAA")
    }

    assert len(said) == 1


# ── 20: what was denied by one way is denied by all ─────────────────────────────────────────────────


def test_abuse_20_no_other_way_deletes_what_may_not_be_deleted(play, eve):
    """CVE-2026-41888: of tags, images and blobs, by both faces."""
    digest = push_image(play.root.ecr, "app", "one", "v1")
    loose = play.root.docker(play.account).push_blob("app", b"loose")
    play.give({**allow("ecr:BatchDeleteImage"), "Effect": "Deny"}, name="keep")

    for path in ("manifests/v1", f"manifests/{digest}", f"blobs/{loose}", f"blobs/{digest_of(b'layer of one')}"):
        status, code, message = refusal(eve("DELETE", f"/v2/app/{path}"))
        assert (status, code) == (403, "DENIED")
        assert message.endswith("with an explicit deny in an identity-based policy")
    for image in ({"imageTag": "v1"}, {"imageDigest": digest}, {"imageTag": "v1", "imageDigest": digest}):
        assert not may(play.eve.ecr.batch_delete_image, repositoryName="app", imageIds=[image])
    assert eve("GET", "/v2/app/manifests/v1").status == 200
    assert eve("HEAD", f"/v2/app/blobs/{loose}").status == 200
    play.iam.delete_user_policy(UserName="eve", PolicyName="keep")
    assert eve("DELETE", f"/v2/app/blobs/{loose}").status == 202


def test_abuse_20_no_other_way_pushes_what_may_not_be_pushed(play, eve):
    """An upload that is under way counts no more than one that begins, once the right to it is gone."""
    content = b"content"
    location, api = begin(eve, "app"), play.eve.ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    play.give({**allow("ecr:UploadLayerPart", "ecr:PutImage"), "Effect": "Deny"}, name="no-more")

    assert eve("PATCH", location, content).status == 403
    assert finish(eve, location, digest_of(content), content).status == 403
    assert eve("POST", f"/v2/app/blobs/uploads/?digest={digest_of(content)}", content).status == 403
    part = {"repositoryName": "app", "uploadId": api, "partFirstByte": 0, "partLastByte": 6, "layerPartBlob": content}
    assert not may(play.eve.ecr.upload_layer_part, **part)
    assert eve.put_manifest("app", "v1", b"{}").status == 403
    assert not may(play.eve.ecr.put_image, repositoryName="app", imageManifest="{}")
    assert eve("HEAD", f"/v2/app/blobs/{digest_of(content)}").status == 404


# ── 23: ids of others ───────────────────────────────────────────────────────────────────────────────


def test_abuse_23_ids_of_another_account_lead_nowhere_in_iam(play, server):
    """Root of one account, with every id of the other: keys, users, roles, policies, providers."""
    abroad = Play(server)
    role = abroad.role("theirs", abroad.arn("user/boss"))
    owned = abroad.managed("theirs", allow("ecr:ListImages"))
    provider = abroad.iam.create_open_id_connect_provider(Url="https://theirs.example")["OpenIDConnectProviderArn"]
    before = abroad.iam.get_account_authorization_details()
    iam, key = play.root.iam, abroad.boss.key[0]
    user_id = abroad.iam.get_user(UserName="boss")["User"]["UserId"]

    for call, arguments in (
        ("update_access_key", {"AccessKeyId": key, "Status": "Inactive"}),
        ("delete_access_key", {"AccessKeyId": key}),
        ("delete_access_key", {"AccessKeyId": key, "UserName": "boss"}),
        ("get_access_key_last_used", {"AccessKeyId": key}),
        ("get_user", {"UserName": user_id}),
        ("get_role", {"RoleName": "theirs"}),
        ("get_role", {"RoleName": role}),
        ("delete_role", {"RoleName": "theirs"}),
        ("get_policy", {"PolicyArn": owned}),
        ("get_policy_version", {"PolicyArn": owned, "VersionId": "v1"}),
        ("create_policy_version", {"PolicyArn": owned, "PolicyDocument": policy(allow("*"))}),
        ("delete_policy", {"PolicyArn": owned}),
        ("list_entities_for_policy", {"PolicyArn": owned}),
        ("attach_user_policy", {"UserName": "eve", "PolicyArn": owned}),
        ("put_user_permissions_boundary", {"UserName": "eve", "PermissionsBoundary": owned}),
        ("get_open_id_connect_provider", {"OpenIDConnectProviderArn": provider}),
        ("delete_open_id_connect_provider", {"OpenIDConnectProviderArn": provider}),
        ("add_client_id_to_open_id_connect_provider", {"OpenIDConnectProviderArn": provider, "ClientID": "mine"}),
        ("simulate_principal_policy", {"PolicySourceArn": abroad.arn("user/boss"), "ActionNames": ["ecr:PutImage"]}),
    ):
        with pytest.raises(ClientError, match=r"NoSuchEntity|AccessDenied|ValidationError|InvalidInput"):
            getattr(iam, call)(**arguments)
    after = abroad.iam.get_account_authorization_details()
    assert [before[name] for name in before if name != "ResponseMetadata"] == [
        after[name] for name in after if name != "ResponseMetadata"
    ]
    assert may(abroad.boss.ecr.describe_repositories)


# ── 27: what a service does for itself ──────────────────────────────────────────────────────────────

_INTERNAL = (
    "ReplicateImage",
    "BatchImportUpstreamImage",
    "GetImageCopyStatus",
    "PutImageInternal",
    "CreateRepositoryInternal",
    "GetServiceBearerToken",
    "StartReplicationBackfill",
    "PassRole",
    "__init__",
    "_of_repository",
    "set_repository_policy",
    "setrepositorypolicy",
    "",
)


@pytest.mark.parametrize("name", _INTERNAL)
def test_abuse_27_no_operation_is_reached_that_is_not_in_the_model(play, stranger, name):
    """What only policies name, what services do for each other, names of functions: the same answer for everybody."""
    headers = {
        "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{name}",
        "Content-Type": "application/x-amz-json-1.1",
    }
    answers = [stranger("POST", "/", b"{}", headers=headers)]
    for who in (play.root, play.eve):
        target = headers["X-Amz-Target"]
        client = who.client("ecr")

        def rename(request: Any, target: str = target, **_: Any) -> None:
            del request.headers["X-Amz-Target"]
            request.headers["X-Amz-Target"] = target

        client.meta.events.register("before-sign", rename)
        with refused("UnknownOperationException") as answer:
            client.describe_registry()
        answers.append(answer)

    assert answers[0].status == 400
    assert json.loads(answers[0].data)["__type"].endswith("UnknownOperationException")
    assert json.loads(answers[0].data)["message"] == answers[1]["Error"]["Message"] == answers[2]["Error"]["Message"]


@pytest.mark.parametrize("service", ["replication.ecr.amazonaws.com", "ec2.amazonaws.com", "*"])
def test_abuse_27_nobody_is_a_service_by_saying_so(play, server, service):
    """A policy for a service is for no user, whatever the user says of itself."""
    abroad = Play(server)
    abroad.give(allow("*"))
    statement = {"Principal": {"Service": "replication.ecr.amazonaws.com"}, "Action": "ecr:*"}
    play.root.ecr.set_repository_policy(repositoryName="vault", policyText=policy(statement))
    clients = [who.client("ecr", agent=service) for who in (play.eve, abroad.root, abroad.eve)]

    for client in clients:
        assert not may(client.list_images, repositoryName="vault", registryId=play.account.id)
    play.role("machine", rights=[allow("*")])
    assert not may(play.boss.assume, role=play.arn("role/machine"))


# ── 28: across accounts ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["repository", "registry"])
@pytest.mark.parametrize("who", ["user", "session of a role"])
def test_abuse_28_across_accounts_both_sides_have_to_agree_on_each_face(play, server, place, who):
    """Neither, one, the other, both; and what is left when either side takes its consent back."""
    abroad = Play(server)
    push_image(play.root.ecr, "vault", "one", "v1")
    abroad.give(allow(LOGIN))
    person, named = abroad.eve, abroad.herself
    if who != "user":
        named = abroad.role("page", abroad.herself, rights=[allow(LOGIN)])
        person = abroad.eve.assume(named)
    docker = person.docker(play.account)

    def pulls() -> bool:
        images = {"registryId": play.account.id, "repositoryName": "vault", "imageIds": [{"imageTag": "v1"}]}
        by_api = may(person.ecr.batch_get_image, **images)
        status = docker("GET", "/v2/vault/manifests/v1").status
        assert status == (200 if by_api else 403)
        return by_api

    def give(*actions: str) -> None:
        if who == "user":
            abroad.give(allow(*actions, LOGIN))
        else:
            document = policy(allow(*actions, LOGIN))
            abroad.iam.put_role_policy(RoleName="page", PolicyName="own", PolicyDocument=document)

    def consent(*people: str) -> None:
        statement = {"Principal": {"AWS": list(people)}, "Action": list(PULL)}
        if place == "repository":
            play.root.ecr.set_repository_policy(repositoryName="vault", policyText=policy(statement))
        else:
            statement["Resource"] = play.repository("*")
            play.root.ecr.put_registry_policy(policyText=policy(statement))

    assert not pulls()
    give(*PULL)
    assert not pulls()
    for people in ([named], [abroad.account.id], [f"arn:aws:iam::{abroad.account.id}:root"]):
        consent(*people)
        assert pulls(), people
    consent(play.account.id, abroad.arn("user/boss"))
    assert not pulls()
    consent(named)
    give("ecr:ListImages")
    assert not pulls()
    give(*PULL)
    assert pulls()
    assert docker("PUT", "/v2/vault/manifests/v2", b"{}").status == 403
    if place == "repository":
        play.root.ecr.delete_repository_policy(repositoryName="vault")
    else:
        play.root.ecr.delete_registry_policy()
    assert not pulls()


def test_abuse_28_a_role_of_another_account_is_assumed_by_who_is_trusted_and_may(play, server):
    abroad = Play(server)
    roles = {
        "nobody": play.role("nobody"),
        "the account": play.role("account", abroad.account.id),
        "her": play.role("her", abroad.herself),
    }

    assert {name: may(abroad.eve.assume, role=role) for name, role in roles.items()} == dict.fromkeys(roles, False)
    abroad.give(allow("sts:AssumeRole", on=list(roles.values())))
    assert {name: may(abroad.eve.assume, role=role) for name, role in roles.items()} == {
        "nobody": False,
        "the account": True,
        "her": True,
    }
    assert not may(abroad.boss.assume, role=roles["her"])


# ── 70: everybody ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}])
@pytest.mark.parametrize("place", ["repository", "registry"])
def test_abuse_70_everybody_is_everybody_who_is_known_and_whose_account_lets_him(
    play, server, stranger, principal, place
):
    """A private registry stays private: without credentials it is 401, whatever a policy says."""
    abroad = Play(server)
    push_image(play.root.ecr, "vault", "one", "v1")
    statement = {"Principal": principal, "Action": "ecr:*"}
    if place == "repository":
        play.root.ecr.set_repository_policy(repositoryName="vault", policyText=policy(statement))
    else:
        play.root.ecr.put_registry_policy(policyText=policy({**statement, "Resource": play.repository("*")}))
    abroad.give(allow(LOGIN))
    stranger.headers["Host"] = play.account.host(server)
    images = {"registryId": play.account.id, "repositoryName": "vault", "imageIds": [{"imageTag": "v1"}]}

    for method, path in (
        ("GET", "manifests/v1"),
        ("GET", "tags/list"),
        ("POST", "blobs/uploads/"),
        ("DELETE", "manifests/v1"),
    ):
        assert stranger(method, f"/v2/vault/{path}").status == 401
    assert not may(abroad.eve.ecr.batch_get_image, **images)
    assert abroad.eve.docker(play.account)("GET", "/v2/vault/manifests/v1").status == 403
    abroad.give(allow(LOGIN, *PULL))
    assert may(abroad.eve.ecr.batch_get_image, **images)
    assert abroad.eve.docker(play.account)("GET", "/v2/vault/manifests/v1").status == 200


@pytest.mark.parametrize("others", [{"AWS": "*"}, {"AWS": "999999999999"}, "*"])
def test_abuse_70_a_grant_to_all_but_some_is_no_policy(play, others):
    """``Allow`` with ``NotPrincipal`` would admit everybody else, the unknown too."""
    statement = {"NotPrincipal": others, "Action": "ecr:*"}

    with refused("InvalidParameterException"):
        play.root.ecr.set_repository_policy(repositoryName="vault", policyText=policy(statement))
    with refused("InvalidParameterException"):
        play.root.ecr.put_registry_policy(policyText=policy({**statement, "Resource": "*"}))
    with refused("MalformedPolicyDocument"):
        play.iam.create_role(
            RoleName="open", AssumeRolePolicyDocument=policy({"NotPrincipal": others, "Action": "sts:AssumeRole"})
        )


def test_abuse_70_a_role_that_trusts_everybody_trusts_those_whose_account_lets_them(play, server, stranger):
    abroad = Play(server)
    role = play.role("open", trust=trust("*"))
    form = f"Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=run".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    assert b"MissingAuthenticationToken" in stranger("POST", "/", form, headers=headers).data
    assert not may(abroad.eve.assume, role=role)
    abroad.give(allow("sts:AssumeRole", on=role))
    assert may(abroad.eve.assume, role=role)


def test_abuse_70_who_is_trusted_by_name_is_no_pattern(play):
    for name in (
        play.arn("user/*"),
        play.arn("user/b?ss"),
        f"arn:aws:iam::{'*' * 12}:root",
        "arn:aws:iam::*:root",
        "12345678901*",
    ):
        with refused("InvalidParameterException"):
            play.root.ecr.set_repository_policy(
                repositoryName="vault", policyText=policy({"Principal": {"AWS": name}, "Action": "ecr:*"})
            )
        with refused("MalformedPolicyDocument"):
            play.iam.create_role(RoleName="open", AssumeRolePolicyDocument=trust(name))


def test_a_person_who_is_asked_for_twice_is_one(server):
    """That ``Person`` and ``Play`` are what the tests above take them for: eve begins with nothing."""
    play = Play(server)

    assert not may(play.eve.ecr.describe_repositories)
    assert may(play.boss.ecr.describe_repositories)
    assert play.eve.sts.get_caller_identity()["Arn"] == play.herself
    assert isinstance(play.root, Person)
