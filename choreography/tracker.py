"""The read model of this lane: the status of every order, made from the events alone and rebuilt at every start.

Nobody needs it to fulfil an order: switched off, one order can still be read from its own events.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator
from operator import itemgetter

from choreography.clock import text_of
from choreography.status import Story, Told
from services import metrics
from services.front_door import Outcome
from services.trail import ENDED, OrderStatus, OrderView


class Tracker:
    """Feed it events in the order of the stream. ``lane`` only names it; ``counting`` False: no metrics."""

    def __init__(self, lane: str, *, counting: bool = True) -> None:
        self._lane = lane
        self._counting = counting
        self._in_flight = metrics.orders_in_flight.labels(lane) if counting else None
        self._stories: dict[str, Story] = {}
        self._ends: list[tuple[int, str, OrderStatus, float, float]] = []  # in order of ending
        self._waiting: dict[str, float] = {}  # order id -> since
        self._open = 0
        if counting:
            metrics.expect_orders(lane)

    def hear(self, event: Told, news: bool = True) -> None:
        story = self._stories.get(event.order_id)
        if story is None:
            story = self._stories[event.order_id] = Story()
        before, accepted_before = story.status(), story.accepted_at
        story.hear(event)
        after = story.status()
        if after is OrderStatus.WAITING_FOR_APPROVAL:
            self._waiting.setdefault(event.order_id, event.at)
        elif before is OrderStatus.WAITING_FOR_APPROVAL:
            self._waiting.pop(event.order_id, None)
        open_before = self._open
        if accepted_before is None and story.accepted_at is not None:
            self._open += 1
        if before not in ENDED and after in ENDED and story.accepted_at is not None:
            self._end(event, story, after, news)
        if self._in_flight is not None and self._open != open_before:
            self._in_flight.set(self._open)

    def _end(self, event: Told, story: Story, status: OrderStatus, news: bool) -> None:
        assert story.accepted_at is not None
        self._open -= 1
        self._ends.append((event.sequence, event.order_id, status, story.accepted_at, event.at))
        if news and self._counting:  # what an earlier life saw end, it has counted
            metrics.orders_finished.labels(self._lane, status).inc()
            metrics.order_seconds.labels(self._lane, status).observe(event.at - story.accepted_at)

    def orders(self, status: OrderStatus | None, limit: int, parked: Collection[str] = ()) -> list[OrderView]:
        """Newest first; ``parked`` names the orders with a dead letter that needs a person."""
        found: list[OrderView] = []
        for order_id, story in self._newest_first():
            if len(found) >= limit:
                break
            view = view_of(self._lane, order_id, story, parked=order_id in parked)
            if view is not None and status in (None, view.status):
                found.append(view)
        return found

    def outcomes(self, after: int, limit: int) -> list[Outcome]:
        first = bisect_right(self._ends, after, key=itemgetter(0))
        return [
            Outcome(cursor, order_id, status, text_of(accepted_at), text_of(finished_at))
            for cursor, order_id, status, accepted_at, finished_at in self._ends[first : first + limit]
        ]

    def waiting(self) -> list[tuple[str, int, float]]:
        """Orders that wait for a manager: id, total in cents, since when."""
        return [(order_id, self._stories[order_id].total_cents, since) for order_id, since in self._waiting.items()]

    def _newest_first(self) -> Iterator[tuple[str, Story]]:
        return reversed(self._stories.items())


def view_of(lane: str, order_id: str, story: Story, *, parked: bool = False) -> OrderView | None:
    """None for an order that was never placed."""
    if story.accepted_at is None:
        return None
    return OrderView(
        order_id=order_id,
        lane=lane,
        status=story.status(parked=parked),
        reason=story.reason,
        accepted_at=text_of(story.accepted_at),
        finished_at=None if story.finished_at is None else text_of(story.finished_at),
    )
