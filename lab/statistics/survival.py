"""How long orders stay without an outcome, the unfinished kept as censored: Kaplan–Meier over all trials of an arm.

Orders of one trial are not independent, so the band comes from resampling whole trials, not from Greenwood's formula.
Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lab.experiment.records import OrderRow, Trial
from lab.statistics.resampling import Floats, draws

BAND_DRAWS: Final = 1000
_ENDED: Final = ("fulfilled", "rolled_back")


@dataclass(frozen=True)
class Lifetimes:
    """Of one trial's accepted orders: seconds from the planned moment to the outcome, or to the horizon."""

    seconds: Floats
    ended: Floats  # 1 or 0


@dataclass(frozen=True)
class Survival:
    """``open``: share still without an outcome after ``at_s``, with its 95 % band."""

    at_s: Floats
    open: Floats
    low: Floats
    high: Floats
    orders: int
    censored: int
    trials: int

    def median_s(self) -> float | None:
        """None: half of the orders had no outcome by the horizon."""
        below = np.flatnonzero(self.open <= 0.5)
        return float(self.at_s[below[0]]) if len(below) else None


def lifetimes(trial: Trial) -> Lifetimes:
    """An accepted order with wrong books has no outcome: it counts as open until the trial's end, like a stuck one."""
    horizon = horizon_s(trial)
    rows = [row for row in trial.orders if row.outcome != "none"]
    return Lifetimes(
        np.array([_ended_s(row, horizon) - row.planned_s for row in rows], dtype=np.float64),
        np.array([_has_outcome(row) for row in rows], dtype=np.float64),
    )


def horizon_s(trial: Trial) -> float:
    """Until when the trial was watched."""
    return max(
        [
            *(window.to_s for window in trial.windows),
            *(sample.at_s for sample in trial.samples),
            *(row.planned_s if row.ended_s is None else row.ended_s for row in trial.orders),
        ],
        default=0.0,
    )


def _has_outcome(row: OrderRow) -> bool:
    return row.ended_s is not None and row.outcome in _ENDED


def _ended_s(row: OrderRow, horizon: float) -> float:
    return row.ended_s if row.ended_s is not None and _has_outcome(row) else horizon


def survival(trials: Sequence[Lifetimes], points: int = 400) -> Survival | None:
    """None where no order was accepted. At most ``points`` moments: half by rank, half evenly apart."""
    told = [trial for trial in trials if len(trial.seconds)]
    if not told:
        return None
    everything = np.concatenate([trial.seconds for trial in told])
    edges = _moments(everything, points)
    ends = np.array([_counted(trial.seconds[trial.ended > 0], edges) for trial in told])
    leaves = np.array([_counted(trial.seconds, edges) for trial in told])
    at_risk = np.array([len(trial.seconds) for trial in told])[:, None] - np.cumsum(leaves, axis=1) + leaves
    low, high = _band(ends, at_risk)
    return Survival(
        at_s=edges,
        open=_product_limit(np.ones((1, len(told))), ends, at_risk)[0],
        low=low,
        high=high,
        orders=len(everything),
        censored=int(sum(len(trial.ended) - trial.ended.sum() for trial in told)),
        trials=len(told),
    )


def _moments(seconds: Floats, points: int) -> Floats:
    distinct = np.unique(seconds)
    if len(distinct) <= points:
        return distinct
    by_rank = np.quantile(distinct, np.linspace(0, 1, points // 2), method="higher")
    by_time = distinct[np.searchsorted(distinct, np.linspace(distinct[0], distinct[-1], points // 2))]
    return np.unique(np.concatenate([by_rank, by_time]))


def _counted(seconds: Floats, edges: Floats) -> Floats:
    """How many fall after the previous edge, up to and including each edge."""
    ordered = np.sort(seconds)
    return np.diff(np.searchsorted(ordered, edges, side="right"), prepend=0).astype(np.float64)


def _product_limit(weights: Floats, ends: Floats, at_risk: Floats) -> Floats:
    ended, risked = weights @ ends, weights @ at_risk
    left: Floats = np.cumprod(1 - np.divide(ended, risked, out=np.zeros_like(ended), where=risked > 0), axis=1)
    return left


def _band(ends: Floats, at_risk: Floats) -> tuple[Floats, Floats]:
    if len(ends) < 2:
        nothing = np.full(ends.shape[1], np.nan)
        return nothing, nothing
    drawn = _product_limit(draws(len(ends), BAND_DRAWS).bootstrap * len(ends), ends, at_risk)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return low, high
