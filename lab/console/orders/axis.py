"""All lanes of one order on one time axis, as a drawing. Pure.

Steps take milliseconds and waits take seconds, so long gaps are drawn shorter than they are, the same for every lane;
the marks on the axis tell the real seconds.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from lab.console.orders.moments import Moment
from lab.console.svg import Markup, drawing, tag

WIDTH: Final = 1200.0
LEFT: Final = 130.0
RIGHT: Final = 30.0
TOP: Final = 34.0
ROW: Final = 92.0
STACK: Final = 3  # marks that fall together are set below each other
MARK_ROOM: Final = 17.0
TICK_ROOM: Final = 74.0
UNIT_S: Final = 0.01  # gaps far above this are shortened


def places(instants: Sequence[float]) -> list[float]:
    """For instants in order, where they stand between 0 and 1; equal ones stand together, and none out of order."""
    if not instants:
        return []
    sums = [0.0]
    for before, after in pairwise(instants):
        sums.append(sums[-1] + math.log1p((after - before) / UNIT_S))
    return [each / sums[-1] if sums[-1] > 0 else 0.0 for each in sums]


def axis(lanes: Sequence[str], moments: Sequence[Moment], name: str) -> Markup:
    """``moments`` of all lanes, in order of time."""
    shown = [moment for moment in moments if not moment.minor]
    instants = [moment.at for moment in shown]
    xs = [LEFT + place * (WIDTH - LEFT - RIGHT) for place in places(instants)]
    height = TOP + ROW * len(lanes) + 6
    parts = _ticks(instants, xs, height)
    for number, lane in enumerate(lanes):
        y = TOP + ROW * number
        parts += _lane(lane, y, [(x, moment) for x, moment in zip(xs, shown, strict=True) if moment.lane == lane])
    return drawing(WIDTH, height, name, parts)


def _ticks(instants: Sequence[float], xs: Sequence[float], height: float) -> list[Markup]:
    parts: list[Markup] = []
    last = -TICK_ROOM
    for at, x in zip(instants, xs, strict=True):
        if x - last < TICK_ROOM:
            continue
        last = x
        parts.append(tag("line", x1=x, x2=x, y1=TOP - 8, y2=height - 6, stroke="var(--line)", stroke_width=0.5))
        parts.append(tag("text", seconds(at - instants[0]), x=x, y=16, text_anchor="middle", class_="quiet"))
    return parts


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def _lane(lane: str, y: float, found: Sequence[tuple[float, Moment]]) -> list[Markup]:
    parts = [
        tag("text", lane, x=4, y=y + 20, class_=f"lane-{lane}", font_weight=700),
        tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y + 14, y2=y + 14, stroke="var(--line)"),
    ]
    taken: list[float] = []
    for x, moment in found:
        near = sum(1 for other in taken if abs(other - x) < MARK_ROOM)
        taken.append(x)
        parts.append(_mark(x, y + 18 + MARK_ROOM * min(near, STACK), moment))
    return parts


def _mark(x: float, y: float, moment: Moment) -> Markup:
    return tag(
        "text",
        moment.shape,
        tag("title", moment.headline),
        x=round(x, 1),
        y=y,
        text_anchor="middle",
        class_=f"mark mark-{moment.tone}",
    )
