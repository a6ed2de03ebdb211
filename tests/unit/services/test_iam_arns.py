"""What a call of IAM needs. Source: Service Authorization Reference, AWS Identity and Access Management."""

import pytest

from entrepot.names import Registry
from entrepot.services import iam
from entrepot.services.iam import arns

ME = Registry("123456789012", "us-east-1")
A = "arn:aws:iam::123456789012:"
TAGS = [{"Key": "a", "Value": "b"}]
POLICY = f"{A}policy/x/p"


@pytest.mark.parametrize(
    ("operation", "params", "needed"),
    [
        ("CreateUser", {"user_name": "u"}, [("iam:CreateUser", f"{A}user/u")]),
        (
            "CreateUser",
            {"user_name": "u", "path": "/p/", "tags": TAGS},
            [("iam:CreateUser", f"{A}user/p/u"), ("iam:TagUser", f"{A}user/p/u")],
        ),
        ("GetUser", {"user_name": "u"}, [("iam:GetUser", f"{A}user/u")]),
        ("GetUser", {}, [("iam:GetUser", f"{A}${{caller}}")]),
        ("ListUsers", {}, [("iam:ListUsers", f"{A}user/")]),
        ("ListRoles", {"path_prefix": "/x"}, [("iam:ListRoles", f"{A}role/x")]),
        ("UpdateUser", {"user_name": "u"}, [("iam:UpdateUser", f"{A}user/u")]),
        (
            "UpdateUser",
            {"user_name": "u", "new_user_name": "v"},
            [("iam:UpdateUser", f"{A}user/u"), ("iam:UpdateUser", f"{A}user/u>v")],
        ),
        (
            "UpdateGroup",
            {"group_name": "g", "new_path": "/p/"},
            [("iam:UpdateGroup", f"{A}group/g"), ("iam:UpdateGroup", f"{A}group/p/g")],
        ),
        ("AddUserToGroup", {"group_name": "g", "user_name": "u"}, [("iam:AddUserToGroup", f"{A}group/g")]),
        ("AttachUserPolicy", {"user_name": "u", "policy_arn": POLICY}, [("iam:AttachUserPolicy", f"{A}user/u")]),
        ("PutRolePolicy", {"role_name": "r", "policy_name": "p"}, [("iam:PutRolePolicy", f"{A}role/r")]),
        ("CreatePolicy", {"policy_name": "p", "path": "/x/"}, [("iam:CreatePolicy", POLICY)]),
        ("DeletePolicy", {"policy_arn": POLICY}, [("iam:DeletePolicy", POLICY)]),
        (
            "AddRoleToInstanceProfile",
            {"instance_profile_name": "i", "role_name": "r"},
            [("iam:AddRoleToInstanceProfile", f"{A}instance-profile/i"), ("iam:PassRole", f"{A}role/r")],
        ),
        (
            "CreateOpenIDConnectProvider",
            {"url": "https://issuer.example/x"},
            [("iam:CreateOpenIDConnectProvider", f"{A}oidc-provider/issuer.example/x")],
        ),
        ("GetAccountSummary", {}, [("iam:GetAccountSummary", "*")]),
        ("ListServiceSpecificCredentials", {"all_users": True}, [("iam:ListServiceSpecificCredentials", "*")]),
        ("ChangePassword", {"old_password": "a", "new_password": "b"}, []),
    ],
)
def test_a_call_needs_these_rights(operation, params, needed):
    assert arns.of(operation, params, ME) == needed


@pytest.mark.parametrize("operation", sorted(iam.service.handlers))
def test_abuse_25_every_operation_needs_its_own_action_but_one(operation):
    """Called with all that the model knows, and with nothing but what it requires."""
    shape = iam.service.handlers[operation].operation.input
    parameters = iam.service.handlers[operation].operation.parameters
    required = [parameters[name] for name in shape.required_members] if shape else []
    for names in (list(parameters.values()), required):
        needed = arns.of(operation, dict.fromkeys(names, "x"), ME)
        actions = {action for action, _ in needed}
        assert f"iam:{operation}" in actions or operation == "ChangePassword"
        assert all(resource for _, resource in needed)


@pytest.mark.parametrize("operation", sorted(iam.service.handlers))
def test_what_names_an_entity_is_about_that_entity(operation):
    """So that no rule about users, groups or roles is passed by because a call seems to be about everything."""
    parameters = iam.service.handlers[operation].operation.parameters
    needed = arns.of(operation, dict.fromkeys(parameters.values(), "x"), ME)
    entities = {"user_name", "group_name", "role_name", "instance_profile_name"} & set(parameters.values())
    if entities and operation != "ListServiceSpecificCredentials":
        assert all(resource.startswith(A) for _, resource in needed)
