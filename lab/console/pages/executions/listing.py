"""The list of executions, with filters that are part of the address."""

from typing import Any, Final
from urllib.parse import quote, urlencode

from nicegui import ui
from starlette.requests import Request

from lab.console.components import every, picture, set_picture
from lab.console.conductor import Conductor
from lab.console.context import Console
from lab.console.instants import day_and_clock, seconds_between, span
from lab.console.pages.executions.actions import start_button
from lab.console.plain_table import Cell, table
from lab.console.rooms import CONDUCTED_LANE
from lab.console.svg import Markup

REFRESH_S: Final = 2.0
ANY: Final = "any"
STATUSES: Final = (ANY, "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
WAITS: Final = {
    "": "do not care",
    "any": "anything outside",
    "callback": "a person or a callback",
    "retry": "the next try",
    "timer": "a timer",
    "child": "another execution",
    "stuck": "nothing: stuck for 30 s",
}
HEADS: Final = ("Execution", "Machine", "Status", "Waits in", "For", "Started", "Took", "Error")


class _List:
    def __init__(self, console: Console, conductor: Conductor, asked: dict[str, str]) -> None:
        self._console = console
        self._conductor = conductor
        self.asked = asked
        self._next: str | None = None
        self._filters()
        self._says = ui.label().classes("quiet").props('role="status"')
        with ui.element("div").classes("scroll").props('tabindex="0" role="region" aria-label="Executions"'):
            self._table = picture(Markup(""))
        with ui.row():
            ui.link("Newest", _address({**asked, "after": ""}))
            self._older = ui.link("Older", "#")

    def _filters(self) -> None:
        with ui.element("div").classes("flow card").props('role="search" aria-label="Filter"'):
            self._machines = ui.select([ANY], value=ANY, label="Machine", on_change=self._filter)
            status = self.asked["status"] if self.asked["status"] in STATUSES else ANY
            self._status = ui.select(list(STATUSES), value=status, label="Status", on_change=self._filter)
            waiting = self.asked["waiting"] if self.asked["waiting"] in WAITS else ""
            self._waiting = ui.select(WAITS, value=waiting, label="Waits for", on_change=self._filter)
            self._live = ui.switch("Live", value=True)
            find = ui.input("Order id or ARN").props("dense")
            find.on("keydown.enter", lambda: _open(find.value))
            for select in (self._machines, self._status, self._waiting):
                select.style("min-width: 11rem").props("dense")
            start_button(self._conductor, "")

    async def fill_machines(self) -> None:
        names = [machine.name for machine in await self._conductor.machines()]
        chosen = self.asked["machine"] if self.asked["machine"] in names else ANY
        self._machines.set_options([ANY, *names], value=chosen)

    def _filter(self) -> None:
        chosen = {
            "machine": "" if self._machines.value == ANY else str(self._machines.value),
            "status": "" if self._status.value == ANY else str(self._status.value),
            "waiting": str(self._waiting.value or ""),
        }
        if chosen != {name: self.asked[name] for name in chosen}:
            ui.navigate.to(_address({**chosen, "after": ""}))

    async def refresh(self) -> None:
        if not self._live.value and self._table.content:
            return
        page = await self._conductor.executions(
            machine=self.asked["machine"],
            status=self.asked["status"],
            waiting=self.asked["waiting"],
            after=self.asked["after"],
        )
        rows = page["executions"]
        set_picture(self._table, table("Executions", HEADS, [_row(each) for each in rows]))
        order = "longest waiting first" if self.asked["waiting"] else "newest first"
        self._says.set_text(f"{len(rows)} shown, {order}" if rows else "There is none.")
        if page["next"] != self._next:
            self._next = page["next"]
            self._older.props["href"] = _address({**self.asked, "after": self._next or ""})
            self._older.update()
        self._older.set_visibility(self._next is not None)


def _row(execution: dict[str, Any]) -> list[Cell]:
    took = seconds_between(execution["started_at"], execution["stopped_at"])
    return [
        Cell(execution["name"], link=_one(execution["token"])),
        Cell(execution["machine"]),
        Cell(execution["status"], state=True),
        Cell(execution["state"] if execution["waits"] else ""),
        Cell(execution["waits"] or ""),
        Cell(day_and_clock(execution["started_at"]), number=True),
        Cell(span(took), number=True),
        Cell(": ".join(filter(None, (execution["error"], execution["cause"])))[:160], long=True),
    ]


def _one(token: str) -> str:
    return f"/executions/{quote(token, safe='')}"


def _open(text: str | None) -> None:
    if text and text.strip():
        ui.navigate.to(_one(text.strip()))


def _address(asked: dict[str, str]) -> str:
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/executions?{query}" if query else "/executions"


async def build_list(console: Console, request: Request) -> None:
    if CONDUCTED_LANE not in console.backend.lanes:
        ui.label("This lab has no conductor: lane orchestration is not up.")
        return
    asked = {name: request.query_params.get(name, "") for name in ("machine", "status", "waiting", "after")}
    conductor = Conductor(console.backend.lane(CONDUCTED_LANE))
    shown = _List(console, conductor, asked)
    filled = False

    async def refresh() -> None:
        nonlocal filled
        if not filled:
            await shown.fill_machines()
            filled = True
        await shown.refresh()

    every(REFRESH_S, refresh)
