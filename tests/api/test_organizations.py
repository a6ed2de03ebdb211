"""The organization: its accounts, its tree, and what its policies take away from everybody below."""

import json

import pytest

from tests.api.test_sts import session_client
from tests.oci.principals import new_account as root_of_new_account
from tests.support.api import refused
from tests.support.server import ACCOUNT, REGION, Server

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"


def document(effect, action, **more):
    statement = {"Effect": effect, "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of its own: a deployment has one organization."""
    with Server(tmp_path_factory.mktemp("organization") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def organizations(server):
    return server.aws("organizations")


@pytest.fixture(scope="module")
def made(server, organizations):
    """The organization; tests of this module share it."""
    with refused("AWSOrganizationsNotInUseException", "Your account is not a member of an organization."):
        organizations.describe_organization()
    stranger = server.aws("organizations", key=root_of_new_account(server).key)
    managed = "The organization of this deployment is managed by its default account."
    with refused("ConstraintViolationException", managed):
        stranger.create_organization(FeatureSet="ALL")
    return organizations.create_organization(FeatureSet="ALL")["Organization"]


@pytest.fixture(scope="module")
def root(organizations, made):
    (root,) = organizations.list_roots()["Roots"]
    return root["Id"]


@pytest.fixture(scope="module")
def enabled(organizations, root):
    """The root, below which policies of both kinds count."""
    for kind in (SCP, RCP):
        organizations.enable_policy_type(RootId=root, PolicyType=kind)
    return root


@pytest.fixture
def account(organizations, made, request):
    """A new account."""
    return new_account(organizations, request.node.name)


def new_account(organizations, name):
    email = f"{abs(hash(name)):x}@example.com"
    status = organizations.create_account(Email=email, AccountName="shop", RoleName="admin")["CreateAccountStatus"]
    return status["AccountId"]


@pytest.fixture
def unit(organizations, root, request):
    name = f"{abs(hash(request.node.name)):x}"
    return organizations.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]["Id"]


@pytest.fixture
def policy(organizations, enabled, request):
    """Make a policy of a kind, and give its id."""

    def make(content, kind=SCP):
        name = f"{abs(hash((request.node.name, content))):x}"
        answer = organizations.create_policy(Content=content, Description="", Name=name, Type=kind)
        return answer["Policy"]["PolicySummary"]["Id"]

    return make


@pytest.fixture(scope="module")
def manager(server):
    """STS as a user of the management account who may do everything."""
    iam = server.aws("iam")
    iam.create_user(UserName="manager")
    iam.attach_user_policy(UserName="manager", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="manager")["AccessKey"]
    return server.aws("sts", key=(key["AccessKeyId"], key["SecretAccessKey"]))


def inside(server, manager, account, service):
    """A client of the account's administrator, as the management account becomes it."""
    answer = manager.assume_role(RoleArn=f"arn:aws:iam::{account}:role/admin", RoleSessionName="manager")
    return session_client(server, service, answer["Credentials"])


def test_an_organization_says_what_it_is(organizations, made):
    manager = f"arn:aws:organizations::{ACCOUNT}:account/{made['Id']}/{ACCOUNT}"

    assert made["Arn"] == f"arn:aws:organizations::{ACCOUNT}:organization/{made['Id']}"
    assert (made["MasterAccountId"], made["MasterAccountArn"], made["FeatureSet"]) == (ACCOUNT, manager, "ALL")
    assert organizations.describe_organization()["Organization"]["Id"] == made["Id"]
    with refused("AlreadyInOrganizationException"):
        organizations.create_organization()


def test_an_account_is_there_at_once_and_the_management_account_is_its_administrator(
    server, organizations, made, manager
):
    answer = organizations.create_account(
        Email="shop@example.com", AccountName="shop of ours", Tags=[{"Key": "team", "Value": "a"}]
    )["CreateAccountStatus"]

    assert answer["State"] == "SUCCEEDED"
    account = answer["AccountId"]
    told = organizations.describe_create_account_status(CreateAccountRequestId=answer["Id"])["CreateAccountStatus"]
    assert (told["State"], told["AccountId"], told["AccountName"]) == ("SUCCEEDED", account, "shop of ours")
    described = organizations.describe_account(AccountId=account)["Account"]
    assert described["Arn"] == f"arn:aws:organizations::{ACCOUNT}:account/{made['Id']}/{account}"
    assert (described["Email"], described["Status"], described["JoinedMethod"]) == (
        "shop@example.com",
        "ACTIVE",
        "CREATED",
    )
    assert organizations.list_tags_for_resource(ResourceId=account)["Tags"] == [{"Key": "team", "Value": "a"}]
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    became = manager.assume_role(RoleArn=role, RoleSessionName="manager")
    assert session_client(server, "sts", became["Credentials"]).get_caller_identity()["Account"] == account


def test_an_address_makes_one_account(organizations, made):
    first = organizations.create_account(Email="one@example.com", AccountName="one")["CreateAccountStatus"]
    second = organizations.create_account(Email="One@example.com", AccountName="two")["CreateAccountStatus"]

    assert first["State"] == "SUCCEEDED"
    assert (second["State"], second["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    told = organizations.describe_create_account_status(CreateAccountRequestId=second["Id"])["CreateAccountStatus"]
    assert told["State"] == "FAILED"
    with refused("CreateAccountStatusNotFoundException"):
        organizations.describe_create_account_status(CreateAccountRequestId="car-999999999999")


def test_requests_for_accounts_are_listed(organizations, made):
    for number in range(2):
        new_account(organizations, f"listed {number}")

    paged = organizations.get_paginator("list_create_account_status").paginate(MaxResults=1, States=["SUCCEEDED"])
    found = [each["AccountId"] for page in paged for each in page["CreateAccountStatuses"]]

    accounts = organizations.get_paginator("list_accounts").paginate()
    assert found == [each["Id"] for page in accounts for each in page["Accounts"] if each["JoinedMethod"] == "CREATED"]
    assert organizations.list_create_account_status(States=["IN_PROGRESS"])["CreateAccountStatuses"] == []


def test_input_that_breaks_the_model_is_invalid_in_the_words_of_this_service(organizations):
    with refused("InvalidInputException") as refusal:
        organizations.describe_account(AccountId="12345")

    assert refusal["Error"]["Message"].startswith("1 validation error detected: Value '12345' at 'accountId' failed")


def test_two_accounts_may_want_the_same_name(organizations, made):
    """At AWS they get it; here names differ, and the second gets something behind it."""
    names = [
        organizations.create_account(Email=f"twin{number}@example.com", AccountName="twin")["CreateAccountStatus"]
        for number in range(2)
    ]

    assert names[0]["AccountName"] == "twin"
    assert names[1]["AccountName"].startswith("twin-")


def test_lists_come_in_pages(organizations, made, root):
    everybody = [each["Id"] for each in organizations.list_accounts()["Accounts"]]
    for number in range(3):
        new_account(organizations, f"page {number}")

    paged = organizations.get_paginator("list_accounts").paginate(MaxResults=2)
    found = [each["Id"] for page in paged for each in page["Accounts"]]

    assert found == sorted(found)
    assert len(found) == len(everybody) + 3
    with refused("InvalidInputException"):
        organizations.list_accounts(NextToken="rg1_AAAA")
    token = organizations.list_accounts(MaxResults=1)["NextToken"]
    with refused("InvalidInputException"):
        organizations.list_accounts_for_parent(ParentId=root, NextToken=token)


def test_units_lie_in_each_other_and_accounts_in_them(organizations, made, root, unit, account):
    child = organizations.create_organizational_unit(ParentId=unit, Name="child")["OrganizationalUnit"]

    assert child["Arn"] == f"arn:aws:organizations::{ACCOUNT}:ou/{made['Id']}/{child['Id']}"
    assert child["Path"] == f"{made['Id']}/{root}/{unit}/{child['Id']}/"
    with refused("DuplicateOrganizationalUnitException"):
        organizations.create_organizational_unit(ParentId=unit, Name="child")
    organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=child["Id"])
    assert organizations.list_parents(ChildId=account)["Parents"] == [
        {"Id": child["Id"], "Type": "ORGANIZATIONAL_UNIT"}
    ]
    assert organizations.list_parents(ChildId=unit)["Parents"] == [{"Id": root, "Type": "ROOT"}]
    (inner,) = organizations.list_organizational_units_for_parent(ParentId=unit)["OrganizationalUnits"]
    assert inner["Id"] == child["Id"]
    (moved,) = organizations.list_accounts_for_parent(ParentId=child["Id"])["Accounts"]
    assert moved["Id"] == account
    children = organizations.list_children(ParentId=child["Id"], ChildType="ACCOUNT")["Children"]
    assert children == [{"Id": account, "Type": "ACCOUNT"}]
    with refused("OrganizationalUnitNotEmptyException"):
        organizations.delete_organizational_unit(OrganizationalUnitId=child["Id"])
    organizations.move_account(AccountId=account, SourceParentId=child["Id"], DestinationParentId=root)
    organizations.delete_organizational_unit(OrganizationalUnitId=child["Id"])
    with refused("OrganizationalUnitNotFoundException"):
        organizations.describe_organizational_unit(OrganizationalUnitId=child["Id"])


def test_an_account_is_moved_from_where_it_is_to_somewhere_else(organizations, root, unit, account):
    nowhere = "ou-aaaa-aaaaaaaa"

    with refused("SourceParentNotFoundException"):
        organizations.move_account(AccountId=account, SourceParentId=unit, DestinationParentId=root)
    with refused("DestinationParentNotFoundException"):
        organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=nowhere)
    with refused("DuplicateAccountException"):
        organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=root)
    with refused("AccountNotFoundException"):
        organizations.move_account(AccountId="999999999999", SourceParentId=root, DestinationParentId=unit)


def test_units_lie_five_deep_at_most(organizations, root, request):
    parent = root
    for level in range(5):
        parent = organizations.create_organizational_unit(ParentId=parent, Name=f"deep {level}")["OrganizationalUnit"][
            "Id"
        ]

    with refused("ConstraintViolationException") as refusal:
        organizations.create_organizational_unit(ParentId=parent, Name="too deep")

    assert refusal["Reason"] == "OU_DEPTH_LIMIT_EXCEEDED"


def test_a_unit_can_have_another_name(organizations, unit):
    renamed = organizations.update_organizational_unit(OrganizationalUnitId=unit, Name="another name")

    assert renamed["OrganizationalUnit"]["Name"] == "another name"
    with refused("DuplicateOrganizationalUnitException"):
        organizations.update_organizational_unit(OrganizationalUnitId=unit, Name="another name")


def test_aws_has_a_policy_of_each_kind_that_allows_everything(organizations, enabled):
    for kind, name in ((SCP, "FullAWSAccess"), (RCP, "RCPFullAWSAccess")):
        described = organizations.describe_policy(PolicyId=f"p-{name}")["Policy"]
        assert described["PolicySummary"]["AwsManaged"] is True
        assert described["PolicySummary"]["Arn"] == f"arn:aws:organizations::aws:policy/{kind.lower()}/p-{name}"
        attached = organizations.list_policies_for_target(TargetId=enabled, Filter=kind)["Policies"]
        assert f"p-{name}" in [each["Id"] for each in attached]
        with refused("ConstraintViolationException"):
            organizations.update_policy(PolicyId=f"p-{name}", Description="mine")
        with refused("ConstraintViolationException"):
            organizations.delete_policy(PolicyId=f"p-{name}")


def test_policies_are_written_read_changed_and_deleted(organizations, policy, unit):
    content = document("Deny", "ecr:DeleteRepository")
    made = policy(content)

    described = organizations.describe_policy(PolicyId=made)["Policy"]
    assert json.loads(described["Content"]) == json.loads(content)
    assert made in [each["Id"] for each in organizations.list_policies(Filter=SCP)["Policies"]]
    with refused("DuplicatePolicyException"):
        name = described["PolicySummary"]["Name"]
        organizations.create_policy(Content=content, Description="", Name=name, Type=SCP)
    changed = organizations.update_policy(PolicyId=made, Description="no deleting")["Policy"]["PolicySummary"]
    assert changed["Description"] == "no deleting"
    organizations.attach_policy(PolicyId=made, TargetId=unit)
    (target,) = organizations.list_targets_for_policy(PolicyId=made)["Targets"]
    assert (target["TargetId"], target["Type"]) == (unit, "ORGANIZATIONAL_UNIT")
    with refused("DuplicatePolicyAttachmentException"):
        organizations.attach_policy(PolicyId=made, TargetId=unit)
    with refused("PolicyInUseException"):
        organizations.delete_policy(PolicyId=made)
    organizations.detach_policy(PolicyId=made, TargetId=unit)
    with refused("PolicyNotAttachedException"):
        organizations.detach_policy(PolicyId=made, TargetId=unit)
    organizations.delete_policy(PolicyId=made)
    with refused("PolicyNotFoundException"):
        organizations.describe_policy(PolicyId=made)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (SCP, "{"),
        (SCP, document("Allow", "ecr:*", Principal="*")),
        (SCP, document("Deny", "ecr:*") + " " * 5120 + "x"),
        (RCP, document("Deny", "ecr:*")),
        (RCP, document("Allow", "ecr:*", Principal="*")),
    ],
)
def test_a_document_that_is_none_of_its_kind_is_refused(organizations, enabled, kind, content):
    with refused("MalformedPolicyDocumentException"):
        organizations.create_policy(Content=content, Description="", Name="wrong", Type=kind)


def test_kinds_that_do_nothing_here_are_not_to_be_had(organizations, enabled):
    with refused("PolicyTypeNotAvailableForOrganizationException"):
        organizations.enable_policy_type(RootId=enabled, PolicyType="TAG_POLICY")
    with refused("PolicyTypeAlreadyEnabledException"):
        organizations.enable_policy_type(RootId=enabled, PolicyType=SCP)
    with refused("RootNotFoundException"):
        organizations.enable_policy_type(RootId="r-aaaa", PolicyType=SCP)


def test_something_always_stays_attached(organizations, enabled, unit):
    with refused("ConstraintViolationException") as refusal:
        organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=unit)

    assert refusal["Reason"] == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


def test_five_policies_are_attached_at_most(organizations, policy, unit):
    for number in range(4):
        organizations.attach_policy(PolicyId=policy(document("Deny", f"ecr:Put{number}*")), TargetId=unit)

    with refused("ConstraintViolationException") as refusal:
        organizations.attach_policy(PolicyId=policy(document("Deny", "ecr:Get*")), TargetId=unit)

    assert refusal["Reason"] == "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


def test_a_denial_at_a_unit_holds_for_every_principal_of_the_accounts_below(
    *, server, organizations, manager, enabled, policy, unit, account
):
    ecr = inside(server, manager, account, "ecr")
    ecr.create_repository(repositoryName="before")
    denial = policy(document("Deny", "ecr:CreateRepository"))
    organizations.attach_policy(PolicyId=denial, TargetId=unit)

    organizations.move_account(AccountId=account, SourceParentId=enabled, DestinationParentId=unit)

    with refused("AccessDeniedException") as refusal:
        ecr.create_repository(repositoryName="after")
    assert refusal["Error"]["Message"] == (
        f"User: arn:aws:sts::{account}:assumed-role/admin/manager is not authorized to perform: ecr:CreateRepository "
        f"on resource: arn:aws:ecr:{REGION}:{account}:repository/after "
        "with an explicit deny in a service control policy"
    )
    ecr.describe_repositories()
    organizations.detach_policy(PolicyId=denial, TargetId=unit)
    ecr.create_repository(repositoryName="after")


def test_what_a_level_does_not_allow_nobody_below_may(
    *, server, organizations, manager, policy, enabled, unit, account
):
    ecr = inside(server, manager, account, "ecr")
    organizations.attach_policy(PolicyId=policy(document("Allow", "ecr:Describe*")), TargetId=unit)
    organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=unit)

    organizations.move_account(AccountId=account, SourceParentId=enabled, DestinationParentId=unit)

    ecr.describe_repositories()
    with refused("AccessDeniedException") as refusal:
        ecr.create_repository(repositoryName="after")
    assert refusal["Error"]["Message"].endswith(
        "because no service control policy allows the ecr:CreateRepository action"
    )


def test_a_resource_control_policy_protects_what_is_in_the_account(
    *, server, organizations, manager, policy, enabled, unit, account
):
    ecr = inside(server, manager, account, "ecr")
    ecr.create_repository(repositoryName="app")
    denial = policy(document("Deny", "ecr:DeleteRepository", Principal="*"), RCP)
    organizations.attach_policy(PolicyId=denial, TargetId=account)

    with refused("AccessDeniedException") as refusal:
        ecr.delete_repository(repositoryName="app")

    assert refusal["Error"]["Message"].endswith("with an explicit deny in a resource control policy")


def test_the_management_account_is_not_limited(server, organizations, policy, enabled):
    denial = policy(document("Deny", "ecr:CreateRepository"))
    organizations.attach_policy(PolicyId=denial, TargetId=enabled)
    try:
        server.aws("ecr").create_repository(repositoryName="of-the-manager")
    finally:
        organizations.detach_policy(PolicyId=denial, TargetId=enabled)


def test_a_trust_policy_can_name_the_organization(server, organizations, made, manager, account):
    iam = inside(server, manager, account, "iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": made["Id"]}},
            }
        ],
    }
    iam.create_role(RoleName="ours", AssumeRolePolicyDocument=json.dumps(trust))
    role = f"arn:aws:iam::{account}:role/ours"

    manager.assume_role(RoleArn=role, RoleSessionName="manager")
    organizations.remove_account_from_organization(AccountId=account)
    iam_again = inside(server, manager, account, "iam")
    iam_again.update_assume_role_policy(
        RoleName="ours", PolicyDocument=json.dumps(trust).replace("PrincipalOrgID", "ResourceOrgID")
    )

    with refused("AccessDenied"):
        manager.assume_role(RoleArn=role, RoleSessionName="manager")


def test_only_the_management_account_may_change_anything(server, organizations, manager, account):
    theirs = inside(server, manager, account, "organizations")

    theirs.describe_organization()
    for operation, arguments in (
        ("list_accounts", {}),
        ("list_roots", {}),
        ("create_account", {"Email": "x@example.com", "AccountName": "x"}),
        ("detach_policy", {"PolicyId": "p-FullAWSAccess", "TargetId": account}),
        ("delete_organization", {}),
    ):
        with refused("AccessDeniedException", "You don't have permissions to access this resource."):
            getattr(theirs, operation)(**arguments)


def test_the_management_account_stays_and_the_organization_with_its_members(organizations, made, account):
    with refused("MasterCannotLeaveOrganizationException"):
        organizations.remove_account_from_organization(AccountId=ACCOUNT)
    with refused("OrganizationNotEmptyException"):
        organizations.delete_organization()


def test_things_have_tags(organizations, unit):
    organizations.tag_resource(ResourceId=unit, Tags=[{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "1"}])
    organizations.untag_resource(ResourceId=unit, TagKeys=["team"])

    assert organizations.list_tags_for_resource(ResourceId=unit)["Tags"] == [{"Key": "cost", "Value": "1"}]
    with refused("TargetNotFoundException"):
        organizations.tag_resource(ResourceId="ou-aaaa-aaaaaaaa", Tags=[])


def test_a_kind_that_is_disabled_limits_nobody_and_comes_back_empty(organizations, policy, enabled, account):
    denial = policy(document("Deny", "*"))
    organizations.attach_policy(PolicyId=denial, TargetId=account)

    left = organizations.disable_policy_type(RootId=enabled, PolicyType=SCP)["Root"]["PolicyTypes"]
    try:
        assert left == [{"Type": RCP, "Status": "ENABLED"}]
        with refused("PolicyTypeNotEnabledException"):
            organizations.attach_policy(PolicyId=denial, TargetId=account)
    finally:
        organizations.enable_policy_type(RootId=enabled, PolicyType=SCP)
    attached = organizations.list_policies_for_target(TargetId=account, Filter=SCP)["Policies"]
    assert [each["Id"] for each in attached] == ["p-FullAWSAccess"]


_RCP_TEXT = document("Deny", "ecr:DeleteRepository", Principal="*")


@pytest.fixture
def steward(server, request):
    """A client of a user of the managing account, who may do what *statements* say."""

    def make(*statements):
        iam, name = server.aws("iam"), f"steward{abs(hash(request.node.name)):x}"
        iam.create_user(UserName=name)
        text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=text)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return server.aws("organizations", key=(key["AccessKeyId"], key["SecretAccessKey"]))

    return make


def allow_all_but(actions, **condition):
    everything = {"Effect": "Allow", "Action": "organizations:*", "Resource": "*"}
    return everything, {"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": condition}


def test_tags_of_requests_and_of_things_decide(organizations, steward, unit, root):
    own = steward(
        *allow_all_but("organizations:*", StringEquals={"aws:RequestTag/stage": "prod"}),
        allow_all_but("organizations:*", StringEquals={"aws:ResourceTag/stage": "prod"})[1],
        allow_all_but("organizations:*", **{"ForAnyValue:StringEquals": {"aws:TagKeys": "kept"}})[1],
    )
    prod, dev = ([{"Key": "stage", "Value": value}] for value in ("prod", "dev"))

    with refused("AccessDeniedException"):
        own.create_organizational_unit(ParentId=root, Name="tagged", Tags=prod)
    with refused("AccessDeniedException"):
        own.tag_resource(ResourceId=unit, Tags=[{"Key": "kept", "Value": "yes"}])
    own.tag_resource(ResourceId=unit, Tags=dev)
    with refused("AccessDeniedException"):
        own.untag_resource(ResourceId=unit, TagKeys=["kept"])
    organizations.tag_resource(ResourceId=unit, Tags=prod)
    with refused("AccessDeniedException"):
        own.update_organizational_unit(OrganizationalUnitId=unit, Name="other")
    organizations.untag_resource(ResourceId=unit, TagKeys=["stage"])
    own.update_organizational_unit(OrganizationalUnitId=unit, Name=f"{unit}-other")


def test_what_is_made_with_tags_needs_the_right_to_tag(steward, root):
    own = steward(*allow_all_but("organizations:TagResource"))
    tags = [{"Key": "stage", "Value": "dev"}]

    with refused("AccessDeniedException") as answer:
        own.create_organizational_unit(ParentId=root, Name="with tags", Tags=tags)
    assert "is not authorized to perform: organizations:TagResource" in answer["Error"]["Message"]
    own.create_organizational_unit(ParentId=root, Name="without tags")


def test_kinds_of_policies_can_be_told_apart(steward, policy, enabled):
    own = steward(*allow_all_but("organizations:*", StringEquals={"organizations:PolicyType": RCP}))
    control, resource = policy(document("Deny", "ecr:DeleteRepository")), policy(_RCP_TEXT, RCP)

    own.describe_policy(PolicyId=control)
    own.list_policies(Filter=SCP)
    for ask in (
        lambda: own.describe_policy(PolicyId=resource),
        lambda: own.delete_policy(PolicyId=resource),
        lambda: own.list_policies(Filter=RCP),
        lambda: own.disable_policy_type(RootId=enabled, PolicyType=RCP),
        lambda: own.create_policy(Content=_RCP_TEXT, Description="", Name="mine", Type=RCP),
    ):
        with refused("AccessDeniedException"):
            ask()


def test_policies_name_parts_of_the_organization_by_their_arns(server, organizations, made):
    """Requests have ids; a Deny on an ARN holds all the same."""
    iam = server.aws("iam")
    root = organizations.list_roots()["Roots"][0]
    units = [organizations.create_organizational_unit(ParentId=root["Id"], Name=name) for name in ("kept", "free")]
    kept, free = (unit["OrganizationalUnit"] for unit in units)
    document = [
        {"Effect": "Allow", "Action": "organizations:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "organizations:UpdateOrganizationalUnit", "Resource": kept["Arn"]},
    ]
    iam.create_user(UserName="gardener")
    iam.put_user_policy(
        UserName="gardener",
        PolicyName="own",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": document}),
    )
    key = iam.create_access_key(UserName="gardener")["AccessKey"]
    own = server.aws("organizations", key=(key["AccessKeyId"], key["SecretAccessKey"]))

    own.update_organizational_unit(OrganizationalUnitId=free["Id"], Name="freer")
    with refused("AccessDeniedException") as answer:
        own.update_organizational_unit(OrganizationalUnitId=kept["Id"], Name="lost")

    assert f"on resource: {kept['Arn']} with an explicit deny" in answer["Error"]["Message"]
    for unit in (kept, free):
        organizations.delete_organizational_unit(OrganizationalUnitId=unit["Id"])
