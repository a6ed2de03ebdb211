"""Results as a Markdown table, as JSON, and as the generated part of docs/benchmarks.md."""

from collections.abc import Mapping, Sequence

from bench.figures import Figure, Result
from bench.servers import LIMIT, MOTO, OURS, TITLES

BEGIN = "<!-- begin: written by python -m bench --publish -->"
END = "<!-- end: written by python -m bench --publish -->"


def markdown(results: Sequence[Result], machine: Mapping[str, str]) -> str:
    """The whole report: machine, table, and what the columns mean."""
    peers = [name for name in TITLES if name not in (OURS, MOTO) and any(name in r.medians for r in results)]
    heads = ["work", "unit", TITLES[OURS], *(TITLES[name] for name in peers), *(f"× {TITLES[name]}" for name in peers)]
    rows = [_row(result, peers) for result in results if MOTO not in result.medians]
    parts = [_facts(machine), _table([*heads, "to reach", "limit"], rows)]
    if against_moto := [_row(result, [MOTO]) for result in results if MOTO in result.medians]:
        heads = ["work", "unit", TITLES[OURS], TITLES[MOTO], f"× {TITLES[MOTO]}", "to reach", "limit"]
        parts.append(_table(heads, against_moto))
    parts.append(
        "Medians over the rounds; × is the median of the ratios of single rounds. ✓ reached, ✗ not reached. "
        "The last column is what bounds the figure on this machine, measured in the same rounds, and our part of it."
    )
    return "\n\n".join(parts) + "\n"


def document(results: Sequence[Result], machine: Mapping[str, str]) -> dict[str, object]:
    """The whole run, every sample of it, to be written as JSON."""
    return {
        "machine": dict(machine),
        "figures": [
            {
                "key": result.figure.key,
                "title": result.figure.title,
                "unit": result.figure.unit,
                "better": result.figure.better,
                "medians": dict(result.medians),
                "ratios": dict(result.ratios),
                "reached": dict(result.verdicts),
                "samples": {name: list(values) for name, values in result.samples.items()},
            }
            for result in results
        ],
    }


def publish(page: str, report: str) -> str:
    """
    *page* with *report* between the two marks.

    Raises: ValueError without the marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN!r} or {END!r}")
    return f"{before}{BEGIN}\n\n{report}\n{END}{after}"


def _row(result: Result, peers: Sequence[str]) -> list[str]:
    figure = result.figure
    values = [_number(result.medians.get(name)) for name in (OURS, *peers)]
    ratios = [_ratio(result, name) for name in peers]
    return [figure.title, figure.unit, *values, *ratios, _wanted(figure, result, peers), _limit(result)]


def _ratio(result: Result, peer: str) -> str:
    ratio = result.ratios.get(peer)
    mark = {True: " ✓", False: " ✗", None: ""}[result.verdicts.get(peer)]
    return "–" if ratio is None else f"{_number(ratio)}{mark}"


def _wanted(figure: Figure, result: Result, peers: Sequence[str]) -> str:
    sign = "≥" if figure.better == "more" else "≤"
    parts = []
    for peer in peers:
        if target := figure.targets.get(peer):
            share = f" or {target.or_of_limit:g} of limit" if target.or_of_limit is not None else ""
            parts.append(f"{sign} {target.ratio:g}×{share}")
    if figure.bound is not None:
        mark = {True: " ✓", False: " ✗", None: ""}[result.verdicts.get("bound")]
        parts.append(f"{sign} {figure.bound:g} {figure.unit}{mark}")
    return "; ".join(parts)


def _limit(result: Result) -> str:
    value = result.medians.get(LIMIT)
    if value is None:
        return result.figure.limit
    share = "" if result.of_limit is None else f", ours {_number(result.of_limit)} of it"
    return f"{_number(value)} {result.figure.limit}{share}"


def _facts(machine: Mapping[str, str]) -> str:
    return "Seen on: " + ", ".join(f"{name} {value}" for name, value in machine.items()) + "."


def _number(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
