"""One verdict for each measure and pair of arms: estimate, interval, corrected p, effect, and the sentence they make.

A ratio is one of geometric means, the mean of the blocks' log ratios: the same whichever arm is named first, and a slow
block slows both. Where a figure is 0 or less it has no logarithm, and the difference of plain means is taken. Pure.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

import numpy as np

from lab.experiment.measures import MEASURES, Measure
from lab.experiment.records import Arm, Experiment, Trial
from lab.statistics.effect import Effect, effect
from lab.statistics.family import Corrected, correct
from lab.statistics.paired import Interval, PairedMean
from lab.statistics.rare import Rare, rare
from lab.statistics.resampling import DRAWS, Floats

ALPHA: Final = 0.05
LARGEST_LOG: Final = math.log(sys.float_info.max)
Status = Literal["different", "no detectable difference", "cannot show", "kept apart", "not measured", "not compared"]


@dataclass(frozen=True)
class Verdict:
    """``second`` against ``first``: the estimate is second / first or second - first, as ``compare`` says."""

    measure: Measure
    first: str
    second: str
    status: Status
    compare: Literal["ratio", "difference"]
    first_typical: float | None  # geometric mean over the blocks of a ratio, arithmetic of a difference
    second_typical: float | None
    estimate: float | None
    interval: Interval | None  # 95 %, of this comparison alone
    adjusted: Interval | None  # at the level at which Holm decided it: leaves out no difference if and only if found
    p_adjusted: float | None
    blocks: int
    blocks_without: int  # one of the arms has no figure
    blocks_needed: int  # that differ, for a finding in a family of this size
    effect: Effect | None
    first_rare: Rare | None = None  # of orders counted: exact bounds of their share
    second_rare: Rare | None = None

    @property
    def neutral(self) -> float:
        """The estimate of no difference."""
        return 1.0 if self.compare == "ratio" else 0.0

    @property
    def better(self) -> str | None:
        """The arm on the good side; None without a finding."""
        if self.status != "different" or self.estimate is None:
            return None
        second_higher = self.estimate > self.neutral
        return self.second if second_higher == (self.measure.better == "higher") else self.first


@dataclass(frozen=True)
class _Pair:
    """Two arms' figures of one measure, block by block."""

    measure: Measure
    first: Arm
    second: Arm
    figures: Floats  # blocks × 2
    without: int
    apart: bool
    first_rare: Rare | None
    second_rare: Rare | None

    @property
    def compare(self) -> Literal["ratio", "difference"]:
        return "ratio" if self.measure.compare == "ratio" and bool((self.figures > 0).all()) else "difference"

    @property
    def differences(self) -> Floats:
        values = np.log(self.figures) if self.compare == "ratio" else self.figures
        found: Floats = values[:, 1] - values[:, 0]
        return found


def verdicts(experiment: Experiment, alpha: float = ALPHA, count: int = DRAWS) -> tuple[Verdict, ...]:
    """In the order of ``MEASURES``, within a measure in the order of the arms. All comparisons are one family.

    A measure with no good side tells of the instrument, not of an arm: it is shown, and costs the others no power.
    """
    pairs = [
        _pair(experiment, measure, first, second)
        for measure in MEASURES
        for first, second in combinations(experiment.arms, 2)
    ]
    tested = {index: PairedMean(pair.differences, count) for index, pair in enumerate(pairs) if _testable(pair)}
    corrected = correct([(mean.p_value, mean.smallest_p) for mean in tested.values()], alpha)
    decided = dict(zip(tested, corrected, strict=True))
    needed = _blocks_needed(sum(bool(len(pair.figures)) and _comparable(pair) for pair in pairs), alpha)
    return tuple(
        _compared(pair, tested[index], decided[index], needed, alpha) if index in tested else _untested(pair, needed)
        for index, pair in enumerate(pairs)
    )


def _pair(experiment: Experiment, measure: Measure, first: Arm, second: Arm) -> _Pair:
    of_first, of_second = (_by_block(experiment.of(arm.name), measure.name) for arm in (first, second))
    both = sorted(of_first.keys() & of_second.keys())
    found = [(of_first[block], of_second[block]) for block in both]
    blocks = {trial.block for trial in experiment.trials if trial.arm in (first.name, second.name)}
    return _Pair(
        measure,
        first,
        second,
        np.array(found, dtype=np.float64).reshape(len(found), 2),
        without=len(blocks) - len(found),
        apart=not experiment.paired and first.lane != second.lane,
        first_rare=rare(experiment.of(first.name), measure),
        second_rare=rare(experiment.of(second.name), measure),
    )


def _by_block(trials: Sequence[Trial], measure: str) -> dict[int, float]:
    """Infinity is no figure either: nothing can be averaged with it."""
    figures = ((trial.block, trial.measures.get(measure)) for trial in trials)
    return {block: float(value) for block, value in figures if value is not None and math.isfinite(value)}


def _comparable(pair: _Pair) -> bool:
    return pair.measure.better != "none" and not pair.apart


def _testable(pair: _Pair) -> bool:
    return len(pair.figures) > 1 and _comparable(pair)


def _blocks_needed(comparisons: int, alpha: float) -> int:
    """So many blocks that differ reach the strictest level of a family in which all can, by signs alone."""
    return 1 + math.ceil(math.log2(max(1, comparisons) / alpha))


def _typical(pair: _Pair) -> tuple[float | None, float | None]:
    if not len(pair.figures):
        return None, None
    means = np.exp(np.log(pair.figures).mean(axis=0)) if pair.compare == "ratio" else pair.figures.mean(axis=0)
    return float(means[0]), float(means[1])


def _untested(pair: _Pair, needed: int) -> Verdict:
    first, second = _typical(pair)
    return Verdict(
        measure=pair.measure,
        first=pair.first.name,
        second=pair.second.name,
        status=_why_untested(pair),
        compare=pair.compare,
        first_typical=first,
        second_typical=second,
        estimate=None,
        interval=None,
        adjusted=None,
        p_adjusted=None,
        blocks=len(pair.figures),
        blocks_without=pair.without,
        blocks_needed=needed,
        effect=None,
        first_rare=pair.first_rare,
        second_rare=pair.second_rare,
    )


def _why_untested(pair: _Pair) -> Status:
    if not len(pair.figures):
        return "not measured"
    if pair.measure.better == "none":
        return "not compared"
    return "kept apart" if pair.apart else "cannot show"


def _compared(pair: _Pair, mean: PairedMean, corrected: Corrected, needed: int, alpha: float) -> Verdict:
    first, second = _typical(pair)
    moved = bool(pair.differences.any())  # blocks that are all alike have no scatter to make an interval from
    few = moved and not corrected.able and len(pair.figures) < needed
    return Verdict(
        measure=pair.measure,
        first=pair.first.name,
        second=pair.second.name,
        status="different" if corrected.found else "cannot show" if few else "no detectable difference",
        compare=pair.compare,
        first_typical=first,
        second_typical=second,
        estimate=_back(mean.mean, pair.compare),
        interval=_scaled(mean.interval(0.95), pair.compare) if moved else None,
        adjusted=_scaled(mean.interval(1 - alpha / corrected.divisor), pair.compare) if moved else None,
        p_adjusted=corrected.p_adjusted,
        blocks=len(pair.figures),
        blocks_without=pair.without,
        blocks_needed=needed,
        effect=effect(pair.differences),
        first_rare=pair.first_rare,
        second_rare=pair.second_rare,
    )


def _scaled(interval: Interval, compare: str) -> Interval:
    return Interval(_back(interval.low, compare), _back(interval.high, compare))


def _back(value: float, compare: str) -> float:
    """From the scale on which blocks are averaged to the one that is told; too large for a float: no bound."""
    if compare != "ratio":
        return value
    return math.inf if value > LARGEST_LOG else math.exp(value)
