"""Commands about who may do what: ending sessions, accounts of an organization."""

import json

import boto3
import pytest

from entrepot.identity import users
from tests.oci.principals import change
from tests.support.api import refused
from tests.support.server import ACCOUNT, REGION, Registry, Server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("access") / "data") as server:
        yield server


def _sts(server, credentials):
    return boto3.client(
        "sts",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


@pytest.fixture(scope="module")
def assume(server):
    """Take on a role as a user."""
    iam = server.aws("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="ci", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    server.command("user", "create", "ada", "--policy", "AdministratorAccess")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    sts = server.aws("sts", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    return lambda: sts.assume_role(RoleArn=role, RoleSessionName="run")["Credentials"], sts


def test_sessions_of_a_role_and_their_logins_end(server, assume):
    take, _ = assume
    credentials = take()
    ecr = boto3.client(
        "ecr",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    registry = Registry(server.url, None, headers={"Authorization": f"Basic {token}"})
    assert registry("GET", "/v2/").status == 200

    server.command("session", "revoke", "--role", "ci")

    with refused("InvalidClientTokenId"):
        _sts(server, credentials).get_caller_identity()
    assert registry("GET", "/v2/").status == 401
    assert _sts(server, take()).get_caller_identity()["Arn"].endswith("assumed-role/ci/run")


def test_sessions_of_a_user_end_and_its_keys_stay(server, assume):
    _, sts = assume
    credentials = sts.get_session_token()["Credentials"]
    assert _sts(server, credentials).get_caller_identity()["Arn"].endswith("user/ada")

    server.command("session", "revoke", "--user", "ada")

    with refused("InvalidClientTokenId"):
        _sts(server, credentials).get_caller_identity()
    assert sts.get_caller_identity()["Arn"].endswith("user/ada")


@pytest.mark.parametrize("arguments", [[], ["--user", "ada", "--role", "ci"], ["--user", "nobody"]])
def test_whose_sessions_has_to_be_said(server, assume, arguments):
    done = server.command("session", "revoke", *arguments, check=False)

    assert done.returncode in {1, 2}
    assert "--user" in done.stderr or "nobody" in done.stderr


def test_an_account_joins_the_organization_and_is_limited_by_it(server):
    organizations = server.aws("organizations")
    organizations.create_organization()
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    printed = server.command("account", "create", "--id", "222222222222", "--join").stdout.splitlines()
    key = tuple(line.split()[-1] for line in printed if "key" in line)
    ecr = server.aws("ecr", key=key)
    ecr.create_repository(repositoryName="before")
    assert "222222222222" in {account["Id"] for account in organizations.list_accounts()["Accounts"]}

    deny = {"Effect": "Deny", "Action": "ecr:CreateRepository", "Resource": "*"}
    policy = organizations.create_policy(
        Name="no-new-repositories",
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps({"Version": "2012-10-17", "Statement": deny}),
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId="222222222222")

    with refused("AccessDeniedException") as answer:
        ecr.create_repository(repositoryName="after")
    assert answer["Error"]["Message"].endswith("with an explicit deny in a service control policy")
    server.aws("ecr").create_repository(repositoryName="of-the-management-account")
    organizations.detach_policy(PolicyId=policy, TargetId="222222222222")
    ecr.create_repository(repositoryName="after")


def test_only_the_account_that_manages_the_organization_has_others_join(server):
    """Also where the default account has become another of its members."""
    server.command("account", "create", "--id", "444444444444", "--join")

    done = server.again(server.log, account="444444444444").command("account", "create", "--join", check=False)

    assert done.returncode == 1
    assert done.stderr == "entrepot: You don't have permissions to access this resource.\n"


def test_there_has_to_be_an_organization_to_join(tmp_path):
    with Server(tmp_path / "data") as server:
        done = server.command("account", "create", "--join", check=False)

        assert done.returncode == 1
        assert "organization" in done.stderr
        assert len(server.command("account", "list").stdout.splitlines()) == 1


def test_the_default_account_itself_can_be_made_and_accounts_be_listed_without_it(tmp_path):
    """What a server says that is told of an account which is not there: tests/cli/test_serve.py."""
    with Server(tmp_path / "data") as server:
        absent = server.again(tmp_path / "log", account="210987654321")
        listed = absent.command("account", "list").stdout
        refused = [
            absent.command(*command, check=False).stderr
            for command in (["user", "list"], ["session", "revoke", "--user", "x"], ["provider", "keys", "https://x.y"])
        ]
        made = absent.command("account", "create", "--id", "210987654321").stdout

        assert listed == "123456789012  123456789012\n"
        assert refused == ["entrepot: The account with name 210987654321 cannot be found.\n"] * 3
        assert made.startswith("account            210987654321\n")
        assert absent.command("user", "list").stdout == ""
        assert absent.command("account", "list").stdout == f"{listed}210987654321  210987654321\n"


def test_a_user_is_deleted_with_all_that_hangs_on_it_and_nobody_else(server):
    iam = server.aws("iam")
    everything = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    iam.create_group(GroupName="staff")
    for name in ("gone", "stays"):
        server.command("user", "create", name, "--policy", "AdministratorAccess")
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=everything)
        iam.add_user_to_group(UserName=name, GroupName="staff")
        iam.create_login_profile(UserName=name, Password="correct-Horse-7-battery")
    keys = {
        name: tuple(line.split()[-1] for line in server.command("key", "create", "--user", name).stdout.splitlines())
        for name in ("gone", "stays")
    }

    server.command("user", "delete", "gone")

    with refused("InvalidClientTokenId"):
        server.aws("sts", key=keys["gone"]).get_caller_identity()
    assert server.aws("sts", key=keys["stays"]).get_caller_identity()["Arn"].endswith("user/stays")
    assert [user["UserName"] for user in iam.get_group(GroupName="staff")["Users"]] == ["stays"]
    with refused("NoSuchEntity"):
        iam.get_user(UserName="gone")


def test_many_users_are_listed_whole_and_in_order(server):
    iam = server.aws("iam")
    names = [f"many-{number:04}" for number in range(1001)]
    change(server, lambda tx: [users.create(tx, ACCOUNT, name=name) for name in names])

    listed = [line.split()[0] for line in server.command("user", "list").stdout.splitlines()]

    assert [name for name in listed if name.startswith("many-")] == names
    assert iam.get_user(UserName=names[-1])["User"]["UserName"] == names[-1]


def test_the_root_users_own_keys_are_made_listed_switched_and_deleted(server):
    made = server.command("key", "create").stdout.splitlines()
    key = tuple(line.split()[-1] for line in made)

    server.command("key", "deactivate", key[0])
    assert f"{key[0]}  inactive" in server.command("key", "list").stdout.splitlines()
    server.command("key", "activate", key[0])
    assert server.aws("sts", key=key).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    server.command("key", "delete", key[0])

    assert key[0] not in server.command("key", "list").stdout


def test_commands_about_an_account_are_limited_like_its_root_user(server):
    """What an organization forbids an account holds for the commands too; its manager takes it back."""
    organizations = server.aws("organizations")
    printed = server.command("account", "create", "--id", "333333333333", "--join").stdout
    deny = {"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}
    policy = organizations.create_policy(
        Name="no-new-users",
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps({"Version": "2012-10-17", "Statement": deny}),
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId="333333333333")

    done = server.command("user", "create", "eve", "--account", "333333333333", check=False)

    assert printed.startswith("account            333333333333\n")
    assert done.returncode == 1
    assert done.stderr == (
        "entrepot: User: arn:aws:iam::333333333333:root is not authorized to perform: iam:CreateUser on resource: "
        "arn:aws:iam::333333333333:user/eve with an explicit deny in a service control policy\n"
    )
    organizations.detach_policy(PolicyId=policy, TargetId="333333333333")
    server.command("user", "create", "eve", "--account", "333333333333")
