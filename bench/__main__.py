"""The command line: ``python -m bench [--only WORK …] [--quick] [--rounds N] [--publish] …``."""

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import machine, table
from bench.catalogue import ALL
from bench.figures import Result, evaluate
from bench.servers import TITLES
from bench.work import Scale, Work, run

_HERE = Path(__file__).parent
_RESULTS = _HERE / "results"
_PAGE = _HERE.parent / "docs" / "benchmarks.md"
_MIB = 1 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 when a work fails, with --strict also when a target is missed."""
    options = _options(arguments)
    _RESULTS.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=options.folder or _RESULTS))
    scale = _scale(options, folder)
    facts = {**machine.describe(), **_amounts(scale)}
    results: list[Result] = []
    failed: list[str] = []
    try:
        for work in (ALL[name] for name in options.only):
            try:
                results += _one(work, scale, options)
            except (RuntimeError, OSError, subprocess.SubprocessError) as failure:
                failed.append(work.name)
                _say(f"{work.name}: failed: {failure}")
            _write(results, facts, publish=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _write(results, facts, publish=options.publish)
    print(f"\n{table.markdown(results, facts)}")
    missed = [f"{result.figure.key} ({name})" for result in results for name in result.missed]
    print(f"bench: missed: {', '.join(missed)}" if missed else "bench: every target that was measured is reached")
    if failed:
        print(f"bench: failed: {', '.join(failed)}")
    return 1 if failed or (missed and options.strict) else 0


def _one(work: Work, scale: Scale, options: argparse.Namespace) -> list[Result]:
    rounds = options.rounds or (1 if options.quick else work.rounds)
    _say(f"{work.name}: {rounds} rounds")
    started = time.monotonic()
    samples = run(work, scale, rounds=rounds, say=_say, without=options.without)
    _say(f"{work.name}: {time.monotonic() - started:.0f} s")
    return [evaluate(figure, seen) for figure, seen in zip(work.figures, samples, strict=True) if seen]


def _scale(options: argparse.Namespace, folder: Path) -> Scale:
    """A full run, or a quick one: small sizes, one round, figures to look at but not to quote."""
    full = Scale(folder=folder, blob=1024 * _MIB, seconds=4, parallel=16, images=100_000, workers=options.workers)
    quick = dataclasses.replace(full, blob=128 * _MIB, seconds=2, parallel=4, images=5_000)
    scale = quick if options.quick else full
    if options.size:
        scale = dataclasses.replace(scale, blob=options.size * _MIB)
    if options.images:
        scale = dataclasses.replace(scale, images=options.images)
    return dataclasses.replace(scale, seconds=options.seconds or scale.seconds)


def _amounts(scale: Scale) -> dict[str, str]:
    return {
        "large blob": f"{scale.blob // _MIB} MiB",
        "load": f"{scale.seconds:g} s",
        "parallel pushes": str(scale.parallel),
        "images in the large repository": f"{scale.images:,}",
        "workers": str(scale.workers),
    }


def _write(results: Sequence[Result], facts: dict[str, str], *, publish: bool) -> None:
    report = table.markdown(results, facts)
    (_RESULTS / "latest.md").write_text(report)
    (_RESULTS / "latest.json").write_text(json.dumps(table.document(results, facts), indent=1))
    if publish:
        _PAGE.write_text(table.publish(_PAGE.read_text(), report))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(ALL), default=list(ALL), metavar="WORK", help=", ".join(ALL))
    parser.add_argument("--without", nargs="+", choices=list(TITLES), default=[], metavar="SERVER", help="leave out")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round")
    parser.add_argument("--rounds", type=_count, help="rounds of each work (default: its own number)")
    parser.add_argument("--seconds", type=_count, help="time of each load")
    parser.add_argument("--size", type=_count, metavar="MIB", help="size of the large blob")
    parser.add_argument("--images", type=_count, help="images of the large repository")
    parser.add_argument("--workers", type=_count, default=2, help="processes of our server")
    parser.add_argument("--folder", type=Path, help="where data goes: on the disk to be measured (default: results)")
    parser.add_argument("--publish", action="store_true", help="write the table into docs/benchmarks.md")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
