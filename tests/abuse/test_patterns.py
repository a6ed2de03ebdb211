"""Patterns that take for ever: security-design 9, row 47."""

import ast
from pathlib import Path

import pytest

from entrepot.aws.validation import matcher
from entrepot.names import is_digest, is_repository_name, is_tag
from entrepot.patterns import matches
from entrepot.registry.mutability import Mutability

SOURCE = Path(__file__).resolve().parents[2] / "src" / "entrepot"

# What is compiled from something else than text of ours, by module and function; each says why it may be.
NOT_CONSTANT = {
    ("aws/validation.py", "matcher"): "patterns of botocore's models, which come with the package",
    ("registry/addresses.py", "_template"): "the operator's own setting, escaped",
}
_FUNCTIONS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}


class _Finder(ast.NodeVisitor):
    """Calls of ``re`` whose pattern is not made of constants."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[str] = []
        self._function = "<module>"
        self._constants = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.visit(tree)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer, self._function = self._function, node.name
        self.generic_visit(node)
        self._function = outer

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and function.value.id == "re"
            and function.attr in _FUNCTIONS
            and not self._is_constant(node.args[0])
        ):
            self.found.append(self._function)
        self.generic_visit(node)

    def _is_constant(self, node: ast.expr) -> bool:
        """A literal, or made of literals and of this module's own constants, which this test sees as well."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return self._function == "<module>" and node.id in self._constants
        if isinstance(node, ast.JoinedStr):
            return all(isinstance(part, ast.Constant) or self._is_constant(part.value) for part in _parts(node))
        if isinstance(node, ast.BinOp):
            return self._is_constant(node.left) and self._is_constant(node.right)
        # `_DOMAIN.pattern`, of a pattern that is a constant itself.
        return isinstance(node, ast.Attribute) and node.attr == "pattern" and self._is_constant(node.value)


def _parts(node: ast.JoinedStr) -> list[ast.Constant | ast.FormattedValue]:
    return [part for part in node.values if isinstance(part, ast.Constant | ast.FormattedValue)]


def _not_constant() -> set[tuple[str, str]]:
    found = set()
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        found |= {(str(path.relative_to(SOURCE)), function) for function in _Finder(tree).found}
    return found


def test_abuse_47_no_pattern_is_made_of_what_a_client_sends():
    """What users write as patterns is never translated into regular expressions."""
    assert _not_constant() == set(NOT_CONSTANT)


@pytest.mark.parametrize(
    "code",
    [
        "import re\ndef f(x):\n    return re.compile(x)",
        "import re\ndef f(x):\n    return re.match(f'a{x}', 'b')",
        "import re\ndef f(x):\n    return re.sub('a' + x, '', x)",
        "import re\ndef f(x):\n    return re.search(x.replace('*', '.*'), x)",
    ],
)
def test_abuse_47_the_search_for_such_patterns_finds_them(code):
    assert _Finder(ast.parse(code)).found == ["f"]


class _Text(str):
    """A string that counts how many characters a search may have looked at."""

    __slots__ = ("looked",)

    def __init__(self, _text: str) -> None:
        self.looked = 0

    def find(self, piece: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]  # as used here
        end = len(self) if end is None else end
        found = super().find(piece, start, end)
        self.looked += (end if found < 0 else found + len(piece)) - start
        return found


def _work(pattern: str, text: str) -> int:
    counted = _Text(text)
    matches(pattern, counted)
    return counted.looked


@pytest.mark.parametrize("stars", [1, 2, 4, 30])
@pytest.mark.parametrize("piece", ["a", "aa", "ab", "aaaaaaaab"])
def test_abuse_47_a_filter_looks_at_each_character_about_once(stars, piece):
    """30 stars against text that almost matches, everywhere: the work grows with the text, not with its powers."""
    pattern = "*".join([piece] * stars) + "*b"
    small, large = "a" * 500, "a" * 1_000

    assert _work(pattern, small) <= 2 * len(small)
    assert _work(pattern, large) <= 2 * max(_work(pattern, small), len(small))


def test_abuse_47_a_filter_of_thirty_stars_says_what_is_so():
    assert matches("*a" * 30, "ba" * 30)
    assert not matches("*a" * 30, "ba" * 29)
    assert matches("*" * 30, "")
    assert Mutability("IMMUTABLE_WITH_EXCLUSION", ("*a" * 30,)).fixes("b" * 128)


_HOSTILE = [
    "a" * 256,
    "a-" * 128,
    "a" + "-" * 254 + "!",
    "a/" * 128,
    "a__" * 85 + "!",
    "0" * 255 + "/",
    "a." * 127 + "_",
]


@pytest.mark.parametrize("text", _HOSTILE, ids=range(len(_HOSTILE)))
def test_abuse_47_names_that_almost_match_are_judged(text):
    """Nested repetitions would try every way to cut the hyphens; these end, or the test's own limit ends it."""
    assert is_repository_name(text) == (text == "a" * 256)
    assert not is_tag(text * 2)
    assert not is_digest(text)


@pytest.mark.parametrize("pattern", [r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"])
def test_abuse_47_the_model_s_own_pattern_for_names_is_replaced(pattern):
    """As it stands, it takes time that doubles with every few hyphens."""
    match = matcher(pattern)

    assert match is not None
    assert not match("a" + "-" * 200 + "!")
    assert match("a" + "-" * 200 + "a")
