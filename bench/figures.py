"""What is measured and what is to be reached: pure functions from samples to medians, ratios and verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from bench.servers import LIMIT, OURS

# Of one figure: for each contender a value from each round, in the order of the rounds.
Samples = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Target:
    """
    A ratio of ours to a peer's that is to be reached.

    *or_of_limit*: or this share of what the machine allows at all, whichever asks for less.
    """

    ratio: float
    or_of_limit: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One line of the table.

    *bound* is an absolute target, in the unit of the figure; *limit* says what bounds it on this machine, and *share*
    whether a share of that means anything.
    """

    key: str
    title: str
    unit: str
    better: Literal["more", "less"] = "more"
    targets: Mapping[str, Target] = field(default_factory=dict)
    bound: float | None = None
    limit: str = ""
    share: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """One figure as it came out. Ratios are ours to the peer's: the median of those of the single rounds."""

    figure: Figure
    medians: Mapping[str, float]
    ratios: Mapping[str, float]
    verdicts: Mapping[str, bool]
    samples: Samples

    @property
    def missed(self) -> list[str]:
        """The targets that were measured and not reached."""
        return [name for name, reached in self.verdicts.items() if not reached]

    @property
    def of_limit(self) -> float | None:
        """Ours to what the machine allows, where they are of one kind."""
        return self.ratios.get(LIMIT) if self.figure.share else None


def evaluate(figure: Figure, samples: Samples) -> Result:
    """Medians, ratios, and for each target (by peer, or "bound") whether it is reached."""
    kept = {name: values for name, values in samples.items() if values}
    medians = {name: median(values) for name, values in kept.items()}
    ours = kept.get(OURS, ())
    ratios = {name: ratio for name, theirs in kept.items() if name != OURS and (ratio := _ratio(ours, theirs))}
    verdicts = {
        name: _reached(figure, target, ratio=ratios[name], of_limit=ratios.get(LIMIT))
        for name, target in figure.targets.items()
        if name in ratios
    }
    if figure.bound is not None and OURS in medians:
        verdicts["bound"] = _within(figure, medians[OURS])
    return Result(figure, medians, ratios, verdicts, samples)


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    # Both of one round met the same weather; medians of different rounds did not.
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=False) if other > 0]
    return median(pairs) if pairs else None


def _reached(figure: Figure, target: Target, *, ratio: float, of_limit: float | None) -> bool:
    if figure.better == "less":
        return ratio <= target.ratio
    near_limit = target.or_of_limit is not None and of_limit is not None and of_limit >= target.or_of_limit
    return ratio >= target.ratio or near_limit


def _within(figure: Figure, value: float) -> bool:
    assert figure.bound is not None
    return value <= figure.bound if figure.better == "less" else value >= figure.bound
