"""Conditions: operators, absent keys, lists. Source: security-design 1.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.identity.policy.conditions import compile_condition, operator_of

_NUMBERS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
_ALL = [
    *(
        f"String{name}"
        for name in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
    ),
    *(f"{kind}{name}" for kind in ("Numeric", "Date") for name in _NUMBERS),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
]


def _said(operator, wanted, value=None):
    """What one comparison of the key ``k`` says; without *value* the key is absent."""
    (test,), _ = compile_condition({operator: {"K": wanted}}, variables=True)
    return test({} if value is None else {"k": value, "aws:username": "alice", "aws:tagkeys": ["a"]})


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "said"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", ["a*"], "ab", False),  # a star is a star
        ("StringEquals", ["a"], "A", False),
        ("StringNotEquals", ["a", "b"], "b", False),  # none may match
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringEqualsIgnoreCase", ["Ab"], "aB", True),
        ("StringNotEqualsIgnoreCase", ["Ab"], "aB", False),
        ("StringLike", ["a*c", "x?"], "abc", True),
        ("StringLike", ["a*c", "x?"], "xy", True),
        ("StringNotLike", ["a*"], "abc", False),
        ("NumericEquals", ["10"], "10.0", True),
        ("NumericLessThan", ["10"], "9.99", True),
        ("NumericLessThanEquals", ["10"], "10", True),
        ("NumericGreaterThan", ["10"], "9", False),
        ("NumericGreaterThanEquals", ["-1"], "-1", True),
        ("NumericNotEquals", ["10"], "11", True),
        ("DateEquals", ["2026-03-01T12:00:00Z"], "2026-03-01T13:00:00+01:00", True),
        ("DateLessThan", ["2026-03-01T12:00:00Z"], "2026-03-01T11:59:59.999Z", True),
        ("DateGreaterThan", ["1772366400"], "2026-03-01T12:00:01Z", True),  # seconds since 1970
        ("DateGreaterThan", ["2026-03-01"], "2026-03-01T00:00:00Z", False),
        ("Bool", ["true"], "TRUE", True),
        ("Bool", ["false"], "true", False),
        ("BinaryEquals", ["QUI="], "QUI=", True),
        ("BinaryEquals", ["QUI="], "QUM=", False),
        ("IpAddress", ["203.0.113.0/24"], "203.0.113.9", True),
        ("IpAddress", ["203.0.113.9"], "203.0.113.9", True),  # no prefix: that host
        ("IpAddress", ["0.0.0.0/0"], "203.0.113.9", True),
        ("IpAddress", ["203.0.113.7/24"], "203.0.113.9", True),  # what is behind the prefix does not count
        ("IpAddress", ["2001:DB8::/32"], "2001:db8::1", True),
        ("IpAddress", ["::/0"], "203.0.113.9", False),  # the other family
        ("NotIpAddress", ["::/0"], "203.0.113.9", True),
        ("IpAddress", ["203.0.113.0/24"], "::ffff:203.0.113.9", True),
        ("IpAddress", ["::ffff:203.0.113.0/120"], "203.0.113.9", True),
        ("ArnLike", ["arn:aws:iam::*:role/a*"], "arn:aws:iam::111111111111:role/ab", True),
        ("ArnEquals", ["arn:aws:iam::*:role/a*"], "arn:aws:iam::111111111111:role/ab", True),
        ("ArnLike", ["arn:aws:*:role/ab"], "arn:aws:iam::111111111111:role/ab", False),  # part by part
        ("ArnNotLike", ["arn:aws:iam::*:role/a*"], "arn:aws:iam::111111111111:role/b", True),
        ("StringEquals", ["user-${aws:username}"], "user-alice", True),
        ("StringEqualsIgnoreCase", ["${aws:UserName}"], "ALICE", True),
        ("StringLike", ["*-${aws:username}"], "x-alice", True),
        ("ArnLike", ["arn:aws:iam::*:user/${aws:username}"], "arn:aws:iam::111111111111:user/alice", True),
        ("StringEquals", ["${nobody}"], "${nobody}", False),  # no value: matches nothing
        ("StringNotEquals", ["${nobody}"], "x", True),
        ("StringEquals", ["${aws:TagKeys}"], "a", False),  # several values are none
        ("StringEquals", ["${nobody, 'x'}"], "x", True),
        ("StringEquals", ["${*}${?}${$}"], "*?$", True),
    ],
)
def test_an_operator_compares(operator, wanted, value, said):
    assert _said(operator, wanted, value) is said
    assert _said(operator.upper(), wanted, value) is said
    assert _said(f"{operator}IfExists", wanted, value) is said


def test_what_a_variable_puts_in_is_never_a_wildcard():
    (test,), keys = compile_condition({"StringLike": {"k": ["${aws:PrincipalTag/team}*"]}}, variables=True)

    assert keys == {"k", "aws:principaltag/team"}
    assert test({"k": "*x", "aws:principaltag/team": "*"}) is True
    assert test({"k": "bluex", "aws:principaltag/team": "*"}) is False
    assert test({"k": "bluex", "aws:principaltag/team": "????"}) is False


def test_before_2012_a_variable_is_text():
    (test,), keys = compile_condition({"StringEquals": {"k": ["${aws:username}"]}}, variables=False)

    assert keys == {"k"}
    assert test({"k": "${aws:username}", "aws:username": "alice"}) is True
    assert test({"k": "alice", "aws:username": "alice"}) is False


@pytest.mark.parametrize("operator", _ALL)
def test_an_absent_key_holds_for_the_negated_and_where_it_may_be_absent(operator):
    assert _said(operator, ["1"]) is ("Not" in operator)
    assert _said(f"{operator}IfExists", ["1"]) is True
    assert _said(f"ForAnyValue:{operator}", ["1"]) is False
    assert _said(f"ForAnyValue:{operator}IfExists", ["1"]) is True
    assert _said(f"ForAllValues:{operator}", ["1"]) is True


@pytest.mark.parametrize("operator", _ALL)
@pytest.mark.parametrize("empty", [[], [""], ["", ""]])
def test_an_empty_list_holds_for_all_and_not_for_any(operator, empty):
    assert _said(f"ForAllValues:{operator}", ["1"], empty) is True
    assert _said(f"ForAnyValue:{operator}", ["1"], empty) is False


@pytest.mark.parametrize("operator", _ALL)
def test_a_list_needs_a_set_operator(operator):
    assert _said(operator, ["1"], ["1"]) is False
    assert _said(operator, ["1"], ["2", "3"]) is False


@pytest.mark.parametrize(
    ("operator", "value", "said"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "x"], False),
        ("ForAllValues:StringEquals", "a", True),
        ("ForAnyValue:StringEquals", ["x", "a"], True),
        ("ForAnyValue:StringEquals", ["x", "y"], False),
        ("ForAllValues:StringNotEquals", ["x", "y"], True),
        ("ForAllValues:StringNotEquals", ["x", "a"], False),
        ("ForAnyValue:StringNotEquals", ["a", "x"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], False),
    ],
)
def test_set_operators_look_at_each_value(operator, value, said):
    assert _said(operator, ["a", "b"], value) is said


@pytest.mark.parametrize(("wanted", "absent"), [("true", True), ("false", False), ("TRUE", True)])
def test_null_asks_whether_the_key_is_there(wanted, absent):
    assert _said("Null", [wanted]) is absent
    assert _said("Null", [wanted], "x") is not absent
    assert _said("Null", [wanted], "") is not absent
    assert _said("Null", [wanted], []) is absent


@pytest.mark.parametrize(
    ("operator", "wanted", "value"),
    [
        ("NumericEquals", "1", "one"),
        ("NumericEquals", "one", "1"),
        ("NumericNotEquals", "1", "NaN"),
        ("NumericLessThan", "1", "-Infinity"),
        ("NumericLessThan", "1", "1e-9"),
        ("DateLessThan", "2026-01-01T00:00:00Z", "yesterday"),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-01-01T00:00:00"),  # no zone
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-13-01T00:00:00Z"),
        ("Bool", "true", "yes"),
        ("IpAddress", "10.0.0.0/8", "10.0.0"),
        ("NotIpAddress", "10.0.0.0/8", "0x0a.0.0.1"),
        ("NotIpAddress", "10.0.0.0/33", "10.0.0.1"),
        ("BinaryEquals", "QUI=", "%"),
    ],
)
def test_a_value_that_cannot_be_read_says_nothing(operator, wanted, value):
    assert _said(operator, [wanted], value) is None
    assert _said(f"ForAnyValue:{operator}", [wanted], [value]) is None
    assert _said(f"ForAllValues:{operator}", [wanted], [value]) is None


def test_one_value_that_matches_is_enough_beside_one_that_cannot_be_read():
    assert _said("NumericEquals", ["one", "1"], "1") is True


@pytest.mark.parametrize(
    "name",
    ["", "Equals", "StringEqual", "NullIfExists", "IfExists", "ForSome:StringEquals", "ForAnyValue::Bool", "Bool:"],
)
def test_there_are_no_other_operators(name):
    assert operator_of(name) is None


_VALUES = st.one_of(
    st.none(), st.text(max_size=5), st.lists(st.text(max_size=5), max_size=3), st.sampled_from(["1", "a"])
)


@given(
    operator=st.sampled_from([name for name in _ALL if "Not" in name]),
    many=st.sampled_from(["", "ForAnyValue:", "ForAllValues:"]),
    wanted=st.lists(st.text(max_size=5), min_size=1, max_size=3),
    value=_VALUES,
)
def test_a_negated_operator_is_the_opposite_for_each_value(operator, many, wanted, value):
    """Of a list, ``ForAnyValue`` of one is the opposite of ``ForAllValues`` of the other."""
    positive = operator.replace("NotIp", "Ip").replace("Not", "")
    other = {"ForAnyValue:": "ForAllValues:", "ForAllValues:": "ForAnyValue:"}.get(many, "")

    no, yes = _said(many + operator, wanted, value), _said(other + positive, wanted, value)

    if isinstance(value, list) and not many:
        assert (no, yes) == (False, False)
    else:
        assert no is (None if yes is None else not yes)
