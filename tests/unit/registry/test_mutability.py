"""Which tags may be moved. Source: Amazon ECR user guide, "Preventing image tags from being overwritten"."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import InvalidParameter
from entrepot.patterns import matches
from entrepot.registry.mutability import Mutability

_FEW_LETTERS = st.text(alphabet="ab.-", max_size=12)
_PATTERNS = st.text(alphabet="ab.*", max_size=8)


@pytest.mark.parametrize(
    ("setting", "exclusions", "tag", "fixed"),
    [
        ("MUTABLE", (), "v1", False),
        ("IMMUTABLE", (), "latest", True),
        ("MUTABLE_WITH_EXCLUSION", ("v*",), "v1", True),
        ("MUTABLE_WITH_EXCLUSION", ("v*",), "latest", False),
        ("IMMUTABLE_WITH_EXCLUSION", ("latest", "dev-*"), "latest", False),
        ("IMMUTABLE_WITH_EXCLUSION", ("latest", "dev-*"), "dev-7", False),
        ("IMMUTABLE_WITH_EXCLUSION", ("latest", "dev-*"), "v1", True),
    ],
)
def test_an_exclusion_turns_the_rule_round_for_tags_that_match_it(setting, exclusions, tag, fixed):
    assert Mutability.parse(setting, exclusions).fixes(tag) is fixed


@pytest.mark.parametrize(("setting", "scope"), [("IMMUTABLE", "repository"), ("IMMUTABLE_WITH_EXCLUSION", "tag")])
def test_a_refusal_names_the_repository_or_the_tag_as_immutable(setting, scope):
    exclusions = ("latest",) if setting.endswith("EXCLUSION") else ()

    assert Mutability.parse(setting, exclusions).scope == scope


@pytest.mark.parametrize("setting", ["MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"])
def test_the_exclusion_settings_need_a_filter(setting):
    with pytest.raises(InvalidParameter) as refused:
        Mutability.parse(setting)

    assert str(refused.value) == (
        "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: "
        f"'ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {setting}'"
    )


@pytest.mark.parametrize("setting", ["MUTABLE", "IMMUTABLE"])
def test_the_plain_settings_take_no_filter(setting):
    with pytest.raises(InvalidParameter, match="imageTagMutabilityExclusionFilters"):
        Mutability.parse(setting, ("v*",))


def test_an_unknown_setting_is_refused_with_those_that_there_are():
    with pytest.raises(InvalidParameter) as refused:
        Mutability.parse("SOMETIMES")

    assert str(refused.value) == (
        "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value set: "
        "[IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]'"
    )


def test_a_filter_can_have_two_wildcards_and_not_three():
    Mutability.parse("MUTABLE_WITH_EXCLUSION", ("*-rc-*",))

    with pytest.raises(InvalidParameter, match="wildcards"):
        Mutability.parse("MUTABLE_WITH_EXCLUSION", ("*-rc-*-*",))


@pytest.mark.parametrize(
    ("pattern", "text", "does"),
    [
        ("v1.0", "v1x0", False),  # a dot is a dot
        ("latest", "latest2", False),  # anchored at both ends
        ("Latest", "latest", False),  # case counts
        ("*", "anything", True),
        ("a*a", "a", False),  # the two ends may not overlap
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "acb", False),
    ],
)
def test_only_the_star_is_special_in_a_filter(pattern, text, does):
    assert matches(pattern, text) is does


@given(_PATTERNS, _FEW_LETTERS)
def test_a_filter_means_what_its_regular_expression_means(pattern, text):
    expression = ".*".join(re.escape(piece) for piece in pattern.split("*"))

    assert matches(pattern, text) == (re.fullmatch(expression, text) is not None)


def test_abuse_47_a_filter_of_many_stars_is_searched_once_for_each_piece():
    searches = []

    class Counted(str):
        __slots__ = ()

        def find(self, *arguments):
            searches.append(arguments)
            return super().find(*arguments)

    assert not matches("*a" * 30 + "*b*", Counted("a" * 128))
    assert len(searches) == 31
