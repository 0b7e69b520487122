"""One order's events as a tree: each below the one that caused it, with its body and headers."""

from nicegui import ui

from lab.console.bus.archive import events_of, newest_of
from lab.console.bus.heard import Branch, Heard, causation
from lab.console.components import json_view
from lab.console.context import Console
from lab.console.instants import clock


class CausesView:
    def __init__(self, console: Console, order: str) -> None:
        self._bus = console.rooms.bus
        self._shown: tuple[str, int] | None = None
        self._order = ui.input("Order", value=order).props("dense").style("min-width: 20rem")
        self._says = ui.label().classes("quiet").props('role="status"')
        self._tree = ui.element("div")

    async def refresh(self) -> None:
        order = str(self._order.value or "").strip()
        if not order or not order.replace("-", "").replace("_", "").isalnum():
            self._says.set_text("Type an order's id: its events are shown by what caused them.")
            return
        client = await self._bus.client()
        newest = await newest_of(client, order)
        if (order, newest) == self._shown:
            return
        events = await events_of(client, order)
        self._shown = (order, newest)
        self._says.set_text(f"{len(events)} events of {order}" if events else f"no event is about {order}")
        self._tree.clear()
        with self._tree:
            _branches(causation(events), "tree root")


def _branches(branches: tuple[Branch, ...], classes: str) -> None:
    if not branches:
        return
    with ui.element("ul").classes(classes):
        for branch in branches:
            with ui.element("li"):
                _event(branch.event)
                _branches(branch.caused, "tree")


def _event(event: Heard) -> None:
    shape = {"undo": "↩", "failure": "✗"}.get(event.kind, "●")
    with ui.element("div").classes("flow"):
        ui.label(f"{shape} {event.type}").style("font-weight: 600")
        ui.label(f"{event.source} · {clock(event.at)} · number {event.sequence}{_replayed(event)}").classes("quiet")
        if event.error:
            ui.label(f"✗ {event.error}")
    json_view(event.content(), f"Body of {event.type} {event.sequence}")
    json_view(event.headers, f"Headers of {event.type} {event.sequence}")


def _replayed(event: Heard) -> str:
    tokens = event.subject.split(".")
    return f" · replayed for {tokens[4]}" if len(tokens) == 5 else ""
