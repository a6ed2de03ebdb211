"""
Hold the source to its sizes: lines of a module, a function and a package, and how often a check is silenced.

``make check`` runs this. The figures are those of the architecture; growth past one is a sign that a second
concept has moved in, so the remedy is a second module rather than a larger figure.
"""

import ast
import re
import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

SOURCE = Path("src/entrepot")
MODULE_LINES = 500
FUNCTION_LINES = 60
SUPPRESSIONS_PER_THOUSAND = 2
PACKAGE_LINES: Mapping[str, int] = {
    "aws": 1200,
    "aws/protocols": 400,
    "oci": 1000,
    "signatures": 350,
    "storage": 900,
    "jobs": 500,
    "database": 500,
}

_SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(?P<rest>.*)")
_REASON = re.compile(r"(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[a-z,\s-]+\])\s+\W*\w+\W+\w+")


def function_lengths(text: str) -> dict[str, int]:
    """Lines of each function in a module's *text*, by ``name:line``; decorators are not counted."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = (node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds))
    return {f"{node.name}:{node.lineno}": (node.end_lineno or node.lineno) - node.lineno + 1 for node in found}


def code_lines(text: str) -> int:
    """
    Lines of *text* that hold code. A package does not grow by what explains it.

    Docstrings, comments and blank lines are left out.
    """
    explained: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            first = node.body[0]
            explained.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(
        1 for number, line in lines if number not in explained and line.strip() and not line.lstrip().startswith("#")
    )


def unreasoned(text: str) -> list[int]:
    """The lines that silence a check without naming it, or without two words that say why."""
    lines = enumerate(text.splitlines(), start=1)
    return [number for number, line in lines if (m := _SUPPRESSION.search(line)) and not _REASON.match(m["rest"])]


def complaints(modules: Mapping[str, str]) -> Iterator[str]:
    """What is too large or silenced too often in *modules*: text by path below the source folder."""
    for path, text in modules.items():
        if (lines := len(text.splitlines())) > MODULE_LINES:
            yield f"{path}: {lines} lines, more than {MODULE_LINES}"
        for name, length in function_lengths(text).items():
            if length > FUNCTION_LINES:
                yield f"{path}: {name} has {length} lines, more than {FUNCTION_LINES}"
        for number in unreasoned(text):
            yield f"{path}:{number}: a silenced check needs its code and a reason behind it"
    for package, budget in PACKAGE_LINES.items():
        total = sum(code_lines(t) for p, t in modules.items() if p.startswith(f"{package}/"))
        if total > budget:
            yield f"{package}/: {total} lines, more than {budget}"
    silenced = sum(len(_SUPPRESSION.findall(text)) for text in modules.values())
    allowed = SUPPRESSIONS_PER_THOUSAND * (1 + sum(len(text.splitlines()) for text in modules.values()) // 1000)
    if silenced > allowed:
        yield f"{silenced} checks are silenced, more than {allowed}"


def main() -> int:
    """Print the sizes and every complaint; 1 where there is one."""
    modules = {p.relative_to(SOURCE).as_posix(): p.read_text(encoding="utf-8") for p in sorted(SOURCE.rglob("*.py"))}
    lines = [len(text.splitlines()) for text in modules.values()]
    functions = [length for text in modules.values() for length in function_lengths(text).values()]
    print(
        f"sizes: {len(lines)} modules, {sum(lines)} lines; median module {statistics.median(lines):.0f}, "
        f"median function {statistics.median(functions):.0f}"
    )
    found = list(complaints(modules))
    for complaint in found:
        print(f"sizes: {complaint}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
