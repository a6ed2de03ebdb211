"""Customer keys over the API: made, described, named, tagged, rotated, switched off, deleted; and what they seal."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from entrepot.keys import keys, rotation
from tests.oci.principals import database_of, new_account
from tests.support.api import refused
from tests.support.rootkey import root_key_of
from tests.support.server import ACCOUNT, REGION

CONTEXT = {"purpose": "tests", "tenant": "a"}


@pytest.fixture
def key(kms):
    """The id of a new key."""
    return kms.create_key(Description="for a test")["KeyMetadata"]["KeyId"]


@pytest.fixture
def name(request):
    """An alias of this test's own."""
    return f"alias/{abs(hash(request.node.nodeid)):x}"


def arn(key_id):
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}"


def state(kms, key_id):
    return kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]


def test_a_key_is_found_by_its_id_its_arn_its_alias_and_the_arn_of_that(kms, key, name):
    kms.create_alias(AliasName=name, TargetKeyId=key)

    for reference in (key, arn(key), name, f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"):
        assert kms.describe_key(KeyId=reference)["KeyMetadata"]["Arn"] == arn(key)
        blob = kms.encrypt(KeyId=reference, Plaintext=b"x")["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=blob, KeyId=reference)["Plaintext"] == b"x"


@pytest.mark.parametrize("operation", ["disable_key", "enable_key_rotation", "get_key_policy", "schedule_key_deletion"])
def test_who_manages_a_key_names_it_and_not_an_alias(kms, key, name, operation):
    kms.create_alias(AliasName=name, TargetKeyId=key)
    for reference in (name, f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"):
        with refused("NotFoundException", f"Invalid keyId '{reference}'"):
            getattr(kms, operation)(KeyId=reference)


def test_an_alias_has_no_colon(kms, key):
    with refused("ValidationException", "alias/a:b contains invalid characters for an alias"):
        kms.create_alias(AliasName="alias/a:b", TargetKeyId=key)


def test_an_alias_moves_and_goes_and_its_key_stays(kms, key, name):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=name, TargetKeyId=key)
    with refused(
        "AlreadyExistsException", f"An alias with the name arn:aws:kms:{REGION}:{ACCOUNT}:{name} already exists"
    ):
        kms.create_alias(AliasName=name, TargetKeyId=other)

    kms.update_alias(AliasName=name, TargetKeyId=other)

    assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == other
    assert kms.list_aliases(KeyId=key)["Aliases"] == []
    (alias,) = kms.list_aliases(KeyId=other)["Aliases"]
    assert (alias["AliasName"], alias["TargetKeyId"]) == (name, other)
    kms.delete_alias(AliasName=name)
    with refused("NotFoundException", f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:{name} is not found."):
        kms.describe_key(KeyId=name)
    assert state(kms, other) == "Enabled"


@pytest.mark.parametrize("operation", ["create_alias", "update_alias", "delete_alias"])
def test_names_of_services_are_theirs(server, kms, key, operation):
    """Whether the service has come to need its key yet, or not."""
    server.aws("ecr").create_repository(
        repositoryName=f"sealed/{key}", encryptionConfiguration={"encryptionType": "KMS"}
    )
    target = {} if operation == "delete_alias" else {"TargetKeyId": key}
    with refused("NotAuthorizedException"):
        getattr(kms, operation)(AliasName="alias/aws/ecr", **target)


def test_an_alias_is_of_a_key_and_not_of_an_alias(kms, key, name):
    kms.create_alias(AliasName=name, TargetKeyId=key)
    with refused("ValidationException", "Aliases must refer to keys. Not aliases"):
        kms.create_alias(AliasName=f"{name}-2", TargetKeyId=name)


def test_what_is_sealed_opens_with_its_context_alone(kms, key):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)
    assert sealed["KeyId"] == arn(key)
    blob = sealed["CiphertextBlob"]
    assert b"secret" not in blob

    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(CONTEXT.items())))

    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", arn(key))
    for wrong in ({}, {**CONTEXT, "tenant": "b"}, {**CONTEXT, "more": "x"}, {"Purpose": "tests", "tenant": "a"}):
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=wrong)


@pytest.mark.parametrize("blob", [b"x", b"\x01" + bytes(60), b"\x02" + bytes(60)])
def test_what_is_no_ciphertext_is_refused(kms, key, blob):
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob, KeyId=key) if blob[0] != 1 else kms.decrypt(CiphertextBlob=blob[:40])


def test_a_ciphertext_and_the_key_that_is_named_have_to_agree(kms, key):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    with refused("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, KeyId=other)


@pytest.mark.parametrize(
    ("asked", "size"), [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 77}, 77)]
)
def test_a_data_key_comes_in_clear_and_sealed(kms, key, asked, size):
    made = kms.generate_data_key(KeyId=key, EncryptionContext=CONTEXT, **asked)
    sealed = kms.generate_data_key_without_plaintext(KeyId=key, EncryptionContext=CONTEXT, **asked)

    assert len(made["Plaintext"]) == size
    assert (
        kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"] == made["Plaintext"]
    )
    assert "Plaintext" not in sealed
    assert len(kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"]) == size


@pytest.mark.parametrize("asked", [{}, {"KeySpec": "AES_256", "NumberOfBytes": 32}])
def test_a_data_key_has_one_size(kms, key, asked):
    with refused("ValidationException"):
        kms.generate_data_key(KeyId=key, **asked)


def test_a_ciphertext_moves_to_another_key_and_context(kms, key):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]

    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=other,
        DestinationEncryptionContext={"new": "one"},
    )

    assert (moved["SourceKeyId"], moved["KeyId"]) == (arn(key), arn(other))
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"new": "one"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"x", arn(other))


def test_a_rotated_key_seals_anew_and_opens_what_is_old(kms, key):
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    first = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]

    kms.rotate_key_on_demand(KeyId=key)

    new = kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    second = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in (old, new)] == [b"old", b"new"]
    assert [kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] for blob in (old, new)] == [first, second]
    (rotated,) = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert (rotated["RotationType"], rotated["KeyMaterialId"]) == ("ON_DEMAND", second)
    everything = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [each["KeyMaterialState"] for each in everything] == ["NON_CURRENT", "CURRENT"]


def test_rotation_by_the_clock_is_told_and_comes_when_it_is_due(server, kms, key):
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert status["RotationPeriodInDays"] == 90
    assert timedelta(days=89) < status["NextRotationDate"] - datetime.now(UTC) < timedelta(days=91)
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]

    _tend(server, days=91)

    (rotated,) = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert rotated["RotationType"] == "AUTOMATIC"
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False


def _tend(server, days):
    """What the process of jobs does every hour, so many days from now."""
    from entrepot import clock

    root_key = root_key_of(server.data)
    clock.travel(days * keys.DAY)
    try:
        with database_of(server) as database:
            rotation.tend(database, root_key)
    finally:
        clock.travel(-days * keys.DAY)


def test_a_disabled_key_neither_seals_nor_opens_until_it_is_enabled(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)

    for ask in (
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key),
        lambda: kms.rotate_key_on_demand(KeyId=key),
        lambda: kms.enable_key_rotation(KeyId=key),
        lambda: kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:root", Operations=["Decrypt"]),
    ):
        with refused("DisabledException", f"{arn(key)} is disabled."):
            ask()

    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_key_is_deleted_after_a_time_in_which_that_can_be_called_off(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    scheduled = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (scheduled["KeyId"], scheduled["KeyState"]) == (arn(key), "PendingDeletion")
    assert timedelta(days=6) < scheduled["DeletionDate"] - datetime.now(UTC) < timedelta(days=8)

    for ask in (
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.enable_key(KeyId=key),
        lambda: kms.disable_key(KeyId=key),
        lambda: kms.schedule_key_deletion(KeyId=key),
        lambda: kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}]),
        lambda: kms.create_alias(AliasName="alias/none", TargetKeyId=key),
    ):
        with refused("KMSInvalidStateException", f"{arn(key)} is pending deletion."):
            ask()

    assert kms.cancel_key_deletion(KeyId=key)["KeyId"] == arn(key)
    assert state(kms, key) == "Disabled"
    with refused("KMSInvalidStateException", f"{arn(key)} is not pending deletion."):
        kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_key_whose_time_is_over_is_destroyed_with_all_that_hangs_on_it(server, kms, key, name):
    kms.create_alias(AliasName=name, TargetKeyId=key)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    _tend(server, days=8)

    with refused("NotFoundException", f"Key '{arn(key)}' does not exist"):
        kms.describe_key(KeyId=key)
    with refused("NotFoundException"):
        kms.describe_key(KeyId=name)


@pytest.mark.parametrize("days", [1, 6, 31, 365])
def test_the_time_before_a_deletion_is_7_to_30_days(kms, key, days):
    with refused("ValidationException"):
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=days)


@pytest.mark.parametrize(
    "asked",
    [
        {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"},
        {"CustomerMasterKeySpec": "HMAC_256"},
        {"KeyUsage": "GENERATE_VERIFY_MAC"},
        {"Origin": "EXTERNAL"},
        {"MultiRegion": True},
        {"CustomKeyStoreId": "cks-1"},
    ],
)
def test_keys_are_symmetric_and_of_this_deployment(kms, asked):
    with refused("UnsupportedOperationException"):
        kms.create_key(**asked)


def test_tags_stay_in_their_order_and_go(kms):
    tags = [{"TagKey": name, "TagValue": "1"} for name in ("b", "a", "c")]
    key = kms.create_key(Tags=tags)["KeyMetadata"]["KeyId"]

    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "2"}, {"TagKey": "d", "TagValue": "3"}])
    kms.untag_resource(KeyId=key, TagKeys=["c"])

    found = kms.list_resource_tags(KeyId=key)["Tags"]
    assert [(tag["TagKey"], tag["TagValue"]) for tag in found] == [("b", "1"), ("a", "2"), ("d", "3")]


def test_lists_come_in_pages_that_hold_everything_once(server):
    kms = server.aws("kms", key=new_account(server).key)
    made = sorted(kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5))
    for number, key in enumerate(made):
        kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=key)
    root = kms.list_keys()["Keys"][0]["KeyArn"].split(":")[4]
    grants = {
        kms.create_grant(KeyId=made[0], GranteePrincipal=f"arn:aws:iam::{root}:root", Operations=["Decrypt"])["GrantId"]
        for _ in range(3)
    }

    def pages(operation, member, **asked):
        return [item for page in kms.get_paginator(operation).paginate(Limit=2, **asked) for item in page[member]]

    assert [each["KeyId"] for each in pages("list_keys", "Keys")] == made
    assert [each["TargetKeyId"] for each in pages("list_aliases", "Aliases")] == made
    assert [each["GrantId"] for each in pages("list_grants", "Grants", KeyId=made[0])] == sorted(grants)
    marker = kms.list_keys(Limit=2)["NextMarker"]
    with refused("InvalidMarkerException"):
        kms.list_aliases(Limit=2, Marker=marker)


def test_keys_are_of_one_account_and_one_region(server, kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    stranger = server.aws("kms", key=new_account(server).key)

    assert stranger.list_keys()["Keys"] == []
    assert stranger.list_aliases()["Aliases"] == []
    with refused("NotFoundException"):
        stranger.describe_key(KeyId=key)
    for ask in (
        lambda: stranger.describe_key(KeyId=arn(key)),
        lambda: stranger.encrypt(KeyId=arn(key), Plaintext=b"x"),
        lambda: stranger.decrypt(CiphertextBlob=blob),
        lambda: stranger.put_key_policy(KeyId=arn(key), Policy="{}"),
    ):
        with refused("AccessDeniedException"):
            ask()


def test_dry_runs_change_nothing_and_tell_nothing(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    grantee = f"arn:aws:iam::{ACCOUNT}:root"
    grant = kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=["Decrypt"])["GrantId"]

    for ask in (
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x", DryRun=True),
        lambda: kms.decrypt(CiphertextBlob=blob, DryRun=True),
        lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key, DryRun=True),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256", DryRun=True),
        lambda: kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=["Encrypt"], DryRun=True),
        lambda: kms.revoke_grant(KeyId=key, GrantId=grant, DryRun=True),
        lambda: kms.retire_grant(KeyId=key, GrantId=grant, DryRun=True),
    ):
        with refused("DryRunOperationException"):
            ask()
    assert [each["GrantId"] for each in kms.list_grants(KeyId=key)["Grants"]] == [grant]


def test_no_material_lies_in_the_database_in_clear(server, kms, key):
    """What it seals with is found by opening its row with the root key, and nowhere as it is."""
    from sqlalchemy import select

    from entrepot.database import Statement
    from entrepot.keys import material
    from entrepot.keys.tables import kms_materials

    root_key = root_key_of(server.data)
    with database_of(server) as database, database.reading() as tx:
        row = tx.one(Statement(select(kms_materials).where(kms_materials.c.key_id == key)))
    assert row is not None
    plain = material._unwrap(row["sealed"], key, 1, root_key=root_key)

    everything = b"".join(content for _, content in server.at_rest())
    assert row["sealed"] in everything
    assert plain not in everything
    assert base64.b64encode(plain) not in everything
