"""How busy the processors were with what is no part of a trial: the check that the machine was quiet while it ran."""

import contextlib
import time
from dataclasses import dataclass
from typing import Final, Self

import psutil

IDLE: Final = ("idle", "iowait", "guest", "guest_nice")  # guests are counted in user and nice already


@dataclass(frozen=True)
class Spent:
    """Processor seconds so far: of the whole machine, and of this process with all below it, the ended ones too."""

    at_s: float
    all_s: float
    ours_s: float

    @classmethod
    def now(cls) -> Self:
        told = psutil.cpu_times()._asdict()
        return cls(time.monotonic(), sum(told.values()) - sum(told.get(name, 0.0) for name in IDLE), _tree_s())


def others_share(before: Spent, after: Spent, processors: int) -> float:
    """Of all processors, from one moment to the other."""
    others_s = (after.all_s - before.all_s) - (after.ours_s - before.ours_s)
    return max(0.0, others_s) / ((after.at_s - before.at_s) * processors)


def _tree_s() -> float:
    own = psutil.Process()
    total = 0.0
    for each in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended just now, and its parent has its seconds
            total += sum(each.cpu_times()[:4])
    return total
