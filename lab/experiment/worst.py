"""Which orders of a trial are worth a look, and their stories as text, told by the lane while it is still there."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from lab.collect import LaneReader
from lab.experiment.records import OrderRow, WorstOrder
from lab.story import stores_that_told, tell
from services.trail import OrderTrail

EACH: Final = 2
WIDTH: Final = 120


def worth_a_look(rows: Sequence[OrderRow], also: Collection[str] = ()) -> dict[str, str]:
    """Order id → why. ``also``: orders that another arm of the block showed, so that two stories stand side by side.

    Of the faults that were met, the most: by the same dice, the same orders in every arm.
    """
    accepted = [row for row in rows if row.placed == "accepted"]
    wrong = sorted((row for row in accepted if row.anomalies), key=lambda row: (-row.total_cents, row.order_id))
    unfinished = [row for row in accepted if row.ended_s is None]
    hit = sorted((row for row in accepted if row.faults_met), key=lambda row: (-row.faults_met, row.order_id))
    slow = sorted(
        (row for row in accepted if row.ended_s is not None),
        key=lambda row: -((row.ended_s or 0.0) - row.planned_s),
    )
    kinds: tuple[tuple[list[OrderRow], Callable[[OrderRow], str]], ...] = (
        (wrong, lambda row: ", ".join(row.anomalies)),
        (unfinished, lambda _: "no end at the horizon"),
        (hit, lambda row: f"met {row.faults_met} faults"),
        (slow, lambda row: f"took {(row.ended_s or 0.0) - row.planned_s:.1f} s"),
    )
    chosen: dict[str, str] = {}
    for found, why in kinds:
        for row in found[:EACH]:
            chosen.setdefault(row.order_id, why(row))
    known = {row.order_id for row in accepted}
    for order_id in also:
        if order_id in known:
            chosen.setdefault(order_id, "the same order in this arm")
    return chosen


async def told(reader: LaneReader, chosen: Mapping[str, str]) -> tuple[WorstOrder, ...]:
    trails = await reader.trails(chosen)
    return tuple(WorstOrder(order_id, why, _text(trails.get(order_id))) for order_id, why in chosen.items())


def _text(content: Mapping[str, Any] | None) -> str:
    if content is None:
        return "the lane knows no such order"
    trail = OrderTrail.model_validate(content)
    return "\n".join([f"{trail.order_id} is {trail.status}", *_lines(trail)])


def _lines(trail: OrderTrail) -> Iterable[str]:
    for entry in tell(trail, width=WIDTH):
        yield f"{entry.after_s:8.3f} s {'✗' if entry.bad else '·'} {entry.headline} — {entry.store}"
        for word, text in entry.facts:
            yield f"{'':13}{word + ':':<8} {text}"
    yield f"told by {', '.join(stores_that_told(trail))}; {trail.queries} queries"
