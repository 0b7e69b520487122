"""Does the instrument hold? An arm against itself must show nothing, and one slowed on purpose must be found. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.statistics.verdict import Verdict
from lab.statistics.wording import sentence

SLOWED: Final = "latency_p50_s"


@dataclass(frozen=True)
class Check:
    """``told``: in words, what was found."""

    holds: bool
    told: str


def against_itself(found: Sequence[Verdict]) -> Check:
    """Of an A/A experiment."""
    wrong = [each for each in found if each.status == "different"]
    compared = sum(each.p_adjusted is not None for each in found)
    if not compared:
        return Check(False, "nothing could be compared")
    least = min(each.p_adjusted for each in found if each.p_adjusted is not None)
    if wrong:
        return Check(False, "; ".join(f"{each.measure.name}: {sentence(each)}" for each in wrong))
    return Check(True, f"no difference in {compared} measures, smallest adjusted p {least:.3f}")


def slowed(found: Sequence[Verdict], arm: str) -> Check:
    """Whether ``arm``, which is slower, was found so."""
    verdict = next(each for each in found if each.measure.name == SLOWED)
    right = verdict.status == "different" and verdict.better not in (None, arm)
    return Check(right, f"{SLOWED}: {sentence(verdict)}")
