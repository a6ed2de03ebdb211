"""What the models say of values, in AWS's words; and that no input makes a pattern slow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.aws import validation
from entrepot.aws.models import Model
from entrepot.errors import Fault, FrontDoor, InvalidParameter

MODELS = {
    name: Model(name)
    for name in (
        "ecr",
        "ecr-public",
        "kms",
        "cloudtrail",
        "events",
        "logs",
        "secretsmanager",
        "cloudwatch",
        "iam",
        "sts",
    )
}


MUTABILITIES = "IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION"
NAME = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"


def refused(service: str, operation: str, **params: object) -> str:
    """The sentence of the refusal; empty where there is none."""
    try:
        validation.check(MODELS[service].operation(operation), params)
    except Fault as fault:
        return str(fault)
    return ""


@pytest.mark.parametrize(
    ("operation", "params", "parameter", "reason"),
    [
        ("DeleteRepository", {}, "repositoryName", "Member must not be null"),
        (
            "DeleteRepository",
            {"repositoryName": "a"},
            "repositoryName",
            "Member must have length greater than or equal to 2",
        ),
        (
            "DeleteRepository",
            {"repositoryName": "a" * 257},
            "repositoryName",
            "Member must have length less than or equal to 256",
        ),
        (
            "DeleteRepository",
            {"repositoryName": "Upper"},
            "repositoryName",
            f"must satisfy regular expression '{NAME}'",
        ),
        (
            "DeleteRepository",
            {"repositoryName": "ab", "registryId": "12"},
            "registryId",
            "must satisfy regular expression '[0-9]{12}'",
        ),
        (
            "ListImages",
            {"repositoryName": "ab", "maxResults": 0},
            "maxResults",
            "Member must have value greater than or equal to 1",
        ),
        (
            "DescribeRepositories",
            {"repositoryNames": ["ab"] * 101},
            "repositoryNames",
            "Member must have length less than or equal to 100",
        ),
        (
            "DescribeRepositories",
            {"repositoryNames": ["ab", "A!"]},
            "repositoryNames.2.member",
            f"must satisfy regular expression '{NAME}'",
        ),
        (
            "TagResource",
            {"resourceArn": "arn:x", "tags": [{"Key": "a"}]},
            "tags.1.member.value",
            "Member must not be null",
        ),
        (
            "PutImageTagMutability",
            {"repositoryName": "ab", "imageTagMutability": "SOMETIMES"},
            "imageTagMutability",
            f"Member must satisfy enum value set: [{MUTABILITIES}]",
        ),
    ],
)
def test_ecr_names_the_parameter_and_its_first_fault(operation, params, parameter, reason):
    with pytest.raises(InvalidParameter) as fault:
        validation.check(MODELS["ecr"].operation(operation), params)

    assert str(fault.value) == f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{reason}'"


def test_input_that_keeps_the_rules_passes():
    assert (
        refused("ecr", "DescribeImages", repositoryName="team/app", imageIds=[{"imageTag": "v1"}], maxResults=1000)
        == ""
    )


def test_an_operation_without_input_has_no_rules():
    assert refused("ecr", "DescribeRegistry") == ""


def test_other_services_count_their_faults():
    assert refused("sts", "AssumeRole", RoleArn="short", RoleSessionName="a b") == (
        "2 validation errors detected: Value 'short' at 'roleArn' failed to satisfy constraint: Member must have "
        "length greater than or equal to 20; Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member "
        r"must satisfy regular expression pattern: [\w+=,.@-]*"
    )


def test_a_missing_member_is_a_null():
    assert refused("sts", "GetFederationToken") == (
        "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"
    )


@pytest.mark.parametrize(
    ("operation", "params", "sentence"),
    [
        ("DeleteUser", {}, "Value at 'userName' failed to satisfy constraint: Member must not be null"),
        (
            "UpdateAccessKey",
            {"AccessKeyId": "A" * 20, "Status": "Off"},
            "Value at 'status' failed to satisfy constraint: Member must satisfy enum value set",
        ),
        (
            "GetUser",
            {"UserName": "a" * 129},
            "Value at 'userName' failed to satisfy constraint: Member must have length less than or equal to 128",
        ),
    ],
)
def test_iam_repeats_neither_value_nor_set(operation, params, sentence):
    """As the real service was recorded: snapshots/localstack/iam, test_invalid_update_parameters and others."""
    assert refused("iam", operation, **params) == f"1 validation error detected: {sentence}"


def test_a_secret_is_not_repeated():
    sentence = refused("secretsmanager", "CreateSecret", Name="n", SecretString="", ClientRequestToken="x" * 40)

    assert "Value '***' at 'secretString'" in sentence


def test_at_most_ten_faults_are_told_and_long_values_are_cut():
    sentence = refused("iam", "TagUser", UserName="u", Tags=[{"Key": "!" * 2000, "Value": ""}] * 20)

    assert sentence.startswith("10 validation errors detected")
    assert len(sentence) < 10_000


def test_faults_of_the_front_door_keep_their_code_in_every_service():
    with pytest.raises(FrontDoor) as fault:
        validation.check(MODELS["kms"].operation("DescribeKey"), {})

    assert fault.value.aws == "ValidationException"


def patterns() -> dict[str, int]:
    """Every pattern of the models, with the longest string that its shape lets come before it."""
    found: dict[str, int] = {}
    for model in MODELS.values():
        for name in model.service.shape_names:
            traits = model.service.shape_for(name).metadata
            if "pattern" in traits:
                found[traits["pattern"]] = max(found.get(traits["pattern"], 0), traits.get("max", 2000))
    return found


def test_only_one_pattern_is_beyond_python():
    assert [pattern for pattern in patterns() if validation.matcher(pattern) is None] == [
        r"[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]+"
    ]


def test_no_pattern_is_slow():
    """An exponential one would hang here; ecr has one, events two."""
    starts = ("", "arn:aws:iam::123456789012:role/", "a/", "a")
    units = ("a", "0", "-", "_", ".", "/", "a-", "a.", "a/", "*", "a*", "-a", "a_", "arn:aws:", "A", " ", "\t", "\t ")
    for pattern, longest in patterns().items():
        matches = validation.matcher(pattern)
        for text in (start + unit * 2000 for start in starts for unit in units):
            for end in ("", "!", "\n", "\x00"):
                if matches is not None:
                    matches(text[: min(longest, 2000) - len(end)] + end)


SIMPLE = {
    r"^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$": "a0._-/ROT!",
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": "a*._-/!",
    r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$": "a \t~\n\x7f",
    r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$": "a \t:\n\x7fé",
}


@pytest.mark.parametrize(("pattern", "alphabet"), SIMPLE.items())
def test_our_linear_patterns_mean_the_same_as_the_models(pattern, alphabet):
    assert pattern in patterns()

    @given(st.text(alphabet, max_size=9))
    def same(text: str) -> None:
        assert bool(validation.matcher(pattern)(text)) == bool(re.fullmatch(pattern, text))  # type: ignore[misc]

    same()


@pytest.mark.parametrize(
    ("text", "allowed"), [("Größe 1", True), ("a\u2003b", True), ("a_b", True), ("a\nb", False), ("a;b", False)]
)
def test_classes_of_unicode_are_understood(text, allowed):
    matches = validation.matcher(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+")

    assert matches is not None
    assert bool(matches(text)) is allowed
