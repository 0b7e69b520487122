"""Experiments of known truth, to try the statistics on. Pure: chance comes from a generator that is handed in.

A trial's figures are skewed (gamma or log-normal), share their block's luck, and go together within a trial: a slow
minute shows in every latency. Counts are mostly 0 with now and then a heap, as anomalies are.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lab.experiment.measures import MEASURES, Measure
from lab.experiment.records import Arm, Experiment, Trial

SQRT_2: Final = 2**0.5
BLOCK_LUCK: Final = 0.10  # as a log standard deviation; both arms of a block have it


@dataclass(frozen=True)
class Truth:
    """``factors``: by what the second arm's figures are multiplied, by measure."""

    blocks: int
    factors: dict[str, float] = field(default_factory=dict)
    lanes: tuple[str, str] = ("orchestration", "choreography")
    scatter: float = 0.05  # of one trial's figure, as a log standard deviation; half its variance is the trial's


def experiment_of(truth: Truth, rng: np.random.Generator) -> Experiment:
    """One experiment with that truth behind it."""
    arms = (Arm("first", truth.lanes[0]), Arm("second", truth.lanes[1]))
    trials = []
    for block in range(truth.blocks):
        luck = rng.normal(0, BLOCK_LUCK)
        order = rng.permutation(2)
        for index, arm in enumerate(arms):
            own = luck + rng.normal(0, truth.scatter / SQRT_2)
            factors = truth.factors if index else {}
            figures = {each.name: _figure(each, own, factors.get(each.name, 1.0), truth, rng) for each in MEASURES}
            trials.append(Trial(block, int(order[index]), arm.name, seed=block, started_at=0.0, measures=figures))
    return Experiment("synthetic", "synthetic", "what is known", arms, {}, tuple(trials))


def _figure(measure: Measure, luck: float, factor: float, truth: Truth, rng: np.random.Generator) -> float:
    if measure.unit in ("orders", "messages") and measure.compare == "difference":
        return float(factor * rng.poisson(rng.gamma(0.3, 1.5)))
    if measure.unit == "share":
        return float(np.clip(factor * rng.binomial(400, 0.9) / 400, 0, 1))
    if measure.name == "violation_s":
        return float(factor * rng.gamma(1.0, 2.0))
    return float(factor * np.exp(luck + truth.scatter / SQRT_2 * (rng.gamma(4.0, 0.5) - 2.0)))
