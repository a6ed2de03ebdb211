"""Answers of the real KMS, recorded, beside ours: the same members, the same texts."""

from functools import partial

import pytest

from tests.support.recorded import alike, answer, recording
from tests.support.server import ACCOUNT, REGION

_NOWHERE = "134f2428-cec1-4b25-a1ae-9048164dba47"
_MANY_REGIONS = "mrk-134f2428cec14b25a1ae9048164dba47"


@pytest.fixture(scope="module")
def recorded():
    """What was recorded in one test of the recording, by the name of each answer."""
    return partial(recording, "kms/test_kms.snapshot.json")


@pytest.fixture
def key(kms):
    """The id of a new key."""
    return kms.create_key(Description="test key 123")["KeyMetadata"]["KeyId"]


def arn(key):
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"


def refusal(ask, **members):
    """A refusal, without the message that botocore repeats beside it."""
    said = answer(ask, **members)
    return {"Error": said["Error"]}


def expected(recorded, test, name):
    return {"Error": recorded(f"TestKMS::{test}")[name]["Error"]}


def test_a_key_described(kms, key, recorded):
    content = recorded("TestKMS::test_create_key")["describe-key"]
    text = {name: _plain(value) for name, value in content.items()}

    assert alike(kms.describe_key(KeyId=key)["KeyMetadata"], text) == []


def _plain(value):
    """The recording masks times by a word of its own."""
    if value == "datetime":
        return "<datetime>"
    return value.replace("<partition>", "aws") if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        (_NOWHERE, "describe-nonexistent-key-with-id"),
        (arn(_NOWHERE), "describe-nonexistent-with-arn"),
        (_MANY_REGIONS, "describe-key-with-valid-id-mrk"),
    ],
)
def test_a_key_that_is_not_there(kms, recorded, reference, name):
    assert (
        alike(refusal(kms.describe_key, KeyId=reference), expected(recorded, "test_get_key_does_not_exist", name)) == []
    )


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("fake-key-id", "describe-key-with-invalid-uuid"),
        ("134f2428cec14b25a1ae9048164dba47", "describe-key-with-invalid-uuid-2"),
        ("mrk-fake-key-id", "describe-key-with-invalid-uuid-mrk"),
    ],
)
def test_what_cannot_be_the_id_of_a_key(kms, recorded, reference, name):
    assert refusal(kms.describe_key, KeyId=reference) == expected(recorded, "test_get_key_invalid_uuid", name)


def test_a_key_of_another_region(kms, key, recorded):
    wanted = expected(recorded, "test_get_key_in_different_region", "describe-key-diff-region-with-arn")
    assert alike(refusal(kms.describe_key, KeyId=arn(key).replace(REGION, "eu-west-3")), wanted) == []


def test_an_alias_without_its_prefix(kms, key, recorded):
    wanted = expected(recorded, "test_create_alias", "create_alias")
    assert refusal(kms.create_alias, AliasName="test", TargetKeyId=key) == wanted


def test_a_plain_text_that_is_too_long(kms, key, recorded):
    wanted = expected(recorded, "test_plaintext_size_for_encrypt", "invalid-plaintext-size-encrypt")
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x" * 4097) == wanted


@pytest.mark.parametrize("size", ["None", "0", "1025"])
def test_random_bytes_of_no_size(kms, recorded, size):
    wanted = expected(recorded, f"test_generate_random_invalid_number_of_bytes[{size}]", "generate-random-exc")
    asked = {} if size == "None" else {"NumberOfBytes": int(size)}
    assert refusal(kms.generate_random, **asked) == wanted


@pytest.mark.parametrize("size", [12, 44, 91, 1, 1024])
def test_random_bytes(kms, size):
    drawn = {kms.generate_random(NumberOfBytes=size)["Plaintext"] for _ in range(2)}
    assert {len(each) for each in drawn} == {size}
    assert len(drawn) == 2 or size == 1


def test_data_sealed_and_opened(kms, key, recorded):
    content = recorded("TestKMS::test_encrypt_decrypt_encryption_context")
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "b"})
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"a": "b"})

    assert sealed.keys() == content["encrypt_response"].keys()
    assert opened.keys() == content["decrypt_response_with_encryption_context"].keys()
    without = refusal(kms.decrypt, CiphertextBlob=sealed["CiphertextBlob"])
    assert without == {"Error": content["decrypt_response_without_encryption_context"]["Error"]}
    broken = refusal(kms.decrypt, CiphertextBlob=b"bad" + sealed["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert broken == {"Error": content["decrypt_response_with_invalid_ciphertext"]["Error"]}


def test_a_ciphertext_of_another_key_than_is_named(kms, key, recorded):
    wanted = expected(recorded, "test_re_encrypt_incorrect_source_key", "incorrect-source-key")
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    said = refusal(kms.re_encrypt, CiphertextBlob=blob, SourceKeyId=other, DestinationKeyId=key)

    assert said == wanted


def _tags(*keys, value="v"):
    return [{"TagKey": key, "TagValue": value} for key in keys]


@pytest.mark.parametrize(
    ("test", "name", "tags"),
    [
        ("test_tag_key_with_duplicate_tag_keys_raises_error", "duplicate-tag-keys", _tags("a", "a")),
        ("test_create_key_with_too_many_tags_raises_error", "invalid-tag-key", _tags(*map(str, range(51)))),
        ("test_create_key_with_invalid_tag_key[lowercase_prefix]", "invalid-tag-key", _tags("aws:a")),
        ("test_create_key_with_invalid_tag_key[uppercase_prefix]", "invalid-tag-key", _tags("AWS:a")),
        ("test_create_key_with_invalid_tag_key[too_long_key]", "invalid-tag-key", _tags("a" * 129)),
    ],
)
def test_tags_that_break_a_rule(kms, key, recorded, test, *, name, tags):
    wanted = expected(recorded, test, name)

    assert alike(refusal(kms.tag_resource, KeyId=key, Tags=tags), wanted) == []
    assert alike(refusal(kms.create_key, Tags=tags), wanted) == []


def test_tags_listed(kms, recorded):
    content = recorded("TestKMS::test_update_and_add_tags_on_tagged_key")
    before = content["list-resource-tags"]
    after = content["list-resource-tags-after-tags-updated"]
    key = kms.create_key(Tags=before)["KeyMetadata"]["KeyId"]
    assert kms.list_resource_tags(KeyId=key)["Tags"] == before

    kms.tag_resource(KeyId=key, Tags=[tag for tag in after if tag not in before])

    assert kms.list_resource_tags(KeyId=key)["Tags"] == after


@pytest.mark.parametrize("days", [90, 180])
def test_the_status_of_rotation(kms, key, recorded, days):
    content = recorded(f"TestKMS::test_key_enable_rotation_status[{days}]")["match_response"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=days)

    wanted = {name: _plain(value) for name, value in content.items() if name != "ResponseMetadata"}
    found = answer(kms.get_key_rotation_status, KeyId=key)
    del found["ResponseMetadata"]
    assert alike(found, wanted) == []


@pytest.mark.parametrize("state", ["enabled", "disabled"])
def test_rotation_on_demand(kms, key, recorded, state):
    test = f"test_rotate_key_on_demand_with_symmetric_key_and_automatic_rotation_{state}"
    content = recorded(f"TestKMS::{test}")
    if state == "enabled":
        kms.enable_key_rotation(KeyId=key)

    for name, ask in (
        ("rotate-on-demand-response", kms.rotate_key_on_demand),
        ("rotation-status-response-after-rotation", kms.get_key_rotation_status),
    ):
        wanted = {member: _plain(value) for member, value in content[name].items()}
        assert alike(answer(ask, KeyId=key), wanted) == [], name


def test_rotation_on_demand_that_is_refused(kms, key, recorded):
    kms.disable_key(KeyId=key)
    disabled = expected(recorded, "test_rotate_key_on_demand_raises_error_given_key_is_disabled", "error-response")
    missing = expected(
        recorded, "test_rotate_key_on_demand_raises_error_given_key_that_does_not_exist", "error-response"
    )

    assert alike(refusal(kms.rotate_key_on_demand, KeyId=key), disabled) == []
    assert alike(refusal(kms.rotate_key_on_demand, KeyId=_NOWHERE), missing) == []


def test_rotation_on_demand_ends_somewhere(kms, key, recorded):
    wanted = expected(recorded, "test_key_rotations_limits", "error-response")
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=key)

    assert alike(refusal(kms.rotate_key_on_demand, KeyId=key), wanted) == []
