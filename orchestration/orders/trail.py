"""From an execution's records to what can be told about its order. Pure."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from broker.read import Record
from orchestration.asl.protocol import HistoryEvent
from orchestration.errors import Unreadable
from orchestration.orders.order_story import operation_of, status_of
from orchestration.rfc3339 import rfc3339
from orchestration.runtime import records
from orchestration.visibility.story import CALLBACK, resource_of
from services.trail import OrderTrail, TrailEntry

STARTED: Final = "ExecutionStarted"


def trail_of(lane: str, order_id: str, found: Sequence[Record], queries: int) -> OrderTrail | None:
    """``found``: the start and the appends, in order. None without a start: there is no such order."""
    if not found or not found[0].subject.startswith(f"{records.START}."):
        return None
    start, *appended = found
    entries = [_started(start)]
    last: records.Append | None = None
    steps = _Steps()
    for record in appended:
        last = records.decode_append(record.body)
        for event in last.events:
            entry = steps.entry(event, f"{record.stream}:{record.sequence}")
            if entry is not None:
                entries.append(entry)
    return OrderTrail(
        order_id=order_id,
        lane=lane,
        status=status_of(last),
        stores=(records.STREAM,),
        queries=queries,
        entries=tuple(entries),
    )


def _started(start: Record) -> TrailEntry:
    """The start is told by its own record, at the instant when it became durable."""
    return TrailEntry(
        at=start.at,
        what=STARTED,
        store=records.STREAM,
        input=_input(start),
        id=f"{start.stream}:{start.sequence}",
    )


def _input(start: Record) -> Any:
    try:
        return records.decode_start(start.body).input
    except Unreadable:
        return None  # what the conductors set apart: there is no more to tell


class _Steps:
    """Follows the events' ``previous`` links: which state an event belongs to, and which attempt it tells of."""

    def __init__(self) -> None:
        self._step: dict[int, str] = {}
        self._resource: dict[int, str] = {}
        self._attempt: dict[int, int] = {}

    def entry(self, event: HistoryEvent, record_id: str) -> TrailEntry | None:
        number, previous, type_, details = event.id, event.previous, event.type, event.details
        if type_ == STARTED:
            return None  # told already, by the start's own record
        entered = type_.endswith("StateEntered")
        step = details.get("name") if entered or type_.endswith("StateExited") else self._step.get(previous)
        attempt = 0 if entered else self._attempt.get(previous, 0)
        attempt += type_.endswith("Scheduled")
        resource = resource_of(details) or ("" if entered else self._resource.get(previous, ""))
        self._step[number], self._attempt[number], self._resource[number] = step or "", attempt, resource
        service, operation = operation_of(resource) or (None, None)
        return TrailEntry(
            at=rfc3339(event.at),
            what=type_,
            store=records.STREAM,
            step=step or None,
            service=service,
            operation=operation,
            attempt=attempt or None,
            input=_without_token(resource, _parsed(details.get("parameters", details.get("input")))),
            output=_parsed(details.get("output")),
            error=details.get("error"),
            cause=details.get("cause"),
            id=f"{record_id}:{number}",
        )


def _without_token(resource: str, given: Any) -> Any:
    """A trail may be read by whoever knows the order's id; a token is for the one who decides."""
    if resource.endswith(CALLBACK) and isinstance(given, dict):
        return {name: value for name, value in given.items() if name != "token"}
    return given


def _parsed(text: Any) -> Any:
    """Payloads are JSON in strings, as in AWS's histories."""
    if not isinstance(text, str):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
