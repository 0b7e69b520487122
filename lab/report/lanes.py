"""How a lane looks, wherever it is drawn: report, dashboards, console. Pure data; knows nothing of plots or pages.

Each colour has at least 3 : 1 against white and against the dark page. In grey the two are alike, on purpose: neither
stands out, and stroke, marker and hatch tell them apart. The second arm of one lane keeps the lane's colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Final

from lab.experiment.records import Arm


@dataclass(frozen=True)
class Look:
    """``dash``: stroke and gap in points, empty for a solid line. ``marker``, ``hatch``: Matplotlib's names."""

    colour: str
    dash: tuple[float, ...]
    marker: str
    hatch: str
    filled: bool = True

    @property
    def svg_dash(self) -> str:
        """As SVG's ``stroke-dasharray``."""
        return " ".join(f"{length:g}" for length in self.dash) or "none"


LANES: Final = {
    "orchestration": Look("#3d7fc1", (), "o", ""),
    "choreography": Look("#c0691f", (5.0, 2.0), "s", "///"),
}
# Lanes to come, in the order in which they appear.
_OTHERS: Final = (
    Look("#7d6bb3", (1.0, 1.5), "^", "..."),
    Look("#2f8f83", (7.0, 2.0, 1.0, 2.0), "D", "xxx"),
    Look("#80807c", (9.0, 3.0), "v", "\\\\\\"),
)
# Further arms of one lane: the same colour, another stroke and marker.
_VARIANTS: Final = (
    ((3.0, 1.2), "X"),
    ((8.0, 1.5, 1.5, 1.5), "P"),
    ((1.0, 1.0), "D"),
    ((6.0, 1.0, 1.0, 1.0, 1.0, 1.0), "v"),
    ((2.0, 3.0), "^"),
)


def look_of(lane: str) -> Look:
    """A lane's look by its name alone."""
    return LANES.get(lane) or _OTHERS[sum(lane.encode()) % len(_OTHERS)]


def looks(arms: Sequence[Arm]) -> dict[str, Look]:
    """A look for each arm, by its name; two arms of one lane differ in stroke, marker and filling."""
    found: dict[str, Look] = {}
    drawn: set[str] = set()
    variants = cycle(_VARIANTS)
    for arm in arms:
        look = look_of(arm.lane)
        if arm.lane in drawn:
            dash, marker = next(variants)
            look = replace(look, dash=dash, marker=marker, filled=False)
        drawn.add(arm.lane)
        found[arm.name] = look
    return found
