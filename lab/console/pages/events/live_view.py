"""The newest events as they come, with a pause and filters. All browsers share one ear on the bus (``bus.tail``)."""

from typing import Final
from urllib.parse import quote

from nicegui import ui

from choreography.events import EventType
from lab.console.bus.heard import Heard, Wanted
from lab.console.components import picture, set_picture
from lab.console.context import Console
from lab.console.instants import clock
from lab.console.plain_table import Cell, table
from lab.console.svg import Markup

ANY: Final = "any"
SOURCES: Final = (ANY, "door", "payment", "warehouse", "shipping", "watch", "replay")
SHOWN: Final = 60
HEADS: Final = ("Number", "Time", "Event", "Kind", "Order", "Told by", "Caused by", "Error")
REGION: Final = 'tabindex="0" role="region" aria-label="The newest events"'
_SIGNS: Final = {"step": "● step", "undo": "↩ undo", "failure": "✗ failure"}


class LiveView:
    def __init__(self, console: Console, order: str) -> None:
        self._tail = console.rooms.tail
        self._drawn: list[Heard] = []
        with ui.element("div").classes("flow card").props('role="search" aria-label="Filter"'):
            self._type = ui.select([ANY, *map(str, EventType)], value=ANY, label="Event").props("dense")
            self._source = ui.select(list(SOURCES), value=ANY, label="Told by").props("dense")
            self._order = ui.input("Order begins with", value=order).props("dense")
            self._paused = ui.switch("Pause", value=False)
            for select in (self._type, self._source):
                select.style("min-width: 11rem")
        self._says = ui.label().classes("quiet").props('role="status"')
        with ui.element("div").classes("scroll").props(REGION):
            self._table = picture(Markup(""))

    async def refresh(self) -> None:
        if not self._paused.value:
            self._drawn = self._tail.events
        wanted = Wanted(_plain(self._type.value), str(self._order.value or ""), _plain(self._source.value))
        fitting = [event for event in reversed(self._drawn) if wanted.fits(event)][:SHOWN]
        set_picture(self._table, table("The newest events", HEADS, [_row(event) for event in fitting]))
        self._says.set_text(self._told(len(fitting)))

    def _told(self, shown: int) -> str:
        if self._tail.trouble:
            return f"✗ {self._tail.trouble}"
        passed = f"; {self._tail.passed_over:,} passed over, too many to show" if self._tail.passed_over else ""
        paused = "paused, " if self._paused.value else ""
        return f"{paused}{shown} of the newest {len(self._drawn)} fit{passed}"


def _plain(value: object) -> str:
    return "" if value in (ANY, None) else str(value)


def _row(event: Heard) -> list[Cell]:
    causes = f"/events?view=causes&order={quote(event.order_id)}"
    cause = (event.cause or "").split(":")
    return [
        Cell(str(event.sequence), number=True),
        Cell(clock(event.at), number=True),
        Cell(event.type, link=causes),
        Cell(_SIGNS[event.kind], number=True),
        Cell(event.order_id, link=f"/orders/{quote(event.order_id)}"),
        Cell(event.source),
        Cell(cause[1] if len(cause) > 1 else event.cause or ""),
        Cell(event.error[:80], long=True),
    ]
