"""What may be saved as which kind of policy. Source: security-design 1.1."""

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.identity.policy import Kind, Malformed, compile_policy, parse
from entrepot.identity.policy.documents import TooLarge, size

_IDENTITY = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
_REPOSITORY = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*", "Condition": {"Bool": {"k": "true"}}}
_REGISTRY = {**_REPOSITORY, "Resource": "*"}
_TRUST = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}
_RCP = {"Effect": "Deny", "Principal": "*", "Action": "ecr:*", "Resource": "*"}
_GOOD: dict[Kind, dict[str, Any]] = {
    Kind.IDENTITY: _IDENTITY,
    Kind.SESSION: _IDENTITY,
    Kind.SCP: _IDENTITY,
    Kind.RCP: _RCP,
    Kind.TRUST: _TRUST,
    Kind.REPOSITORY: _REPOSITORY,
    Kind.REGISTRY: _REGISTRY,
    Kind.KEY: _REGISTRY,
    Kind.ENDPOINT: _REGISTRY,
}
_PRINCIPALS = {Kind.RCP, Kind.TRUST, Kind.REPOSITORY, Kind.REGISTRY, Kind.KEY, Kind.ENDPOINT}


def _text(*statements, version="2012-10-17", **more):
    return json.dumps({"Version": version, "Statement": statements, **more})


def _said(text, kind=Kind.IDENTITY, **limit):
    with pytest.raises(Malformed) as refused:
        parse(text, kind, **limit)
    return str(refused.value)


def _without(statement, *names):
    return {name: value for name, value in statement.items() if name not in names}


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_takes_its_own_form(kind):
    document = parse(_text(_GOOD[kind]), kind)

    assert document.version == "2012-10-17"
    assert document.statements[0].actions == [_GOOD[kind]["Action"]]


@pytest.mark.parametrize("kind", Kind)
def test_a_principal_is_where_it_must_be_and_nowhere_else(kind):
    if kind in _PRINCIPALS:
        assert _said(_text(_without(_GOOD[kind], "Principal")), kind) == "Missing required field Principal"
    else:
        assert (
            _said(_text({**_GOOD[kind], "Principal": "*"}), kind) == "Policy document should not specify a principal."
        )


@pytest.mark.parametrize("kind", Kind)
def test_a_resource_is_where_it_must_be_and_nowhere_else(kind):
    if kind in (Kind.TRUST, Kind.REPOSITORY):
        assert _said(_text({**_GOOD[kind], "Resource": "*"}), kind) == "Has prohibited field Resource"
    else:
        assert _said(_text(_without(_GOOD[kind], "Resource")), kind) == "Policy statement must contain resources."


@pytest.mark.parametrize("kind", Kind)
def test_policies_of_identities_and_organizations_say_the_newer_version(kind):
    old = _text(_GOOD[kind], version="2008-10-17")

    if kind in (Kind.IDENTITY, Kind.SESSION, Kind.SCP, Kind.RCP):
        assert _said(old, kind) == "Policy document must be version 2012-10-17 or greater."
    else:
        assert parse(old, kind).version == "2008-10-17"


@pytest.mark.parametrize(
    ("kind", "limit", "said"),
    [
        (Kind.IDENTITY, 6_144, "Cannot exceed quota for PolicySize: 6144"),
        (Kind.TRUST, 2_048, "Cannot exceed quota for ACLSizePerRole: 2048"),
        (Kind.REPOSITORY, 10_240, "Cannot exceed quota for PolicySize: 10240"),
        (Kind.KEY, 32_768, "Cannot exceed quota for PolicySize: 32768"),
        (Kind.SESSION, 2_048, "Cannot exceed quota for PolicySize: 2048"),
        (Kind.SCP, 5_120, "Cannot exceed quota for PolicySize: 5120"),
    ],
)
def test_a_document_has_a_limit(kind, limit, said):
    def padded(characters):
        bare = json.dumps({"Version": "2012-10-17", "Id": "", "Statement": [_GOOD[kind]]}, separators=(",", ":"))
        return bare.replace('"Id":""', f'"Id":"{"x" * (characters - size(bare, kind))}"')

    parse(padded(limit), kind)
    with pytest.raises(TooLarge, match=said):
        parse(padded(limit + 1), kind)
    parse(padded(limit + 1), kind, limit=limit + 1)


def test_white_space_counts_only_where_iam_does_not_measure():
    assert size(' { "a" :\n1 } ', Kind.IDENTITY) == len('{"a":1}')
    assert size(' { "a" :\n1 } ', Kind.REPOSITORY) == 13


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "\ufeff{}",
        '{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}',
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Effect": "Deny"}]}',
        '{"Statement": NaN}',
        '{"Statement": -Infinity}',
        "{} {}",
        "[" * 5_000,
    ],
)
def test_json_that_two_readers_may_read_differently_is_refused(text):
    assert _said(text) == "This policy contains invalid Json"


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"Version": "2012-10-17"},
        {"Version": "2012-10-17", "Statement": []},
        {"Version": "2012-10-17", "Statement": "x"},
        {"Version": ["2012-10-17"], "Statement": [_IDENTITY]},
        {"Version": "2012-10-17", "Statement": [{**_IDENTITY, "Action": 1}]},
        {"Version": "2012-10-17", "Statement": [{**_IDENTITY, "Action": ["ecr:*\0"]}]},
        {"Version": "2012-10-17", "Statement": [{**_IDENTITY, "Action": ["ecr:\ud800"]}]},
        {"Version": "2012-10-17", "Statement": [_IDENTITY] * 501},
        {"Version": "2012-10-17", "Statement": [{**_IDENTITY, "Action": ["ecr:x"] * 2_001}]},
        {"Version": "2012-10-17", "Statement": [{**_IDENTITY, "Condition": {"Bool": {"k": [["true"]]}}}]},
        {"Version": "2012-10-17", "Statement": [{**_IDENTITY, "Condition": {"NullIfExists": {"k": "true"}}}]},
    ],
)
def test_what_is_no_policy_has_syntax_errors(document):
    assert _said(json.dumps(document), limit=100_000) == "Syntax errors in policy."


# Source: refusals of the real service, quoted in public.
_PATHS = """\
IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, instance-profile/, \
mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/."""


def test_depth_is_limited():
    deep = json.loads("[" * 30 + "]" * 30)

    assert _said(_text({**_IDENTITY, "Condition": {"Bool": {"k": deep}}})) == "Syntax errors in policy."


@pytest.mark.parametrize(
    ("statement", "kind", "said"),
    [
        ({**_IDENTITY, "Sid": "a-b"}, Kind.IDENTITY, "Statement IDs (SID) must be alpha-numeric."),
        ({**_IDENTITY, "Action": "ecr:a:b"}, Kind.IDENTITY, "Actions/Condition can contain only one colon."),
        ({**_IDENTITY, "Action": "e/cr:a"}, Kind.IDENTITY, "Vendor e/cr is not valid"),
        ({**_IDENTITY, "Effect": "Permit"}, Kind.IDENTITY, "Syntax errors in policy."),
        ({**_IDENTITY, "Effect": "allow"}, Kind.IDENTITY, "The policy failed legacy parsing"),
        ({**_IDENTITY, "Resource": "x"}, Kind.SESSION, 'Resource x must be in ARN format or "*".'),
        ({**_IDENTITY, "Resource": "arn:aws"}, Kind.IDENTITY, "Resource vendor must be fully qualified and cannot"),
        ({**_IDENTITY, "Resource": "arn:aws:*:::a"}, Kind.IDENTITY, "Resource vendor must be fully qualified and"),
        ({**_IDENTITY, "Resource": "arn:aws:ec?:::a"}, Kind.SESSION, "Resource vendor must be fully qualified and"),
        ({**_IDENTITY, "Resource": "arn:aws::::a"}, Kind.IDENTITY, "The policy failed legacy parsing"),
        ({**_IDENTITY, "Resource": "arn:aws:iam:us-east-1::user/a"}, Kind.IDENTITY, "IAM resource arn:aws:iam:us-east"),
        *(
            ({**_IDENTITY, "Resource": f"arn:aws:iam::111111111111:{path}"}, Kind.IDENTITY, _PATHS)
            for path in ("example", "*/example", "users/a", "r*", "roots")
        ),
        ({**_TRUST, "Action": "ecr:*"}, Kind.TRUST, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({**_TRUST, "Action": "*"}, Kind.TRUST, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({**_TRUST, "Action": "sts:GetSessionToken"}, Kind.TRUST, "AssumeRole policy may only specify STS"),
        (
            {**_TRUST, "Principal": {"AWS": "arn:aws:iam::111111111111:role/*"}},
            Kind.TRUST,
            'Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:role/*"',
        ),
        ({**_RCP, "Effect": "Allow"}, Kind.RCP, "Syntax errors in policy."),
        ({**_RCP, "Principal": {"AWS": "111111111111"}}, Kind.RCP, "Syntax errors in policy."),
        ({**_RCP, "Action": "*"}, Kind.RCP, "Syntax errors in policy."),
    ],
)
def test_what_a_statement_may_not_say(statement, kind, said):
    assert _said(_text(statement), kind).startswith(said)


@pytest.mark.parametrize(
    "resource",
    [
        *("arn:aws:ecr:*:*:repository/*", "arn:*:ecr:us-east-1:111111111111:repository/a", "arn:aws:ecr"),
        *("arn:aws:iam::*:*", "arn:aws:iam::111111111111:root", "arn:aws:iam::aws:policy/*", "arn:aws:iam:*:*:role/a"),
        *("arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:report/a:b", "arn:aws:iam:", "arn:aws:s3:::a"),
    ],
)
def test_resources_may_have_wildcards_and_missing_ends(resource):
    parse(_text({**_IDENTITY, "Resource": resource}), Kind.IDENTITY)


@pytest.mark.parametrize("kind", [Kind.TRUST, Kind.REPOSITORY, Kind.REGISTRY, Kind.KEY, Kind.ENDPOINT])
def test_abuse_70_a_grant_to_all_but_some_is_refused(kind):
    """It would let in those who did not sign at all."""
    spared = {**_without(_GOOD[kind], "Principal"), "NotPrincipal": {"AWS": "111111111111"}}

    assert _said(_text(spared), kind) == "Allow with NotPrincipal is not supported."
    assert parse(_text({**spared, "Effect": "Deny"}), kind).statements[0].not_principal == {"AWS": "111111111111"}


def test_numbers_booleans_and_nulls_become_what_conditions_compare():
    statement = {
        **_IDENTITY,
        "Resource": ["*", None],
        "Condition": {"Bool": {"k": True}, "NumericEquals": {"n": [1, 2.50]}},
    }

    (read,) = parse(_text(statement), Kind.IDENTITY).statements

    assert read.resources == ["*"]
    assert read.condition == {"Bool": {"k": ["true"]}, "NumericEquals": {"n": ["1", "2.5"]}}


@pytest.mark.parametrize(
    ("statement", "kind", "warned"),
    [
        (_IDENTITY, Kind.IDENTITY, []),
        (
            {**_IDENTITY, "Condition": {"StringEquals": {"aws:TagKeys": "a"}}},
            Kind.IDENTITY,
            ["statement 0: aws:TagKeys has several values and needs ForAllValues or ForAnyValue"],
        ),
        (
            {**_IDENTITY, "Condition": {"ForAnyValue:StringEquals": {"aws:SourceVpc": "a"}}},
            Kind.IDENTITY,
            ["statement 0: aws:SourceVpc has one value; ForAllValues and ForAnyValue are for keys with several"],
        ),
        (
            {**_IDENTITY, "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}},
            Kind.IDENTITY,
            ["statement 0: ForAllValues allows requests without aws:TagKeys; a Null condition would not"],
        ),
        (
            {
                **_IDENTITY,
                "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "a"}, "Null": {"aws:TagKeys": "false"}},
            },
            Kind.IDENTITY,
            [],
        ),
        (
            {**_IDENTITY, "Condition": {"StringEquals": {"aws:PrincipalOrgI": "o-1", "aws:PrincipalTag/x": "a*"}}},
            Kind.IDENTITY,
            [
                "statement 0: aws:PrincipalOrgI is a condition key that no request has",
                'statement 0: "a*" is compared as it stands; wildcards need StringLike',
            ],
        ),
        (
            _without(_REPOSITORY, "Condition"),
            Kind.REPOSITORY,
            ["statement 0: everybody is allowed, of whatever account, and no condition limits it"],
        ),
        (_without(_REGISTRY, "Condition"), Kind.ENDPOINT, []),
    ],
)
def test_oddities_are_told_and_refuse_nothing(statement, kind, warned):
    assert list(parse(_text(statement), kind).warnings) == warned


_NAMES = """
Version Statement Effect Action Resource Principal NotPrincipal Condition Sid Id Allow Deny AWS * 2012-10-17 ecr:*
StringEquals DateLessThan ${a arn:aws:s3:::x
"""
_WORDS = st.sampled_from(_NAMES.split())
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _WORDS | st.text(alphabet=string.printable, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=25,
)


@given(_JSON, st.sampled_from(Kind))
def test_a_document_is_taken_or_refused_and_never_anything_else(document, kind):
    """What is taken can be compiled."""
    text = json.dumps(document)
    try:
        parse(text, kind)
    except Malformed:
        return
    compile_policy(text, kind)


@given(
    st.fixed_dictionaries(
        {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": st.sampled_from(["ecr:*", "*", "sts:AssumeRole"])},
        optional={
            "Resource": _JSON | st.just("*"),
            "Principal": _JSON | st.just({"AWS": "*"}),
            "Condition": st.dictionaries(st.sampled_from(["Bool", "Null", "StringLike", "x"]), _JSON, max_size=3),
        },
    ),
    st.sampled_from(Kind),
)
def test_a_statement_is_taken_or_refused_and_never_anything_else(statement, kind):
    try:
        parse(_text(statement), kind)
    except Malformed:
        return
    compile_policy(_text(statement), kind)


@pytest.mark.parametrize(
    "text", ["", "[]", "1", "null", "{}", '{"Statement": 1}', '{"Statement": [1]}', '{"Statement": [{}]}']
)
def test_what_is_stored_and_is_no_policy_is_not_compiled(text):
    with pytest.raises(Malformed):
        compile_policy(text, Kind.IDENTITY)
