"""Where an order stands, read from its events alone: a plain fold, the same in whatever order they are heard.

Nobody in this lane decides that an order has ended; its end is only what its events say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from choreography.cloud_events import heading_of
from choreography.events import EventType
from choreography.reactions import STARTS_UNDOING
from services.trail import ENDED, OrderStatus

# Events with a word on why the order does not go on.
_WITH_REASON = frozenset(
    {
        EventType.PAYMENT_DECLINED,
        EventType.INVENTORY_REJECTED,
        EventType.SHIPPING_FAILED,
        EventType.APPROVAL_REJECTED,
        EventType.ORDER_EXPIRED,
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """One stored message, as far as a read model needs it. ``at``: when the broker stored it (epoch seconds)."""

    order_id: str
    type: EventType
    sequence: int
    at: float
    reason: str | None = None
    gave_up: bool = False
    total_cents: int = 0  # of an order that needs approval
    replay: bool = False  # an event told before, for one service that failed on it: news, but no progress


def told(subject: str, body: bytes, sequence: int, at: float) -> Told:
    """Raises ``Malformed`` for a subject that is none of ours; looks into the body only where it must."""
    heading = heading_of(subject)
    type_, order_id = heading.type, heading.order_id
    if heading.replay_for is not None:
        return Told(order_id, type_, sequence, at, replay=True)
    if type_ in _WITH_REASON:
        reason, gave_up = _reason(type_, _content(body))
        return Told(order_id, type_, sequence, at, reason, gave_up)
    if type_ is EventType.APPROVAL_REQUESTED:
        order = _content(body).get("order")
        total_cents = order.get("total_cents") if isinstance(order, dict) else None
        return Told(order_id, type_, sequence, at, total_cents=total_cents if isinstance(total_cents, int) else 0)
    return Told(order_id, type_, sequence, at)


def _content(body: bytes) -> dict[str, Any]:
    """A body that cannot be read says nothing; whoever must act on it parks it."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def _reason(type_: EventType, content: dict[str, Any]) -> tuple[str, bool]:
    match type_:
        case EventType.APPROVAL_REJECTED:
            return f"approval rejected {content.get('comment') or ''}".strip(), False
        case EventType.ORDER_EXPIRED:
            return f"no news after {content.get('last_event')}", False
        case _:
            cause = content.get("cause")
            error = str(content.get("error"))
            return f"{error}: {cause}" if cause else error, bool(content.get("gave_up"))


@dataclass(slots=True)
class Story:
    """An order's events so far, heard one by one."""

    types: frozenset[EventType] = frozenset()
    gave_up: bool = False  # the charge failed technically: not an end but the start of undoing
    reason: str | None = None
    accepted_at: float | None = None
    finished_at: float | None = None
    total_cents: int = 0
    last_sequence: int = 0
    last_type: EventType | None = None

    def hear(self, event: Told) -> None:
        ended = self.status() in ENDED
        self.last_sequence = max(self.last_sequence, event.sequence)
        if event.type is EventType.ATTEMPT_FAILED or event.replay:
            return
        self.types = _with(self.types, event.type)
        self.last_type = event.type
        if event.type is EventType.ORDER_PLACED and self.accepted_at is None:
            self.accepted_at = event.at
        if event.type is EventType.PAYMENT_DECLINED:
            self.gave_up |= event.gave_up
        if self.reason is None:
            self.reason = event.reason
        self.total_cents = event.total_cents or self.total_cents
        if not ended and self.status() in ENDED:
            self.finished_at = event.at

    def status(self, *, parked: bool = False) -> OrderStatus:
        return status_of(self.types, gave_up=self.gave_up, parked=parked)


def story_of(events: Iterable[Told]) -> Story:
    story = Story()
    for event in events:
        story.hear(event)
    return story


@lru_cache(maxsize=4096)
def _with(types: frozenset[EventType], type_: EventType) -> frozenset[EventType]:
    """Few sets ever occur: orders share them."""
    return types | {type_}


@lru_cache(maxsize=4096)
def status_of(seen: frozenset[EventType], *, gave_up: bool = False, parked: bool = False) -> OrderStatus:
    """``gave_up``: a PaymentDeclined among them was technical. ``parked``: an undo step waits for a person."""
    if EventType.PAYMENT_REFUNDED in seen or (EventType.PAYMENT_DECLINED in seen and not gave_up):
        return OrderStatus.ROLLED_BACK
    if gave_up or seen & STARTS_UNDOING:
        return OrderStatus.PARKED if parked else OrderStatus.UNDOING
    if EventType.LABEL_PRINTED in seen:
        return OrderStatus.FULFILLED
    if EventType.APPROVAL_REQUESTED in seen and EventType.APPROVAL_GRANTED not in seen:
        return OrderStatus.WAITING_FOR_APPROVAL
    return OrderStatus.IN_PROGRESS
