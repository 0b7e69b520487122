"""An order's trail from its own events and dead letters: one entry a message, as they were stored. Plain functions."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from broker.read import Record
from choreography.broker_setup import DEAD_LETTERS, ORDERS
from choreography.cloud_events import SOURCE_PREFIX, heading_of
from choreography.dead_letters import DeadLetter
from choreography.errors import Malformed
from choreography.events import EventType
from choreography.reactions import TABLE, Reaction
from choreography.status import Story
from services.trail import OrderTrail, TrailEntry

QUERIES: Final = 2  # the order's messages in each of the two streams


def trail_of(
    lane: str, order_id: str, story: Story, records: Sequence[Record], letters: Sequence[DeadLetter]
) -> OrderTrail:
    entries = [*map(_of_event, records), *map(_of_letter, letters)]
    return OrderTrail(
        order_id=order_id,
        lane=lane,
        status=story.status(parked=any(each.needs_a_person for each in letters)),
        stores=(ORDERS, DEAD_LETTERS),
        queries=QUERIES,
        entries=tuple(sorted(entries, key=lambda entry: entry.at)),
    )


def _of_event(record: Record) -> TrailEntry:
    headers, content = record.headers, _content(record.body)
    try:
        what = str(heading_of(record.subject).type)
    except Malformed:
        what = record.subject
    source = headers.get("ce-source", "").removeprefix(SOURCE_PREFIX)
    cause = headers.get("ce-causationid")
    row = _row(what, source, _type_in(cause))
    operation = content.get("operation") or (str(row.operation) if row and row.operation else None)
    error, detail = content.get("error"), content.get("detail")
    return TrailEntry(
        at=record.at,
        what=what,
        store=ORDERS,
        step=f"{row.on} → {operation or row.done}" if row else None,
        service=source or None,
        operation=operation,
        attempt=content.get("attempt"),
        input=content.get("order"),
        output={"result": content.get("result"), **detail} if isinstance(detail, dict) else _rest(content),
        error=f"{error}: {content['cause']}" if error and content.get("cause") else error,
        cause=cause,
        id=headers.get("ce-id"),
    )


def _of_letter(letter: DeadLetter) -> TrailEntry:
    return TrailEntry(
        at=letter.at,
        what=f"DeadLetter ({letter.state})",
        store=DEAD_LETTERS,
        step=letter.subject.split(".", 2)[-1],
        service=letter.consumer,
        attempt=letter.attempts,
        input=_content(letter.body).get("order"),
        error=f"{letter.reason}: {letter.cause}",
        cause=letter.headers.get("ce-id"),
        id=str(letter.sequence),
    )


def _row(what: str, source: str, cause: str | None) -> Reaction | None:
    """The row of the table that told this event."""
    rows: Iterable[Reaction] = (row for row in TABLE if row.service == source and (cause is None or row.on == cause))
    if what == EventType.ATTEMPT_FAILED:
        return next((row for row in rows if row.operation is not None), None)
    return next((row for row in rows if what in (row.done, row.failed)), None)


def _type_in(event_id: str | None) -> str | None:
    parts = (event_id or "").split(":")
    return parts[1] if len(parts) > 1 else None


def _rest(content: dict[str, Any]) -> dict[str, Any] | None:
    known = {"version", "order", "order_id", "operation", "attempt", "error", "cause", "result", "detail"}
    return {name: value for name, value in content.items() if name not in known} or None


def _content(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}
