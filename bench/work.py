"""A work: something that every contender is asked to do, in turn, round after round."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.figures import Figure, Samples
from bench.servers import LIMIT, OURS, NotHere


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done. Sizes are bytes, times are seconds."""

    folder: Path
    blob: int
    seconds: float
    parallel: int
    images: int
    workers: int


# What a contender does in one round (its number is given), and the figures that came out of it, by their keys.
Measure = Callable[[int], Mapping[str, float]]
# Make a contender ready, and clean up behind it: (its name, how much) → what it does in a round.
Prepare = Callable[[str, Scale], AbstractContextManager[Measure]]


@dataclass(frozen=True, slots=True)
class Work:
    """What is done, by whom, how many times. *limit* measures what the machine itself allows, as one more contender."""

    name: str
    figures: Sequence[Figure]
    prepare: Prepare
    peers: Sequence[str] = ()
    limit: Prepare | None = None
    rounds: int = 5


def run(work: Work, scale: Scale, *, rounds: int, say: Callable[[str], None], without: Sequence[str]) -> list[Samples]:
    """
    The samples of each figure of *work*; contenders take turns, and each round another one begins.

    What the machine allows is measured right before and right after ours, and counts as the mean of both: its speed
    changes within seconds. A contender that is not on this machine is left out and named.
    """
    samples: list[dict[str, list[float]]] = [{} for _ in work.figures]
    with ExitStack() as ready:
        measures: dict[str, Measure] = {}
        for name in (OURS, *work.peers, *([LIMIT] if work.limit else [])):
            if name in without:
                continue
            prepare = work.limit if name == LIMIT and work.limit else work.prepare
            try:
                measures[name] = ready.enter_context(prepare(name, scale))
            except NotHere as reason:
                say(f"  {name}: left out: {reason}")
        limit = measures.pop(LIMIT, None)
        for number in range(rounds):
            for name in turned(list(measures), number):
                around = [limit] if limit and name == OURS else []
                sides = [_measured(LIMIT, side, number, say=say) for side in around]
                seen = {name: _measured(name, measures[name], number, say=say)}
                sides += [_measured(LIMIT, side, number, say=say) for side in around]
                if sides:
                    seen[LIMIT] = {key: fmean(side[key] for side in sides) for key in sides[0]}
                _keep(samples, work.figures, seen)
    return list(samples)


def _measured(name: str, measure: Measure, number: int, *, say: Callable[[str], None]) -> Mapping[str, float]:
    """What a round gives. A server may drop a connection once; twice in a row is no accident."""
    try:
        values = measure(number)
    except RuntimeError as failure:
        say(f"  round {number + 1}: once more: {failure}")
        values = measure(number)
    say(f"  round {number + 1}: {name}: " + ", ".join(f"{key} {value:.4g}" for key, value in values.items()))
    return values


def _keep(
    samples: Sequence[dict[str, list[float]]], figures: Sequence[Figure], seen: Mapping[str, Mapping[str, float]]
) -> None:
    for kept, figure in zip(samples, figures, strict=True):
        for name, values in seen.items():
            if figure.key in values:
                kept.setdefault(name, []).append(values[figure.key])


def turned(names: Sequence[str], number: int) -> list[str]:
    """*names* in the same order, beginning with another one each time."""
    shift = number % len(names) if names else 0
    return [*names[shift:], *names[:shift]]
