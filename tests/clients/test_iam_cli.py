"""The AWS CLI as the one that keeps house: users, their keys, and what they then may."""

import json

import pytest

from entrepot.aws.models import DATA
from tests.support.clients import client


@pytest.fixture
def aws(shell):
    """What `aws …` says, as data."""
    program = client("aws")

    def run(*arguments, **environment):
        shell.environment |= environment
        said = shell(program, *arguments, "--output=json")
        return json.loads(said) if said.strip() else None

    return run


def test_a_user_gets_a_key_and_a_group_and_goes_again(aws, shell):
    root = dict(shell.environment)
    user = aws("iam", "create-user", "--user-name=cli-ann", "--path=/cli/", "--tags=Key=team,Value=a")["User"]
    aws("iam", "create-group", "--group-name=cli-readers")
    policy = "--policy-arn=arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    aws("iam", "attach-group-policy", "--group-name=cli-readers", policy)
    aws("iam", "add-user-to-group", "--group-name=cli-readers", "--user-name=cli-ann")
    key = aws("iam", "create-access-key", "--user-name=cli-ann")["AccessKey"]

    ann = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    assert aws("sts", "get-caller-identity", **ann)["Arn"] == user["Arn"]
    assert aws("ecr", "describe-repositories")["repositories"] is not None
    said = shell.refused(client("aws"), "iam", "list-users")
    assert "An error occurred (AccessDenied) when calling the ListUsers operation" in said
    assert f"User: {user['Arn']} is not authorized to perform: iam:ListUsers" in said

    shell.environment |= root
    said = shell.refused(client("aws"), "iam", "delete-user", "--user-name=cli-ann")
    assert "(DeleteConflict)" in said
    aws("iam", "remove-user-from-group", "--group-name=cli-readers", "--user-name=cli-ann")
    aws("iam", "delete-access-key", f"--access-key-id={key['AccessKeyId']}", "--user-name=cli-ann")
    aws("iam", "delete-user", "--user-name=cli-ann")
    aws("iam", "detach-group-policy", "--group-name=cli-readers", policy)
    aws("iam", "delete-group", "--group-name=cli-readers")
    assert "cli-ann" not in {each["UserName"] for each in aws("iam", "list-users")["Users"]}


def test_lists_come_whole_however_small_their_pages(aws):
    names = [f"cli-page-{number}" for number in range(5)]
    for name in names:
        aws("iam", "create-user", f"--user-name={name}", "--path=/cli-page/")

    listed = aws("iam", "list-users", "--path-prefix=/cli-page/", "--page-size=2")["Users"]

    assert [user["UserName"] for user in listed] == names


def test_a_password_policy_and_a_credential_report(aws):
    aws("iam", "update-account-password-policy", "--minimum-password-length=12", "--require-symbols")
    rules = aws("iam", "get-account-password-policy")["PasswordPolicy"]
    aws("iam", "delete-account-password-policy")
    aws("iam", "generate-credential-report")
    report = aws("iam", "get-credential-report")

    assert (rules["MinimumPasswordLength"], rules["RequireSymbols"]) == (12, True)
    assert report["ReportFormat"] == "text/csv"


def test_our_own_service_is_a_command_of_the_aws_cli_by_its_model(aws):
    """As docs/access.md says."""
    made = aws("entrepot", "create-account", "--account-name=cli-lab", AWS_DATA_PATH=DATA)

    root = {"AWS_ACCESS_KEY_ID": made["AccessKey"]["AccessKeyId"]}
    root["AWS_SECRET_ACCESS_KEY"] = made["AccessKey"]["SecretAccessKey"]
    assert made["Account"]["Name"] == "cli-lab"
    assert made["Account"] in aws("entrepot", "list-accounts", "--page-size=1")["Accounts"]
    assert aws("sts", "get-caller-identity", **root)["Account"] == made["Account"]["Id"]
