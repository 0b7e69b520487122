"""A trial in phases: warm-up, steady, fault, recovery, drain, quiesce, audit. Pure; times in seconds after the start.

The fault phase lasts from the first thing that was done to the last thing that was over. A kill is over at once: the
start after it is the lane's own recovery. Faults that are in force all through a trial make no phase: they are its
weather. Recovery is what is left of the load after the fault phase.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.experiment.records import Window

AT_ONCE: Final = ("kill ", "restart ")


@dataclass(frozen=True)
class Moments:
    """When the load ended, the last order ended, the lane came to rest, and the judging was over."""

    load_ended_s: float
    drained_s: float
    rested_s: float
    audited_s: float


@dataclass(frozen=True)
class Phases:
    warm_up_s: float
    steady_to_s: float
    disturbed: tuple[float, float] | None  # the fault phase
    moments: Moments

    @property
    def cleared_s(self) -> float | None:
        """When the last fault was over, where there was one."""
        return self.disturbed[1] if self.disturbed is not None else None

    def windows(self) -> tuple[Window, ...]:
        ends = self.moments
        spans = [("warm-up", 0.0, self.warm_up_s), ("steady", self.warm_up_s, self.steady_to_s)]
        if self.disturbed is not None:
            spans.append(("fault", *self.disturbed))
            spans.append(("recovery", self.disturbed[1], ends.load_ended_s))
        drain_from = max(ends.load_ended_s, self.cleared_s or 0.0)
        spans.append(("drain", drain_from, ends.drained_s))
        spans.append(("quiesce", max(drain_from, ends.drained_s), ends.rested_s))
        spans.append(("audit", ends.rested_s, ends.audited_s))
        return tuple(Window("phase", label, begin, end) for label, begin, end in spans if end > begin)


def phases_of(warm_up_s: float, done: Sequence[Window], moments: Moments) -> Phases:
    """``done``: what was done to the lane (faults and machinery) in this trial."""
    warm_up_s = min(warm_up_s, moments.load_ended_s)
    if not done:
        return Phases(warm_up_s, moments.load_ended_s, None, moments)
    begins, ends = min(each.from_s for each in done), max(map(_over_s, done))
    return Phases(warm_up_s, max(warm_up_s, min(begins, moments.load_ended_s)), (begins, ends), moments)


def _over_s(done: Window) -> float:
    """When the lab had stopped hurting the lane."""
    return done.from_s if done.kind == "machinery" and done.label.startswith(AT_ONCE) else done.to_s
