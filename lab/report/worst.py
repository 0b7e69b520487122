"""The worst orders, each with what every arm tells of it, side by side. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.experiment.records import Experiment, OrderRow, Trial

AT_MOST: Final = 6


@dataclass(frozen=True)
class Telling:
    """One arm's account of an order. ``facts``: from the ground truth and the durable timestamps."""

    arm: str
    why: str
    facts: str
    story: str | None


@dataclass(frozen=True)
class SideBySide:
    """One order in one block, in each arm."""

    order_id: str
    block: int
    tellings: tuple[Telling, ...]


def worst_orders(experiment: Experiment, at_most: int = AT_MOST) -> tuple[SideBySide, ...]:
    """Arms take turns in naming one, the earliest blocks first, so that no arm's orders fill the page."""
    named = [list(_named(experiment.of(arm.name))) for arm in experiment.arms]
    turns = [names[turn] for turn in range(max(map(len, named), default=0)) for names in named if turn < len(names)]
    chosen = list(dict.fromkeys(turns))[:at_most]
    return tuple(SideBySide(order_id, block, _tellings(experiment, block, order_id)) for block, order_id in chosen)


def _named(trials: Sequence[Trial]) -> list[tuple[int, str]]:
    """The worst of each trial before the second worst of any."""
    ranked = [(place, trial.block, each.order_id) for trial in trials for place, each in enumerate(trial.worst)]
    return [(block, order_id) for _, block, order_id in sorted(ranked)]


def _tellings(experiment: Experiment, block: int, order_id: str) -> tuple[Telling, ...]:
    by_arm = {trial.arm: trial for trial in experiment.trials if trial.block == block}
    return tuple(_telling(by_arm[arm.name], order_id) for arm in experiment.arms if arm.name in by_arm)


def _telling(trial: Trial, order_id: str) -> Telling:
    worst = next((each for each in trial.worst if each.order_id == order_id), None)
    row = next((each for each in trial.orders if each.order_id == order_id), None)
    return Telling(
        arm=trial.arm,
        why="" if worst is None else worst.why,
        facts="not among the orders of this trial" if row is None else _facts(row),
        story=None if worst is None else worst.story,
    )


def _facts(row: OrderRow) -> str:
    took = "no end" if row.ended_s is None else f"ended {row.ended_s - row.planned_s:.3f} s after its planned moment"
    faults = f"{row.faults_met} {'fault' if row.faults_met == 1 else 'faults'} met"
    wrong = f"; {', '.join(row.anomalies)}" if row.anomalies else ""
    return f"{row.outcome.replace('_', ' ')}; {took}; {faults}{wrong}"
