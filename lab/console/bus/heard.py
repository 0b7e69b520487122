"""One stored message as a line, and which lines a person wants to see. Pure.

A message that is no event of ours is shown all the same, as what it is.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from broker.read import Record
from choreography.cloud_events import SOURCE_PREFIX
from choreography.events import EventType

UNKNOWN: Final = "(unknown)"
UNDOING: Final = frozenset({EventType.LABEL_VOIDED, EventType.INVENTORY_RELEASED, EventType.PAYMENT_REFUNDED})
FAILING: Final = frozenset(
    {
        EventType.PAYMENT_DECLINED,
        EventType.INVENTORY_REJECTED,
        EventType.SHIPPING_FAILED,
        EventType.APPROVAL_REJECTED,
        EventType.ORDER_EXPIRED,
        EventType.ATTEMPT_FAILED,
    }
)


@dataclass(frozen=True)
class Heard:
    """``cause`` is the id of the event that caused this one; ``error`` what the body says went wrong."""

    sequence: int
    at: str
    type: str
    order_id: str
    source: str
    id: str
    cause: str | None
    error: str
    subject: str
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """In a word, so that colour is never the only sign."""
        if self.type in UNDOING:
            return "undo"
        return "failure" if self.type in FAILING else "step"

    def content(self) -> Any:
        """The body as JSON, or as text where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body.decode(errors="replace")


def heard(record: Record) -> Heard:
    tokens = record.subject.split(".")
    content = _object(record.body)
    return Heard(
        sequence=record.sequence,
        at=record.at,
        type=tokens[2] if len(tokens) > 2 else UNKNOWN,
        order_id=tokens[1] if len(tokens) > 1 else UNKNOWN,
        source=record.headers.get("ce-source", "").removeprefix(SOURCE_PREFIX) or UNKNOWN,
        id=record.headers.get("ce-id", f"#{record.sequence}"),
        cause=record.headers.get("ce-causationid"),
        error=str(content.get("error") or ""),
        subject=record.subject,
        headers=record.headers,
        body=record.body,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class Wanted:
    """Empty: all. ``order`` is the beginning of an order's id."""

    type: str = ""
    order: str = ""
    source: str = ""

    def fits(self, event: Heard) -> bool:
        return (
            self.type in ("", event.type)
            and self.source in ("", event.source)
            and event.order_id.startswith(self.order.strip())
        )


@dataclass(frozen=True)
class Branch:
    """An event with all that it caused, in the order of the stream."""

    event: Heard
    caused: tuple["Branch", ...]


def causation(events: Iterable[Heard]) -> tuple[Branch, ...]:
    """One order's events as trees: roots are what nothing among them caused. Every event is in it once."""
    ordered = sorted(events, key=lambda event: event.sequence)
    first: dict[str, int] = {}
    for event in ordered:
        first.setdefault(event.id, event.sequence)
    below: dict[int, list[Heard]] = {}
    roots: list[Heard] = []
    for event in ordered:
        cause = first.get(event.cause or "")
        if cause is None or cause >= event.sequence:  # a circle is nobody's cause
            roots.append(event)
        else:
            below.setdefault(cause, []).append(event)

    def branch(event: Heard) -> Branch:
        return Branch(event, tuple(map(branch, below.get(event.sequence, ()))))

    return tuple(map(branch, roots))
