"""What an experiment leaves behind: plain rows, so that statistics and report need nothing else. Pure.

Times in rows are seconds after the trial's first planned moment; ``None``: it never happened. A measure that a trial
cannot have (no order failed, say) is ``None``, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Placed = Literal["accepted", "refused", "unanswered"]
Outcome = Literal["fulfilled", "rolled_back", "open", "inconsistent", "none"]  # none: never accepted
ENDED_WELL: Final = ("fulfilled", "rolled_back")


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: a lane as it is set up. ``name`` is unique in the experiment (A/A: the lane twice)."""

    name: str
    lane: str
    practices: str = "hardened"  # a preset
    without: str | None = None  # one practice switched off (ablation)
    handicap: float = 0.0  # a test's own: its processes are held back, so that all takes longer by this share


@dataclass(frozen=True)
class OrderRow:
    """One planned order in one trial."""

    order_id: str
    planned_s: float
    left_s: float | None  # when the load generator sent it
    answered_s: float | None
    placed: Placed
    ended_s: float | None  # by the lane's durable timestamp
    outcome: Outcome
    total_cents: int
    anomalies: tuple[str, ...] = ()
    faults_met: int = 0  # by the recorded ground truth
    first_undo_s: float | None = None
    last_undo_s: float | None = None
    failed_s: float | None = None  # of an order that was undone: its first failure
    managed: bool = False  # it needs a manager's yes


@dataclass(frozen=True)
class Window:
    """A span of the trial. ``kind``: phase (warm-up, steady, fault, recovery, drain, quiesce), fault or machinery."""

    kind: Literal["phase", "fault", "machinery"]
    label: str
    from_s: float
    to_s: float


@dataclass(frozen=True)
class Sample:
    """One second of one trial."""

    at_s: float
    accepted: int
    finished: int
    in_flight: int
    anomalous: int  # orders whose books are wrong at this moment
    cents_at_risk: int = 0


@dataclass(frozen=True)
class WorstOrder:
    """An order worth a look, with its story as ``lab why`` tells it."""

    order_id: str
    why: str
    story: str


@dataclass(frozen=True)
class Trial:
    """One lane, one seed, fresh state. ``measures`` has the names of ``lab.experiment.measures.MEASURES``."""

    block: int
    position: int  # 0: the first of its block
    arm: str
    seed: int
    started_at: float  # epoch seconds
    measures: Mapping[str, float | None]
    anomalies: Mapping[str, int] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    orders: tuple[OrderRow, ...] = ()
    windows: tuple[Window, ...] = ()
    samples: tuple[Sample, ...] = ()
    worst: tuple[WorstOrder, ...] = ()
    load_average: float = 0.0  # of the last minute, when the trial had ended
    clean: bool = True  # by the verdict: right books, work done, and nothing undone without a cause


@dataclass(frozen=True)
class Experiment:
    """All trials of one scenario. ``manifest``: what an exact rerun needs (versions, settings, seeds, machine …)."""

    name: str
    scenario: str
    asks: str  # the scenario's question, in words
    arms: tuple[Arm, ...]
    manifest: Mapping[str, Any]
    trials: tuple[Trial, ...]
    paired: bool = True  # False: the scenario's faults belong to one lane only

    def of(self, arm: str) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if trial.arm == arm)
