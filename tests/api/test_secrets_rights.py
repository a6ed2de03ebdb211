"""Who may do what with secrets, and with the keys under which their values lie."""

import itertools
import json

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import bindparam, select, update

from entrepot.database import Statement
from entrepot.secrets import sealing
from entrepot.secrets.tables import secret_versions
from entrepot.serving.preparing import open_database
from tests.oci.principals import new_account
from tests.support.api import refused
from tests.support.server import ACCOUNT, REGION

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
MARKER = "a marker that stands in no file of ours"
FORBIDDEN = "Access to KMS is not allowed"
DECRYPTION = "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
ENCRYPTION = (
    "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "
    "Check that the KMS key is available, enabled, and not in an invalid state."
)
_numbers = itertools.count(1)


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, on="*", **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


class Person:
    """A user: *secrets* and *kms* ask as it, *arn* names it."""

    def __init__(self, server, iam, *statements):
        self._iam, self._name = iam, f"secretary-{next(_numbers)}"
        self.arn = iam.create_user(UserName=self._name)["User"]["Arn"]
        made = iam.create_access_key(UserName=self._name)["AccessKey"]
        key = made["AccessKeyId"], made["SecretAccessKey"]
        self.secrets, self.kms = server.aws("secretsmanager", key=key), server.aws("kms", key=key)
        if statements:
            self.allow(*statements)

    def allow(self, *statements):
        """Give it exactly these statements."""
        self._iam.put_user_policy(UserName=self._name, PolicyName="own", PolicyDocument=policy(*statements))


@pytest.fixture
def person(server, iam):
    """Makes users."""
    return lambda *statements: Person(server, iam, *statements)


@pytest.fixture
def name():
    """A name of the test's own."""
    return f"rights/{next(_numbers)}"


@pytest.fixture
def key(kms):
    """The ARN of a new key."""
    return kms.create_key()["KeyMetadata"]["Arn"]


def may(ask):
    """Whether it is not refused for want of rights on the secret."""
    try:
        ask()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code in {"AccessDeniedException", "ResourceNotFoundException", "ResourceExistsException"}, code
        return code != "AccessDeniedException"
    return True


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_policy_names_a_secret_by_its_arn_whose_end_is_six_characters(secretsmanager, person, name):
    arn = secretsmanager.create_secret(Name=name, SecretString="x")["ARN"]
    ada = person()

    for pattern, expected in {
        arn: True,
        f"{arn[:-6]}??????": True,
        f"{arn[:-7]}*": True,
        arn[:-7]: False,
        f"{arn[:-7]}-other-??????": False,
    }.items():
        ada.allow(allow("secretsmanager:GetSecretValue", on=pattern))
        for called in (name, arn, arn[:-7]):
            assert may(lambda called=called: ada.secrets.get_secret_value(SecretId=called)) is expected, pattern


def test_a_secret_that_is_not_there_yet_ends_in_characters_that_nobody_knows(person, name):
    prefix = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}"
    ada = person(allow("secretsmanager:CreateSecret", on=f"{prefix}-??????"))

    assert may(lambda: ada.secrets.create_secret(Name=name, SecretString="x"))
    assert not may(lambda: ada.secrets.create_secret(Name=f"{name}-other", SecretString="x"))
    assert not may(lambda: ada.secrets.get_secret_value(SecretId=name))
    ada.allow(allow("secretsmanager:*", on=f"{prefix}*"))
    assert may(lambda: ada.secrets.create_secret(Name=f"{name}-other", SecretString="x"))


def test_a_refusal_names_the_secret_as_the_request_did(secretsmanager, person, name):
    secretsmanager.create_secret(Name=name, SecretString="x")
    ada = person()

    for called in (name, "none"):
        with refused("AccessDeniedException") as said:
            ada.secrets.get_secret_value(SecretId=called)
        resource = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{called}-??????"
        assert f"secretsmanager:GetSecretValue on resource: {resource} because" in said["Error"]["Message"]


def test_tags_at_the_making_need_the_right_to_tag(person, name):
    ada = person(allow("secretsmanager:CreateSecret"))
    tags = [{"Key": "a", "Value": "b"}]

    assert not may(lambda: ada.secrets.create_secret(Name=name, Tags=tags))
    ada.allow(allow("secretsmanager:CreateSecret", "secretsmanager:TagResource"))
    assert may(lambda: ada.secrets.create_secret(Name=name, Tags=tags))


def test_nobody_of_another_account_reads_a_secret(server, secretsmanager, name):
    arn = secretsmanager.create_secret(Name=name, SecretString="x")["ARN"]
    abroad = server.aws("secretsmanager", key=new_account(server).key)

    for called in (arn, arn[:-7], f"{arn[:-7]}-none"):
        assert not may(lambda called=called: abroad.get_secret_value(SecretId=called))
    with refused("ResourceNotFoundException"):
        abroad.get_secret_value(SecretId=name)


@pytest.mark.parametrize(
    ("condition", "asks"),
    [
        (
            {"StringEquals": {"secretsmanager:ResourceTag/team": "a"}},
            (
                lambda client, name: client.describe_secret(SecretId=name),
                lambda client, name: client.describe_secret(SecretId=f"{name}-untagged"),
            ),
        ),
        (
            {"StringEquals": {"aws:ResourceTag/team": "a"}},
            (
                lambda client, name: client.get_secret_value(SecretId=name),
                lambda client, name: client.get_secret_value(SecretId=f"{name}-untagged"),
            ),
        ),
        (
            {"ForAnyValue:StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}},
            (
                lambda client, name: client.get_secret_value(SecretId=name),
                lambda client, name: client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS"),
            ),
        ),
        (
            {"StringEquals": {"secretsmanager:Name": "rights/named"}},
            (
                lambda client, name: client.create_secret(Name="rights/named"),
                lambda client, name: client.create_secret(Name="rights/unnamed"),
            ),
        ),
        (
            {"Bool": {"secretsmanager:ForceDeleteWithoutRecovery": "false"}},
            (
                lambda client, name: client.delete_secret(SecretId="none", ForceDeleteWithoutRecovery=False),
                lambda client, name: client.delete_secret(SecretId="none", ForceDeleteWithoutRecovery=True),
            ),
        ),
        (
            {"NumericGreaterThanEquals": {"secretsmanager:RecoveryWindowInDays": "20"}},
            (
                lambda client, name: client.delete_secret(SecretId="none", RecoveryWindowInDays=20),
                lambda client, name: client.delete_secret(SecretId="none", RecoveryWindowInDays=7),
            ),
        ),
        (
            {"StringEquals": {"secretsmanager:SecretId": "none"}},
            (
                lambda client, name: client.describe_secret(SecretId="none"),
                lambda client, name: client.describe_secret(SecretId=name),
            ),
        ),
        (
            {"StringLike": {"secretsmanager:KmsKeyId": "alias/*"}},
            (
                lambda client, name: client.update_secret(SecretId="none", KmsKeyId="alias/a"),
                lambda client, name: client.update_secret(SecretId="none", Description="without one"),
            ),
        ),
        (
            {"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}},
            (
                lambda client, name: client.untag_resource(SecretId="none", TagKeys=["team"]),
                lambda client, name: client.untag_resource(SecretId="none", TagKeys=["other"]),
            ),
        ),
    ],
)
def test_a_condition_of_a_policy_is_asked(secretsmanager, person, name, condition, asks):
    secretsmanager.create_secret(Name=name, SecretString="x", Tags=[{"Key": "team", "Value": "a"}])
    secretsmanager.create_secret(Name=f"{name}-untagged", SecretString="x")
    ada = person(allow("secretsmanager:*", Condition=condition))

    assert [may(lambda ask=ask: ask(ada.secrets, name)) for ask in asks] == [True, False]


def test_a_tag_that_is_taken_away_takes_the_right_with_the_next_request(secretsmanager, person, name):
    secretsmanager.create_secret(Name=name, SecretString="x", Tags=[{"Key": "team", "Value": "a"}])
    condition = {"StringEquals": {"secretsmanager:ResourceTag/team": "a"}}
    ada = person(allow("secretsmanager:GetSecretValue", Condition=condition))
    assert may(lambda: ada.secrets.get_secret_value(SecretId=name))

    secretsmanager.untag_resource(SecretId=name, TagKeys=["team"])

    assert not may(lambda: ada.secrets.get_secret_value(SecretId=name))


# ── keys ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_key_of_the_service_is_made_when_it_is_needed_and_only_once(server):
    root = new_account(server).key
    client, kms = server.aws("secretsmanager", key=root), server.aws("kms", key=root)
    client.create_secret(Name="empty")
    assert kms.list_aliases()["Aliases"] == []

    for number in range(2):
        client.create_secret(Name=f"full-{number}", SecretString="x")

    (alias,) = kms.list_aliases()["Aliases"]
    assert alias["AliasName"] == "alias/aws/secretsmanager"
    assert kms.describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]["KeyManager"] == "AWS"
    assert kms.get_key_rotation_status(KeyId=alias["TargetKeyId"])["KeyRotationEnabled"] is True
    assert len(kms.list_keys()["Keys"]) == 1


def test_the_key_of_the_service_is_for_the_service_and_managed_by_nobody(secretsmanager, kms, person, name):
    secretsmanager.create_secret(Name=name, SecretString="x")
    key = kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]["KeyId"]
    administrator = person(allow("*"))

    for client in (kms, administrator.kms):
        for ask in (
            lambda client=client: client.encrypt(KeyId=key, Plaintext=b"x"),
            lambda client=client: client.disable_key(KeyId=key),
            lambda client=client: client.schedule_key_deletion(KeyId=key),
            lambda client=client: client.put_key_policy(KeyId=key, Policy=policy(allow("kms:*"))),
            lambda client=client: client.create_alias(AliasName="alias/mine", TargetKeyId=key),
            lambda client=client: client.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Decrypt"]),
        ):
            assert not may(ask)
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"])["Id"] == "auto-secretsmanager-2"


def test_under_the_key_of_the_service_nobody_needs_rights_of_kms(person, name):
    ada = person(allow("secretsmanager:*"))
    ada.secrets.create_secret(Name=name, SecretString="x")

    assert ada.secrets.get_secret_value(SecretId=name)["SecretString"] == "x"


def test_under_a_customers_key_the_caller_needs_rights_on_it(person, name, key):
    ada = person(allow("secretsmanager:*"))
    kms_rights = ("kms:GenerateDataKey", "kms:Decrypt")
    for given in ((), kms_rights[:1], kms_rights[1:]):
        ada.allow(allow("secretsmanager:*"), allow("kms:DescribeKey", *given, on=key))
        with refused("AccessDeniedException", FORBIDDEN):
            ada.secrets.create_secret(Name=name, SecretString="x", KmsKeyId=key)
    with refused("ResourceNotFoundException"):
        ada.secrets.describe_secret(SecretId=name)

    ada.allow(allow("secretsmanager:*"), allow(*kms_rights, on=key))
    ada.secrets.create_secret(Name=name, SecretString="x", KmsKeyId=key)
    assert ada.secrets.get_secret_value(SecretId=name)["SecretString"] == "x"

    ada.allow(allow("secretsmanager:*"))
    with refused("AccessDeniedException", FORBIDDEN):
        ada.secrets.get_secret_value(SecretId=name)
    assert ada.secrets.describe_secret(SecretId=name)["KmsKeyId"] == key


@pytest.mark.parametrize(
    "condition",
    [
        {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"},
        {"kms:EncryptionContext:SecretARN": "<arn>"},
        {"kms:CallerAccount": ACCOUNT, "aws:ViaAWSService": "true"},
    ],
)
def test_a_policy_can_bind_a_key_to_the_service_and_to_a_secret(secretsmanager, person, name, key, condition):
    arn = secretsmanager.create_secret(Name=name, SecretString="x", KmsKeyId=key)["ARN"]
    bound = {at: arn if value == "<arn>" else value for at, value in condition.items()}
    ada = person(
        allow("secretsmanager:*"), allow("kms:Decrypt", "kms:Encrypt", on=key, Condition={"StringEquals": bound})
    )

    assert ada.secrets.get_secret_value(SecretId=name)["SecretString"] == "x"
    with refused("AccessDeniedException"):
        ada.kms.encrypt(KeyId=key, Plaintext=b"x")
    other = {at: f"{value}-other" for at, value in bound.items()}
    ada.allow(allow("secretsmanager:*"), allow("kms:Decrypt", on=key, Condition={"StringEquals": other}))
    with refused("AccessDeniedException", FORBIDDEN):
        ada.secrets.get_secret_value(SecretId=name)


def test_abuse_63_a_key_that_does_not_work_neither_seals_nor_opens_from_the_next_request_on(
    secretsmanager, kms, name, key
):
    secretsmanager.create_secret(Name=name, SecretString="x", KmsKeyId=key)
    assert secretsmanager.get_secret_value(SecretId=name)["SecretString"] == "x"

    for stop, start in (
        (lambda: kms.disable_key(KeyId=key), lambda: kms.enable_key(KeyId=key)),
        (
            lambda: kms.schedule_key_deletion(KeyId=key),
            lambda: (kms.cancel_key_deletion(KeyId=key), kms.enable_key(KeyId=key)),
        ),
    ):
        stop()
        with refused("DecryptionFailure", DECRYPTION):
            secretsmanager.get_secret_value(SecretId=name)
        with refused("EncryptionFailure", ENCRYPTION):
            secretsmanager.put_secret_value(SecretId=name, SecretString="y")
        start()
        assert secretsmanager.get_secret_value(SecretId=name)["SecretString"] == "x"


@pytest.mark.parametrize("called", ["alias/none", "no id", "00000000-0000-4000-8000-000000000000", "arn:aws:s3:::b"])
def test_a_key_that_is_not_there_seals_nothing(secretsmanager, name, called):
    with refused("EncryptionFailure", ENCRYPTION):
        secretsmanager.create_secret(Name=name, SecretString="x", KmsKeyId=called)
    with refused("ResourceNotFoundException"):
        secretsmanager.describe_secret(SecretId=name)


def test_another_accounts_key_is_used_with_its_consent_and_nobody_learns_whether_it_is_there(server, secretsmanager):
    abroad = new_account(server)
    kms = server.aws("kms", key=abroad.key)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    for called in (key, f"{key[:-4]}0000"):
        with refused("AccessDeniedException", FORBIDDEN):
            secretsmanager.create_secret(Name="rights/abroad", SecretString="x", KmsKeyId=called)

    mine = {"AWS": f"arn:aws:iam::{abroad.id}:root"}
    consent = allow("kms:GenerateDataKey", "kms:Decrypt", Principal={"AWS": ROOT})
    kms.put_key_policy(KeyId=key, Policy=policy(allow("kms:*", Principal=mine), consent))

    secretsmanager.create_secret(Name="rights/abroad", SecretString="x", KmsKeyId=key)
    assert secretsmanager.get_secret_value(SecretId="rights/abroad")["SecretString"] == "x"


@pytest.mark.parametrize("how", ["id", "alias", "alias arn"])
def test_a_key_is_kept_as_it_was_called(secretsmanager, kms, name, key, how):
    alias = f"alias/{name}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    called = {"id": key.rpartition("/")[2], "alias": alias, "alias arn": f"{key.partition('key/')[0]}{alias}"}[how]

    secretsmanager.create_secret(Name=name, SecretString="x", KmsKeyId=called)

    assert secretsmanager.describe_secret(SecretId=name)["KmsKeyId"] == called
    assert secretsmanager.get_secret_value(SecretId=name)["SecretString"] == "x"
    (version,) = secretsmanager.list_secret_version_ids(SecretId=name)["Versions"]
    assert version["KmsKeyIds"] == [called]


def test_with_another_key_those_that_are_labelled_go_under_it(secretsmanager, kms, name, key):
    first = secretsmanager.create_secret(Name=name, SecretString="one")["VersionId"]
    for value in ("two", "three"):
        secretsmanager.put_secret_value(SecretId=name, SecretString=value)

    secretsmanager.update_secret(SecretId=name, KmsKeyId=key)

    versions = secretsmanager.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    assert [version["KmsKeyIds"] for version in versions] == [["DefaultEncryptionKey"], [key], [key]]
    kms.disable_key(KeyId=key)
    for label in ("AWSCURRENT", "AWSPREVIOUS"):
        with refused("DecryptionFailure"):
            secretsmanager.get_secret_value(SecretId=name, VersionStage=label)
    assert secretsmanager.get_secret_value(SecretId=name, VersionId=first)["SecretString"] == "one"


def test_who_may_not_encrypt_with_the_new_key_leaves_the_values_where_they_are(secretsmanager, person, name, key):
    secretsmanager.create_secret(Name=name, SecretString="one")
    ada = person(allow("secretsmanager:*"))

    ada.secrets.update_secret(SecretId=name, KmsKeyId=key)

    (version,) = secretsmanager.list_secret_version_ids(SecretId=name)["Versions"]
    assert version["KmsKeyIds"] == ["DefaultEncryptionKey"]
    assert secretsmanager.describe_secret(SecretId=name)["KmsKeyId"] == key
    assert ada.secrets.get_secret_value(SecretId=name)["SecretString"] == "one"


def test_a_value_opens_after_its_key_was_rotated(secretsmanager, kms, name, key):
    secretsmanager.create_secret(Name=name, SecretString="x", KmsKeyId=key)
    kms.rotate_key_on_demand(KeyId=key)

    assert secretsmanager.get_secret_value(SecretId=name)["SecretString"] == "x"


# ── at rest ─────────────────────────────────────────────────────────────────────────────────────────


def test_no_value_lies_anywhere_in_clear(server, secretsmanager, name):
    secretsmanager.create_secret(Name=name, SecretString=MARKER)
    secretsmanager.put_secret_value(SecretId=name, SecretBinary=MARKER.encode())
    secretsmanager.delete_secret(SecretId=name)

    found = [path for path in server.data.rglob("*") if path.is_file() and MARKER.encode() in path.read_bytes()]
    assert found == []
    database = open_database(server.place)
    try:
        with database.reading() as tx:
            rows = [bytes(row["sealed"]) for row in tx.all(_every_version())]
    finally:
        database.close()
    assert rows
    assert not any(MARKER.encode() in row for row in rows)


def test_abuse_61_a_value_opens_as_the_version_that_it_was_and_as_no_other(server, secretsmanager, name):
    """Swapped between versions or secrets, or with one bit turned, it is refused; who has the rows gains nothing."""
    one = secretsmanager.create_secret(Name=name, SecretString="one")
    two = secretsmanager.create_secret(Name=f"{name}-two", SecretString="two")
    database = open_database(server.place)
    try:
        with database.reading() as tx:
            rows = {row["secret"]: sealing.Sealed(row["data_key"], row["sealed"]) for row in tx.all(_every_version())}
        mine, others = rows[one["ARN"]], rows[two["ARN"]]
        turned = bytes([mine.body[-1] ^ 1])
        for wrapped, body in (
            (others.data_key, others.body),
            (mine.data_key, others.body),
            (others.data_key, mine.body),
            (mine.data_key, mine.body[:-1] + turned),
            (mine.data_key[:-1] + bytes([mine.data_key[-1] ^ 1]), mine.body),
            (b"", mine.body),
        ):
            _overwrite(database, one["ARN"], wrapped, body)
            with refused("DecryptionFailure", DECRYPTION):
                secretsmanager.get_secret_value(SecretId=name)
        _overwrite(database, one["ARN"], *mine)
    finally:
        database.close()
    assert secretsmanager.get_secret_value(SecretId=name)["SecretString"] == "one"


def _every_version():
    return Statement(select(secret_versions))


def _overwrite(database, arn, wrapped, body):
    statement = Statement(
        update(secret_versions)
        .where(secret_versions.c.secret == bindparam("arn"))
        .values(data_key=bindparam("wrapped"), sealed=bindparam("body"))
    )
    database.write(lambda tx: tx.run(statement, arn=arn, wrapped=wrapped, body=body))
