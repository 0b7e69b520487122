"""One lane on the stage: its figures, its wiring with what happens in it now, its practices and its processes."""

from collections.abc import Mapping
from typing import Any, Final

from nicegui import ui

from lab.console.components import act_button, described, lane_title, set_sign, status_sign
from lab.console.context import Console
from lab.console.feed import LaneFeed
from lab.console.graphs.drawing import GraphView
from lab.console.graphs.marks import Mark, graph_from
from lab.console.headings import heading
from lab.console.live import LaneNow
from lab.console.stage.practices import PracticeSwitches
from lab.console.stage.wiring import graph_of_reactions
from lab.errors import LabError
from orchestration.orders.order_story import MACHINE, operation_of
from orchestration.visibility.graph import Graph, Node
from services.operations import Operation

ACTIONS: Final = {
    "kill": "Ends {} by SIGKILL; the lab starts it again",
    "freeze": "Stops {} without ending it (SIGSTOP), as a machine that hangs",
    "thaw": "Lets a frozen {} go on",
    "restart": "Stops {} gently and starts it again",
}


class LaneView:
    """Drawn where it is made; ``show`` brings it up to date."""

    def __init__(self, console: Console, lane: str) -> None:
        self._console, self._lane = console, lane
        self._graph: Graph | None = None
        self._processes: dict[str, tuple[ui.label, ui.label]] = {}
        with ui.element("section").classes(f"card lane lane-{lane}").props(f'aria-label="{lane}"'):
            lane_title(lane)
            self._trouble = ui.label().classes("trouble")
            self._trouble.set_visibility(False)
            self._figures = _Figures(lane)
            self._wrong = ui.element("div").classes("flow")
            self._named: tuple[str, ...] = ()
            self._drawing = GraphView(f"The wiring of {lane}", self._open_step)
            self._practices = PracticeSwitches(console, lane)
            heading("Processes", level=3)
            self._table = ui.element("div").classes("processes")

    def _open_step(self, name: str) -> None:
        wrong = ", ".join(self._named)
        ui.notify(f"{name} in {self._lane}" + (f"; inconsistent now: {wrong}" if wrong else ""))

    async def show(self, lane: LaneFeed) -> None:
        silent = f"no answer from {', '.join(lane.silent)}" if lane.silent else ""
        problem = lane.problem or silent or self._console.feed.trouble
        if self._trouble.text != problem:
            self._trouble.set_text(problem)
            self._trouble.set_visibility(bool(problem))
        self._figures.show(lane)
        self._show_wrong(lane.now)
        await self._show_graph(lane.now)
        self._practices.show()
        self._show_processes()

    def _show_wrong(self, now: LaneNow) -> None:
        named = tuple(wrong.order_id for wrong in now.named[-3:])
        if named == self._named:
            return
        self._named = named
        self._wrong.clear()
        with self._wrong:
            for wrong in now.named[-3:]:
                ui.link(wrong.order_id, f"/orders/{wrong.order_id}")
                ui.label(", ".join(kind.replace("_", " ") for kind in wrong.kinds)).classes("quiet")

    async def _show_graph(self, now: LaneNow) -> None:
        if self._graph is None:
            self._graph = await self._wiring()
            self._drawing.show(self._graph)
        if self._graph is not None:
            self._drawing.mark(marks(self._graph, now))

    async def _wiring(self) -> Graph | None:
        if self._lane == "choreography":
            return graph_of_reactions()
        try:
            return graph_from(
                await self._console.backend.lane(self._lane).json("GET", "door", f"/machines/{MACHINE}/graph")
            )
        except LabError:
            return None  # its front door is starting; asked again with the next look

    def _show_processes(self) -> None:
        for process in self._console.feed.processes():
            if process["group"] != self._lane:
                continue
            name = str(process["name"])
            if name not in self._processes:
                self._processes[name] = self._row(name)
            sign, told = self._processes[name]
            set_sign(sign, str(process["state"]))
            text = told_of(process)
            if told.text != text:
                told.set_text(text)

    def _row(self, name: str) -> tuple[ui.label, ui.label]:
        component = name.removeprefix(f"{self._lane}-")
        with self._table, ui.element("div").classes("process").props(f'data-process="{name}"'):
            ui.label(component).classes("name")
            sign = status_sign("unknown")
            told = ui.label().classes("quiet number")
            if self._console.backend.can_control:
                with ui.element("div").classes("flow actions"):
                    for action, says in ACTIONS.items():
                        self._action(name, component, action, says)
        return sign, told

    def _action(self, name: str, component: str, action: str, says: str) -> None:
        async def act() -> str:
            return f"{name}: {action}; it is {await self._console.backend.act(name, action)}"

        button = act_button(action, says.format(component), act, tone="danger" if action == "kill" else "plain")
        button.props(f'aria-label="{action} {name}"')


class _Figures:
    """The numbers of a lane, each with its word."""

    def __init__(self, lane: str) -> None:
        self._labels: dict[str, ui.label] = {}
        with ui.element("dl").classes("figures").props(f'aria-label="Figures of {lane}"'):
            for name in (
                "in flight",
                "fulfilled",
                "rolled back",
                "failed",
                "inconsistent now",
                "money at risk",
                "pieces at risk",
            ):
                with ui.element("div"):
                    with ui.element("dt"):
                        ui.label(name)
                    with ui.element("dd"):
                        self._labels[name] = ui.label("–").classes("number").props(f'data-figure="{name}"')
        described(
            self._labels["money at risk"],
            "Charged for orders that have no label now: under way, or left in a wrong state",
        )
        described(self._labels["pieces at risk"], "Set aside for orders that have no label now")

    def show(self, lane: LaneFeed) -> None:
        now = lane.now
        self._set("in flight", f"{lane.in_flight:.0f}")
        for status in ("fulfilled", "rolled_back", "failed"):
            self._set(status.replace("_", " "), str(now.finished.get(status, 0)))
        self._set("inconsistent now", f"✗ {now.wrong}" if now.wrong else "✓ 0")
        self._labels["inconsistent now"].classes(replace=f"number tone-{'bad' if now.wrong else 'good'}")
        self._set("money at risk", f"{now.cents_at_risk / 100:,.2f} €")
        self._set("pieces at risk", str(now.pieces_at_risk))

    def _set(self, name: str, text: str) -> None:
        if self._labels[name].text != text:
            self._labels[name].set_text(text)


def marks(graph: Graph, now: LaneNow) -> dict[str, Mark]:
    """On each step that has effects: how many were done, and how many orders under way came so far and no further."""
    found = {}
    for node in graph.nodes:
        operation = operation_at(node)
        if operation is None:
            continue
        done, here = now.effects.get(operation, 0), now.places.get(operation, 0)
        found[node.name] = Mark(f"{done} done, {here} here" if here else f"{done} done", "busy" if here else "off")
    return found


def operation_at(node: Node) -> str | None:
    """A reaction is named by its operation; a state knows it by its resource."""
    known = operation_of(node.resource)
    if known is not None:
        return known[1].value
    return node.name if node.name in set(Operation) else None


def told_of(process: Mapping[str, Any]) -> str:
    restarts = int(process.get("restarts") or 0)
    told = [f"{restarts} restart{'s' if restarts != 1 else ''}" if restarts else ""]
    if process.get("pid"):
        told.append(f"pid {process['pid']}")
    return " · ".join(filter(None, told))
