"""One execution: its machine as a graph with what each state does now, as a table, and event by event."""

from typing import Any, Final

from nicegui import ui
from starlette.requests import Request

from lab.console.components import every, picture, set_picture
from lab.console.conductor import Conductor
from lab.console.context import Console
from lab.console.graphs.drawing import GraphView
from lab.console.graphs.marks import graph_from, marks_of, word_of
from lab.console.instants import clock, seconds_between, span
from lab.console.pages.executions.events_view import EventsView
from lab.console.pages.executions.head import Head
from lab.console.pages.executions.state_panel import StatePanel
from lab.console.plain_table import Cell, table
from lab.console.rooms import CONDUCTED_LANE
from lab.console.svg import Markup

REFRESH_S: Final = 0.8
RESTING_S: Final = 5.0
REGION: Final = 'tabindex="0" role="region" aria-label="State entries"'
HEADS: Final = ("", "State", "Type", "Status", "Tries", "Entered", "Took", "Error")


class _Execution:
    """The page of one execution; ``refresh`` shows what is new."""

    def __init__(self, console: Console, conductor: Conductor, name: str) -> None:
        self._conductor = conductor
        self._console = console
        self._name = name
        self._told: dict[str, Any] | None = None
        self._head = Head(console, conductor, name)
        self._show_tabs()

    def _show_tabs(self) -> None:
        with ui.tabs().props('align="left" no-caps dense') as tabs:
            graph, rows, events = ui.tab("Graph"), ui.tab("Table"), ui.tab("Events")
        with ui.tab_panels(tabs, value=graph, animated=False).props("keep-alive").style("background: transparent"):
            with ui.tab_panel(graph).style("padding: 0"), ui.element("div").classes("two"):
                self._graph = GraphView("The machine; choose a state to see what went in and out", self._choose)
                self._panel = StatePanel(self._conductor, self._console)
            with ui.tab_panel(rows).style("padding: 0"), ui.element("div").classes("scroll").props(REGION):
                self._table = picture(Markup(""))
            with ui.tab_panel(events).style("padding: 0"):
                self._events = EventsView(self._conductor)
        tabs.on_value_change(lambda event: self._events.wanted(event.value == "Events"))

    def _choose(self, state: str) -> None:
        self._graph.choose(state)
        self._panel.choose(state)
        self._panel.show(self._told)

    async def refresh(self) -> None:
        told = await self._conductor.story(self._name)
        await self._events.refresh(told["execution"]["arn"], told["execution"]["status"])
        if told == self._told:
            return
        first, self._told = self._told is None, told
        self._head.show(told)
        graph = graph_from(told["graph"]) if told["graph"] else None
        self._graph.show(graph)
        self._graph.mark(marks_of(told["entries"]))
        if first and told["entries"]:
            self._choose(_most_telling(told["entries"]))
        self._panel.show(told)
        set_picture(self._table, table("State entries", HEADS, [_row(each) for each in told["entries"]]))

    @property
    def resting(self) -> bool:
        return self._told is not None and self._told["execution"]["status"] != "RUNNING"


def _most_telling(entries: list[dict[str, Any]]) -> str:
    """What a person will want to see first: what failed or goes on, else the last."""
    telling = [entry["state"] for entry in entries if entry["status"] in ("running", "retrying", "failed", "caught")]
    return str(telling[-1] if telling else entries[-1]["state"])


def _row(entry: dict[str, Any]) -> list[Cell]:
    depth = "↳" if entry["inside"] else ""
    undoes = f" (undoes {entry['undoes']})" if entry["undoes"] else ""
    return [
        Cell(str(entry["id"]), number=True),
        Cell(f"{depth}{entry['state']}{undoes}"),
        Cell(entry["type"]),
        Cell(word_of(entry), state=True),
        Cell(str(len(entry["attempts"]) or ""), number=True),
        Cell(clock(entry["entered_at"]), number=True),
        Cell(span(seconds_between(entry["entered_at"], entry["exited_at"])), number=True),
        Cell(": ".join(filter(None, (entry["error"], entry["cause"])))[:160], long=True),
    ]


async def build_one(console: Console, request: Request) -> None:
    if CONDUCTED_LANE not in console.backend.lanes:
        ui.label("This lab has no conductor: lane orchestration is not up.")
        return
    name = str(request.path_params["arn_or_token"])
    shown = _Execution(console, Conductor(console.backend.lane(CONDUCTED_LANE)), name)

    async def refresh() -> None:
        await shown.refresh()
        timer.interval = RESTING_S if shown.resting else REFRESH_S

    timer = every(REFRESH_S, refresh)
