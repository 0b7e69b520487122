"""What few or no cases among many allow to be said: exact binomial bounds. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from lab.experiment.measures import Measure
from lab.experiment.records import Trial


@dataclass(frozen=True)
class Share:
    """``cases`` of ``of``, with the exact (Clopper–Pearson) interval of the share behind it."""

    cases: int
    of: int
    low: float
    high: float


def exact_share(cases: int, of: int, level: float = 0.95) -> Share:
    """Two-sided; of no cases the upper bound is one-sided, as nothing can be below."""
    if not of:
        return Share(0, 0, 0.0, 1.0)
    side = "less" if cases == 0 else "two-sided"
    bounds = binomtest(cases, of, alternative=side).proportion_ci(level, method="exact")
    return Share(cases, of, float(bounds.low), float(bounds.high))


def rule_of_three(of: int) -> float:
    """None of ``of``: with 95 % confidence less than this share. For the head; ``exact_share`` is the exact one."""
    return min(1.0, 3 / of) if of else 1.0


@dataclass(frozen=True)
class Rare:
    """One arm's cases twice: as orders, which share trials and so are less than independent, and as trials with any."""

    orders: Share
    trials: Share


def rare(trials: Sequence[Trial], measure: Measure) -> Rare | None:
    """None of a measure that does not count orders."""
    counted = [(trial, value) for trial in trials if (value := trial.measures.get(measure.name)) is not None]
    if measure.unit != "orders" or not counted:
        return None
    accepted = sum(_accepted(trial) for trial, _ in counted)
    cases = round(sum(value for _, value in counted))
    return Rare(
        exact_share(min(cases, accepted), accepted),
        exact_share(sum(value > 0 for _, value in counted), len(counted)),
    )


def _accepted(trial: Trial) -> int:
    if trial.outcomes:
        return sum(count for outcome, count in trial.outcomes.items() if outcome != "none")
    return sum(row.outcome != "none" for row in trial.orders)
