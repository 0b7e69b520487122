"""Do the statistics recover what is known? Coverage of intervals; findings where there is nothing, and where there is.

Pure: figures out, from a seed. ``python -m lab.statistics`` prints them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp
from typing import Final

import numpy as np

from lab.experiment.records import Experiment
from lab.statistics.paired import PairedMean
from lab.statistics.resampling import Floats
from lab.statistics.synthetic import Truth, experiment_of
from lab.statistics.verdict import verdicts

DRAWS: Final = 2**13  # enough for the levels of one family
Draw = Callable[[np.random.Generator, int], Floats]

# Name -> how one block's difference falls, and its true mean.
DIFFERENCES: Final[dict[str, tuple[Draw, float]]] = {
    "normal": (lambda rng, n: rng.normal(0.5, 1.0, n), 0.5),
    "log ratio of skewed latencies": (lambda rng, n: np.log(1.1 * rng.gamma(4, 1, n) / rng.gamma(4, 1, n)), 0.09531018),
    "difference of skewed latencies": (lambda rng, n: 1.2 * rng.gamma(2, 1, n) - rng.gamma(2, 1, n), 0.4),
    "counts in one arm only": (lambda rng, n: rng.poisson(2.0, n).astype(np.float64), 2.0),
    "skewed, one arm only (log-normal, 0.5)": (lambda rng, n: rng.lognormal(0, 0.5, n), exp(0.125)),
    "exponential, one arm only": (lambda rng, n: rng.exponential(1.0, n), 1.0),
    "heavy tails (t, 3 degrees)": (lambda rng, n: rng.standard_t(3, n), 0.0),
    "extreme: log-normal, 1.0": (lambda rng, n: rng.lognormal(0, 1.0, n), exp(0.5)),
}


@dataclass(frozen=True)
class Found:
    """How often something was found, of so many experiments."""

    what: str
    share: float
    experiments: int


def coverage(name: str, blocks: int, experiments: int, seed: int = 1) -> Found:
    """How often the 95 % interval holds the true mean."""
    draw, truth = DIFFERENCES[name]
    rng = np.random.default_rng([seed, blocks])
    held = sum(PairedMean(draw(rng, blocks), DRAWS).interval(0.95).contains(truth) for _ in range(experiments))
    return Found(f"{name}, {blocks} blocks", held / experiments, experiments)


def any_finding(truth: Truth, experiments: int, seed: int = 1) -> Found:
    """How often an experiment has any finding at all, over its whole family."""
    found = sum(bool(_different(each)) for each in _experiments(truth, experiments, seed))
    return Found(f"any finding, {truth.blocks} blocks", found / experiments, experiments)


def finding_of(measure: str, truth: Truth, experiments: int, seed: int = 1) -> Found:
    """How often this measure's difference is found, corrected for its family."""
    found = sum(measure in _different(each) for each in _experiments(truth, experiments, seed))
    return Found(
        f"{measure} found, {truth.blocks} blocks, scatter {100 * truth.scatter:g} %", found / experiments, experiments
    )


def _experiments(truth: Truth, experiments: int, seed: int) -> Iterator[Experiment]:
    rng = np.random.default_rng([seed, truth.blocks])
    return (experiment_of(truth, rng) for _ in range(experiments))


def _different(experiment: Experiment) -> set[str]:
    return {each.measure.name for each in verdicts(experiment, count=DRAWS) if each.status == "different"}
