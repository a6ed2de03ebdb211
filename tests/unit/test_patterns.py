"""Wildcards: what they mean, and that matching them stays cheap. Source: security-design 1.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.patterns import Wild, matcher, matches, tokens

_TEXTS = st.text(alphabet="ab*?", max_size=10)
_PATTERNS = st.text(alphabet="ab*?", max_size=8)


def _naive(pattern, text):
    """Every way to read the text, by recursion."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return _naive(pattern[1:], text) or (text != "" and _naive(pattern, text[1:]))
    return text != "" and pattern[0] in ("?", text[0]) and _naive(pattern[1:], text[1:])


@given(_PATTERNS, _TEXTS)
def test_a_pattern_means_what_trying_every_way_says(pattern, text):
    assert matcher(tokens(pattern))(text) == _naive(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "does"),
    [
        ("ecr:Get*", "ecr:GetAuthorizationToken", True),
        ("ecr:Get*", "ecr:ListImages", False),
        ("us-????-1", "us-east-1", True),
        ("us-????-1", "us-gov-east-1", False),
        ("?", "", False),
        ("*?", "", False),
        ("*a?b*", "xxazbyy", True),
        ("*a?b*", "xxabyy", False),
        ("a.b", "axb", False),
        ("a*", "a\nb", True),
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
    ],
)
def test_a_star_is_any_run_and_a_question_mark_one_character(pattern, text, does):
    assert matcher(tokens(pattern))(text) is does


def test_a_question_mark_is_a_letter_where_only_the_star_is_special():
    assert matches("a?*", "a?b")
    assert not matches("a?*", "axb")


@given(st.text(alphabet="ab*?", max_size=6), st.text(alphabet="ab*?", max_size=6))
def test_a_literal_piece_is_never_looked_into(piece, text):
    assert matcher([piece])(text) is (piece == text)
    assert matcher([piece, Wild.RUN])(text) is text.startswith(piece)
    assert matcher([Wild.ONE, piece])(text) is (text[1:] == piece and text != "")


class _Read(str):
    """A text that counts how many of its characters are read."""

    __slots__ = ("read",)

    def __init__(self, _text: str) -> None:
        self.read = 0

    def __iter__(self):
        for character in super().__iter__():
            self.read += 1
            yield character


@pytest.mark.parametrize("stars", [1, 4, 30, 200])
@pytest.mark.parametrize("piece", ["a?", "?a", "a?a", "??"])
def test_abuse_47_a_pattern_with_question_marks_reads_each_character_once(stars, piece):
    text = _Read("a" * 1_000)

    matcher(tokens("*".join([piece] * stars) + "*b"))(text)

    assert text.read <= len(text)
