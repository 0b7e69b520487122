"""An execution's history event by event, as AWS's API tells it; read only while somebody looks."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from nicegui import ui

from lab.console.components import pretty
from lab.console.conductor import Conductor

MAX_SHOWN: Final = 1_000


class EventsView:
    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._wanted = False
        self._arn = ""
        self._told_for = ""
        self._count = 0
        self._says = ui.label().classes("quiet").props('role="status"')
        self._list = ui.element("div").classes("fields")

    def wanted(self, wanted: bool) -> None:
        self._wanted = wanted

    async def refresh(self, arn: str, status: str) -> None:
        """What is new is added at the end."""
        self._arn = arn
        if not self._wanted or (self._told_for == status != "RUNNING"):
            return
        events = await self._all()
        with self._list:
            for event in events[self._count :]:
                _event(event)
        self._count = len(events)
        self._told_for = status
        self._says.set_text(f"{len(events)} events" + (", the first of more" if len(events) >= MAX_SHOWN else ""))

    async def _all(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        token: str | None = None
        while len(events) < MAX_SHOWN:
            page = await self._conductor.events(self._arn, token)
            events += page["events"]
            token = page.get("nextToken")
            if not token:
                break
        return events


def _event(event: dict[str, Any]) -> None:
    """Folded: number, type and time; inside: what it tells."""
    details: dict[str, Any] = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
    at = datetime.fromtimestamp(float(event["timestamp"]), UTC).strftime("%H:%M:%S.%f")[:-3]
    named = details.get("name") or details.get("error") or details.get("resource") or ""
    with ui.element("details").classes("json"):
        with ui.element("summary"):
            ui.label(f"{event['id']} · {at} · {event['type']} · {named} (after {event['previousEventId']})")
        with ui.element("pre").props(f'tabindex="0" aria-label="Event {event["id"]}"'):
            ui.label(pretty(_unfolded(details)))


def _unfolded(details: dict[str, Any]) -> dict[str, Any]:
    """Payloads are JSON in strings; shown as what they are."""
    return {name: _parsed(value) for name, value in details.items()}


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
