"""What a check found, and the words that several checks share. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from lab.workshop.evidence import SeenLab, SeenLane, SeenOrder

NO_ORDERS: Final = "no order yet"


@dataclass(frozen=True)
class Finding:
    """``seen``: what was found, or stood in its place, in lines. ``advice``: what to do where not met."""

    met: bool
    looked_for: str
    seen: tuple[str, ...]
    advice: str


Check = Callable[[SeenLab], Finding]


@dataclass(frozen=True)
class InLane:
    """What was found in one lane."""

    met: bool
    seen: str


def first_order(lane: SeenLane, tell: Callable[[SeenOrder], str | None], what: str) -> InLane:
    """The newest order that has something to tell."""
    for order in lane.orders:
        told = tell(order)
        if told is not None:
            return InLane(True, f"{lane.lane}: {order.order_id}: {told}")
    looked_at = f"looked at {len(lane.orders)}, the newest {lane.orders[0].order_id}" if lane.orders else NO_ORDERS
    return InLane(False, f"{lane.lane}: {what}: none ({looked_at})")


def together(found: Iterable[InLane], looked_for: str, advice: str) -> Finding:
    """Met where it is in each lane."""
    lanes = tuple(found)
    return Finding(all(each.met for each in lanes), looked_for, tuple(each.seen for each in lanes), advice)
