"""Who may do what with keys: key policies, grants, conditions; and that what is taken away is gone at once."""

import itertools
import json

import pytest
from botocore.exceptions import ClientError

from tests.oci.principals import new_account
from tests.support.api import refused
from tests.support.server import ACCOUNT, REGION

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
MANAGE = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
CONTEXT = {"tenant": "a"}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal, *actions, **more):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions), "Resource": "*", **more}


@pytest.fixture
def key(kms):
    """The ARN of a new key."""
    return kms.create_key()["KeyMetadata"]["Arn"]


class Person:
    """A user: *kms* asks as it, *arn* names it."""

    def __init__(self, server, iam, name, *statements):
        self.arn = iam.create_user(UserName=name)["User"]["Arn"]
        self._iam, self._name = iam, name
        if statements:
            self.allow(*statements)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        self.kms = server.aws("kms", key=(made["AccessKeyId"], made["SecretAccessKey"]))

    def allow(self, *statements):
        """Give it exactly these statements."""
        self._iam.put_user_policy(UserName=self._name, PolicyName="own", PolicyDocument=policy(*statements))


@pytest.fixture
def person(server, iam, request):
    """Makes users, named after the test."""
    numbers = itertools.count(1)

    def make(*statements):
        return Person(server, iam, f"k{abs(hash(request.node.nodeid)):x}-{next(numbers)}", *statements)

    return make


def own(*actions, **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def may(ask):
    """Whether it is not refused for want of rights; that there is no such thing is said to those who may."""
    try:
        ask()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in {"AccessDeniedException", "NotFoundException"}:
            raise
        return code != "AccessDeniedException"
    return True


# ── key policies ────────────────────────────────────────────────────────────────────────────────────


def test_without_a_policy_of_ones_own_a_key_leaves_it_to_the_account(kms, key, person):
    ada = person()
    assert not may(lambda: ada.kms.encrypt(KeyId=key, Plaintext=b"x"))

    ada.allow(own("kms:Encrypt"))

    assert may(lambda: ada.kms.encrypt(KeyId=key, Plaintext=b"x"))
    assert not may(lambda: ada.kms.describe_key(KeyId=key))
    shown = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    assert shown["Statement"][0]["Principal"] == {"AWS": ROOT}


def test_policies_of_the_account_count_only_where_the_key_says_so(kms, key, person):
    ada, administrator = person(), person(own("*"))
    kms.put_key_policy(KeyId=key, Policy=policy(allow(ada.arn, "kms:*")), BypassPolicyLockoutSafetyCheck=True)

    assert may(lambda: ada.kms.encrypt(KeyId=key, Plaintext=b"x"))
    assert not may(lambda: administrator.kms.encrypt(KeyId=key, Plaintext=b"x"))
    assert not may(lambda: kms.describe_key(KeyId=key))


def test_a_policy_names_people_as_they_are_called_and_none_who_are_not_there(kms, key, person):
    ada = person()
    text = policy(MANAGE, allow(ada.arn, "kms:Decrypt"))

    kms.put_key_policy(KeyId=key, Policy=text)

    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == json.loads(text)
    with refused(
        "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."
    ):
        kms.put_key_policy(KeyId=key, Policy=policy(MANAGE, allow(f"{ada.arn}-not", "kms:Decrypt")))
    with refused("NotFoundException"):
        kms.get_key_policy(KeyId=key, PolicyName="other")
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]


@pytest.mark.parametrize("text", ["{", "[]", policy(), policy({"Effect": "Allow", "Action": "kms:*", "Resource": "*"})])
def test_a_policy_that_is_none_is_refused_and_changes_nothing(kms, key, text):
    before = kms.get_key_policy(KeyId=key)["Policy"]
    with refused("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=key, Policy=text)
    assert kms.get_key_policy(KeyId=key)["Policy"] == before
    with refused("MalformedPolicyDocumentException"):
        kms.create_key(Policy=text)


def test_who_sets_a_policy_is_told_what_is_odd_in_it(kms, key):
    text = policy(MANAGE, allow("*", "kms:Decrypt"))
    for answer in (kms.create_key(Policy=text), kms.put_key_policy(KeyId=key, Policy=text)):
        (told,) = json.loads(answer["ResponseMetadata"]["HTTPHeaders"]["x-entrepot-policy-warnings"])
        assert told == "statement 1: everybody is allowed, of whatever account, and no condition limits it"


def test_abuse_64_nobody_locks_himself_out_by_mistake(kms, key, person):
    ada = person(own("kms:*"))
    locks_out = policy(allow(ada.arn, "kms:Decrypt"))
    sentence = "The new key policy will not allow you to update the key policy in the future."

    with refused("MalformedPolicyDocumentException", sentence):
        ada.kms.put_key_policy(KeyId=key, Policy=locks_out)
    with refused("MalformedPolicyDocumentException", sentence):
        kms.create_key(Policy=locks_out)
    assert may(lambda: kms.get_key_policy(KeyId=key))
    assert kms.create_key(Policy=policy(MANAGE))["KeyMetadata"]["Enabled"]

    ada.kms.put_key_policy(KeyId=key, Policy=locks_out, BypassPolicyLockoutSafetyCheck=True)

    assert not may(lambda: ada.kms.get_key_policy(KeyId=key))


def test_a_grant_does_not_stand_in_for_a_policy_that_locks_out(kms, key, person):
    """It can be retired; then nobody would be left."""
    ada = person(own("kms:PutKeyPolicy"))
    kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=["CreateGrant", "DescribeKey"])
    with refused("MalformedPolicyDocumentException"):
        ada.kms.put_key_policy(KeyId=key, Policy=policy(allow(f"{ROOT}", "kms:Decrypt")))


def test_abuse_28_another_account_needs_the_word_of_both(server, kms, key):
    account = new_account(server)
    iam = server.aws("iam", key=account.key)
    iam.create_user(UserName="them")
    made = iam.create_access_key(UserName="them")["AccessKey"]
    them = server.aws("kms", key=(made["AccessKeyId"], made["SecretAccessKey"]))

    def asks():
        return may(lambda: them.encrypt(KeyId=key, Plaintext=b"x"))

    consent = policy(MANAGE, allow(f"arn:aws:iam::{account.id}:root", "kms:Encrypt"))
    rights = policy(own("kms:*"))
    assert not asks()
    kms.put_key_policy(KeyId=key, Policy=consent)
    assert not asks()
    iam.put_user_policy(UserName="them", PolicyName="own", PolicyDocument=rights)
    assert asks()
    assert not may(lambda: them.describe_key(KeyId=key))
    kms.put_key_policy(KeyId=key, Policy=policy(MANAGE))
    assert not asks()


def test_a_key_that_is_not_there_looks_to_others_as_one_that_is(server, kms, key):
    kms.create_alias(AliasName="alias/there", TargetKeyId=key)
    stranger = server.aws("kms", key=new_account(server).key)
    said = []
    for arn in (key, f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-4000-8000-000000000000"):
        with refused("AccessDeniedException") as error:
            stranger.describe_key(KeyId=arn)
        said.append(error["Error"]["Message"].replace(arn, "KEY"))
    for alias in ("alias/there", "alias/not-there"):
        with refused("AccessDeniedException") as error:
            stranger.describe_key(KeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}")
        said.append(error["Error"]["Message"].replace(f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}", "KEY"))

    assert len(set(said)) == 1


# ── grants ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_grant_gives_its_operations_at_once_and_no_others(kms, key, person):
    ada = person()
    grant = kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=["Encrypt", "DescribeKey"], Name="x")

    blob = ada.kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])["CiphertextBlob"]
    assert ada.kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
    assert not may(lambda: ada.kms.decrypt(CiphertextBlob=blob))
    assert not may(lambda: ada.kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=["Encrypt"]))
    (shown,) = kms.list_grants(KeyId=key)["Grants"]
    assert (shown["GranteePrincipal"], shown["Operations"]) == (ada.arn, ["Encrypt", "DescribeKey"])
    assert (shown["Name"], shown["IssuingAccount"], shown["KeyId"]) == ("x", ROOT, key)


def test_the_same_grant_under_the_same_name_is_made_once(kms, key, person):
    ada = person()
    made = [
        kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=["Encrypt"], Name=name)["GrantId"]
        for name in ("one", "one", "two")
    ]
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize(
    ("kind", "context", "opens"),
    [
        ("EncryptionContextEquals", CONTEXT, True),
        ("EncryptionContextEquals", {"Tenant": "a"}, True),
        ("EncryptionContextEquals", {"tenant": "A"}, False),
        ("EncryptionContextEquals", {**CONTEXT, "more": "x"}, False),
        ("EncryptionContextEquals", {}, False),
        ("EncryptionContextEquals", {"tenant": "a", "Tenant": "a"}, False),
        ("EncryptionContextSubset", CONTEXT, True),
        ("EncryptionContextSubset", {**CONTEXT, "more": "x"}, True),
        ("EncryptionContextSubset", {"tenant": "b", "more": "x"}, False),
        ("EncryptionContextSubset", {"tenant": "a", "Tenant": "b"}, False),
        ("EncryptionContextSubset", {}, False),
    ],
)
def test_the_constraint_of_a_grant_holds(kms, key, person, *, kind, context, opens):
    ada = person()
    kms.create_grant(
        KeyId=key, GranteePrincipal=ada.arn, Operations=["Decrypt", "DescribeKey"], Constraints={kind: CONTEXT}
    )
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]

    assert may(lambda: ada.kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)) is opens
    assert may(lambda: ada.kms.describe_key(KeyId=key))


def test_a_constraint_is_taken_literally(kms, key, person):
    ada = person()
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=ada.arn,
        Operations=["Encrypt"],
        Constraints={"EncryptionContextSubset": {"path": "${aws:username}*"}},
    )
    assert not may(lambda: ada.kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"path": ada.arn[-4:]}))
    assert may(lambda: ada.kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"path": "${aws:username}*"}))


def test_each_half_of_re_encrypt_is_allowed_under_its_own_context(kms, key, person):
    """Else who may only take from one context would take from another, by naming it at the other end."""
    ada = person()
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=ada.arn,
        Operations=["ReEncryptFrom", "ReEncryptTo"],
        Constraints={"EncryptionContextSubset": CONTEXT},
    )
    blobs = {
        name: kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": name})["CiphertextBlob"]
        for name in ("a", "b")
    }

    def moves(source, target):
        return may(
            lambda: ada.kms.re_encrypt(
                CiphertextBlob=blobs[source],
                SourceEncryptionContext={"tenant": source},
                DestinationKeyId=key,
                DestinationEncryptionContext={"tenant": target},
            )
        )

    assert [moves(*pair) for pair in ("aa", "ab", "ba", "bb")] == [True, False, False, False]


def test_a_deny_is_stronger_than_a_grant(kms, key, person):
    ada = person({"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*"})
    kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=["Encrypt", "GenerateDataKey"])
    assert not may(lambda: ada.kms.encrypt(KeyId=key, Plaintext=b"x"))

    deny = {**allow(ada.arn, "kms:GenerateDataKey"), "Effect": "Deny"}
    assert may(lambda: ada.kms.generate_data_key(KeyId=key, KeySpec="AES_256"))
    kms.put_key_policy(KeyId=key, Policy=policy(MANAGE, deny))
    assert not may(lambda: ada.kms.generate_data_key(KeyId=key, KeySpec="AES_256"))


def test_abuse_29_a_namesake_has_none_of_the_grants(server, iam, kms, key):
    first = Person(server, iam, "kms-namesake")
    kms.create_grant(KeyId=key, GranteePrincipal=first.arn, Operations=["Encrypt"])
    assert may(lambda: first.kms.encrypt(KeyId=key, Plaintext=b"x"))
    for each in iam.list_access_keys(UserName="kms-namesake")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="kms-namesake", AccessKeyId=each["AccessKeyId"])
    iam.delete_user(UserName="kms-namesake")

    second = Person(server, iam, "kms-namesake")

    assert not may(lambda: second.kms.encrypt(KeyId=key, Plaintext=b"x"))
    assert kms.list_grants(KeyId=key)["Grants"][0]["GranteePrincipal"].startswith("AIDA")


def test_who_may_retire_a_grant_retires_that_one(kms, key, person):
    ada, bob = person(), person()
    grants = [
        kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=["Encrypt"], **more)
        for more in ({"RetiringPrincipal": bob.arn}, {})
    ]
    listed = kms.list_retirable_grants(RetiringPrincipal=bob.arn)["Grants"]
    assert [each["GrantId"] for each in listed] == [grants[0]["GrantId"]]
    assert not may(lambda: ada.kms.retire_grant(GrantToken=grants[0]["GrantToken"]))
    assert not may(lambda: bob.kms.retire_grant(KeyId=key, GrantId=grants[1]["GrantId"]))
    assert not may(lambda: bob.kms.revoke_grant(KeyId=key, GrantId=grants[0]["GrantId"]))

    bob.kms.retire_grant(GrantToken=grants[0]["GrantToken"])

    assert [each["GrantId"] for each in kms.list_grants(KeyId=key)["Grants"]] == [grants[1]["GrantId"]]
    with refused("NotFoundException"):
        kms.retire_grant(KeyId=key, GrantId=grants[0]["GrantId"])


def test_a_grantee_retires_its_own_grant_if_it_may(kms, key, person):
    ada = person()
    may_not, may_retire = (
        kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=operations)["GrantId"]
        for operations in (["Encrypt"], ["Encrypt", "RetireGrant"])
    )
    assert not may(lambda: ada.kms.retire_grant(KeyId=key, GrantId=may_not))
    assert may(lambda: ada.kms.retire_grant(KeyId=key, GrantId=may_retire))


@pytest.mark.parametrize("token", ["x", "eCB5", "****"])
def test_what_is_no_token_of_a_grant_is_refused(kms, token):
    with refused("InvalidGrantTokenException"):
        kms.retire_grant(GrantToken=token)


def test_grants_are_to_somebody_who_is_there_and_for_what_the_key_does(kms, key, person):
    with refused("InvalidArnException"):
        kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:user/nobody-here", Operations=["Encrypt"])
    with refused("ValidationException"):
        kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Sign"])
    with refused("ValidationException"):
        kms.create_grant(KeyId=key, Operations=["Encrypt"])


@pytest.mark.parametrize(
    ("operations", "constraints", "may_make"),
    [
        (["Decrypt"], {"EncryptionContextSubset": CONTEXT}, True),
        (["Decrypt"], {"EncryptionContextSubset": {**CONTEXT, "more": "x"}}, True),
        (["Decrypt"], {"EncryptionContextEquals": CONTEXT}, True),
        (["CreateGrant", "Decrypt"], {"EncryptionContextSubset": CONTEXT}, True),
        (["Decrypt"], {}, False),
        (["Decrypt"], {"EncryptionContextSubset": {"tenant": "b"}}, False),
        (["Decrypt"], {"EncryptionContextEquals": {"more": "x"}}, False),
        (["Decrypt", "Encrypt"], {"EncryptionContextSubset": CONTEXT}, False),
        (["Encrypt"], {"EncryptionContextSubset": CONTEXT}, False),
        (["DescribeKey"], {"EncryptionContextSubset": CONTEXT}, False),
    ],
)
def test_abuse_64_who_has_a_grant_hands_on_no_more_than_that(kms, key, person, *, operations, constraints, may_make):
    ada, bob = person(), person()
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=ada.arn,
        Operations=["CreateGrant", "Decrypt"],
        Constraints={"EncryptionContextSubset": CONTEXT},
    )

    made = may(
        lambda: ada.kms.create_grant(
            KeyId=key, GranteePrincipal=bob.arn, Operations=operations, Constraints=constraints
        )
    )

    assert made is may_make


def test_abuse_64_exact_constraints_are_handed_on_exactly(kms, key, person):
    ada = person()
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=ada.arn,
        Operations=["CreateGrant", "Decrypt"],
        Constraints={"EncryptionContextEquals": CONTEXT},
    )

    def hands_on(constraints):
        return may(
            lambda: ada.kms.create_grant(
                KeyId=key, GranteePrincipal=ada.arn, Operations=["Decrypt"], Constraints=constraints
            )
        )

    assert hands_on({"EncryptionContextEquals": CONTEXT})
    assert not hands_on({"EncryptionContextSubset": CONTEXT})
    assert not hands_on({"EncryptionContextEquals": {**CONTEXT, "more": "x"}})


def test_abuse_64_two_grants_are_not_added_up(kms, key, person):
    ada = person()
    for operations in (["CreateGrant", "Decrypt"], ["Encrypt"]):
        kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=operations)

    assert not may(lambda: ada.kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=["Decrypt", "Encrypt"]))


def test_who_may_make_grants_by_a_policy_makes_any(kms, key, person):
    ada = person(own("kms:CreateGrant"))
    kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=["CreateGrant", "Decrypt"])

    assert may(lambda: ada.kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=["Encrypt"]))


# ── what is taken away ──────────────────────────────────────────────────────────────────────────────


def _disable(kms, key, grant):
    kms.disable_key(KeyId=key)


def _delete(kms, key, grant):
    kms.schedule_key_deletion(KeyId=key)


def _revoke(kms, key, grant):
    kms.revoke_grant(KeyId=key, GrantId=grant)


@pytest.mark.parametrize(
    ("take", "code"),
    [(_disable, "DisabledException"), (_delete, "KMSInvalidStateException"), (_revoke, "AccessDeniedException")],
)
def test_abuse_63_what_is_taken_away_is_gone_with_the_next_request(kms, key, person, take, code):
    """The server has several workers; each of 20 connections may meet another."""
    ada = person()
    grant = kms.create_grant(KeyId=key, GranteePrincipal=ada.arn, Operations=["Encrypt", "Decrypt"])["GrantId"]
    blob = ada.kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    for _ in range(20):
        ada.kms.decrypt(CiphertextBlob=blob)

    take(kms, key, grant)

    for _ in range(20):
        with refused(code):
            ada.kms.decrypt(CiphertextBlob=blob)


# ── conditions ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "case",
    [
        (
            {"StringEquals": {"kms:EncryptionContext:tenant": "a"}},
            lambda kms, key: kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": "a"}),
            lambda kms, key: kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": "b"}),
        ),
        (
            {
                "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["a"]},
                "Null": {"kms:EncryptionContextKeys": "false"},
            },
            lambda kms, key: kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1"}),
            lambda kms, key: kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1", "b": "1"}),
        ),
        (
            {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt"]}},
            lambda kms, key: kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Decrypt"]),
            lambda kms, key: kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Decrypt", "Encrypt"]),
        ),
        (
            {"StringEquals": {"kms:GranteePrincipal": ROOT}},
            lambda kms, key: kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Decrypt"]),
            lambda kms, key: kms.create_grant(KeyId=key, GranteePrincipal=ACCOUNT, Operations=["Decrypt"]),
        ),
        (
            {"StringEquals": {"kms:RetiringPrincipal": ROOT}},
            lambda kms, key: kms.create_grant(
                KeyId=key, GranteePrincipal=ROOT, RetiringPrincipal=ROOT, Operations=["Decrypt"]
            ),
            lambda kms, key: kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Decrypt"]),
        ),
        (
            {"StringEquals": {"kms:GrantConstraintType": "EncryptionContextEquals"}},
            lambda kms, key: kms.create_grant(
                KeyId=key,
                GranteePrincipal=ROOT,
                Operations=["Decrypt"],
                Constraints={"EncryptionContextEquals": CONTEXT},
            ),
            lambda kms, key: kms.create_grant(
                KeyId=key,
                GranteePrincipal=ROOT,
                Operations=["Decrypt"],
                Constraints={"EncryptionContextSubset": CONTEXT},
            ),
        ),
        (
            {"Bool": {"kms:GrantIsForAWSResource": "false"}},
            lambda kms, key: kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Decrypt"]),
            lambda kms, key: kms.describe_key(KeyId=key),
        ),
        (
            {"NumericGreaterThanEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": "10"}},
            lambda kms, key: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=10),
            lambda kms, key: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7),
        ),
        (
            {"NumericLessThan": {"kms:RotationPeriodInDays": "100"}},
            lambda kms, key: kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90),
            lambda kms, key: kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=200),
        ),
        (
            {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "false"}},
            lambda kms, key: kms.put_key_policy(KeyId=key, Policy=policy(MANAGE)),
            lambda kms, key: kms.put_key_policy(KeyId=key, Policy=policy(MANAGE), BypassPolicyLockoutSafetyCheck=True),
        ),
        (
            {"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}},
            lambda kms, key: kms.encrypt(KeyId=key, Plaintext=b"x"),
            lambda kms, key: kms.describe_key(KeyId=key),
        ),
        (
            {
                "StringEquals": {"kms:CallerAccount": ACCOUNT, "kms:KeySpec": "SYMMETRIC_DEFAULT"},
                "Null": {"kms:ViaService": "true"},
            },
            lambda kms, key: kms.describe_key(KeyId=key),
            lambda kms, key: kms.list_keys(),
        ),
        (
            {
                "StringEquals": {"kms:KeyUsage": "ENCRYPT_DECRYPT", "kms:KeyOrigin": "AWS_KMS"},
                "Bool": {"kms:MultiRegion": "false"},
            },
            lambda kms, key: kms.create_key(),
            lambda kms, key: kms.create_key(Origin="EXTERNAL"),
        ),
        (
            {"StringEquals": {"aws:RequestTag/team": "a"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
            lambda kms, key: kms.tag_resource(KeyId=key, Tags=[{"TagKey": "team", "TagValue": "a"}]),
            lambda kms, key: kms.tag_resource(KeyId=key, Tags=[{"TagKey": "team", "TagValue": "b"}]),
        ),
        (
            {"StringEquals": {"aws:ResourceTag/team": "a"}},
            lambda kms, key: kms.describe_key(KeyId=key.replace(key, kms.tagged)),
            lambda kms, key: kms.describe_key(KeyId=key),
        ),
        (
            {"StringLike": {"kms:RequestAlias": "alias/kms-conditions*"}},
            lambda kms, key: kms.encrypt(KeyId=kms.named, Plaintext=b"x"),
            lambda kms, key: kms.encrypt(KeyId=kms.tagged, Plaintext=b"x"),
        ),
        (
            {"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/kms-conditions*"}},
            lambda kms, key: kms.encrypt(KeyId=kms.tagged, Plaintext=b"x"),
            lambda kms, key: kms.encrypt(KeyId=key, Plaintext=b"x"),
        ),
        (
            {"Bool": {"kms:ReEncryptOnSameKey": "true"}},
            lambda kms, key: kms.re_encrypt(CiphertextBlob=kms.blob, DestinationKeyId=kms.named),
            lambda kms, key: kms.re_encrypt(CiphertextBlob=kms.blob, DestinationKeyId=key),
        ),
        (
            {"StringEquals": {"kms:GrantId": "0"}},
            lambda kms, key: kms.list_grants(KeyId=key, GrantId="0"),
            lambda kms, key: kms.list_grants(KeyId=key, GrantId="1"),
        ),
    ],
    ids=lambda case: " ".join(name for block in case[0].values() for name in block),
)
def test_policies_can_ask_about_a_call(key, person, conditioned, case):
    condition, asks, fails = case
    ada = person(own("kms:*", Condition=condition))
    for name, value in conditioned.items():
        setattr(ada.kms, name, value)
    assert may(lambda: asks(ada.kms, key))
    assert not may(lambda: fails(ada.kms, key))


@pytest.fixture(scope="module")
def conditioned(kms):
    """A key with a tag and an alias, and what it has sealed."""
    tags = [{"TagKey": "team", "TagValue": "a"}]
    arn = kms.create_key(Tags=tags)["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/kms-conditions", TargetKeyId=arn)
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    return {"tagged": arn, "named": "alias/kms-conditions", "blob": blob}
