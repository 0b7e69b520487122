"""The machine published as a new version, run with an input, and watched in the studio's own graph."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from nicegui import ui

from lab.console.components import act_button, json_view, set_sign, status_sign
from lab.console.conductor import Conductor, compact
from lab.console.graphs.drawing import GraphView
from lab.console.graphs.marks import Mark, marks_of
from lab.console.pages.executions.actions import checked_json
from lab.console.studio.workbench import Workbench

MADE_HERE: Final = "published from the studio"


class Running:
    def __init__(self, bench: Workbench, conductor: Conductor, name: ui.input, graph: GraphView) -> None:
        self._bench = bench
        self._conductor = conductor
        self._name = name
        self._graph = graph
        self._published: tuple[str, str, str] | None = None  # name, text, ARN of the version
        self._watched = ""
        self.marks: Mapping[str, Mark] = {}
        with ui.element("section").classes("fields").props('aria-label="Run the machine"'):
            self._input = ui.textarea("Input of the execution (JSON)", value="{}").props("outlined autogrow dense")
            act_button("Publish and run", "Publish what is drawn, if it is new, and start it", self._run, tone="main")
            with ui.element("div").classes("flow").props('role="status"'):
                self._sign = status_sign("none")
                self._link = ui.link("The execution", "#")
                self._link.set_visibility(False)
            self._end = ui.element("div").classes("fields")

    async def publish(self) -> str:
        name, text = str(self._name.value or "").strip(), self._bench.text
        if self._published is not None and self._published[:2] == (name, text):
            return f"{self._published[2]} is what is drawn here already"
        version = await self._conductor.publish(name, text, MADE_HERE)
        self._published = (name, text, version)
        return f"published: {version.rpartition(':')[0].rpartition(':')[2]}, version {version.rpartition(':')[2]}"

    async def _run(self) -> str:
        checked_json(str(self._input.value))
        await self.publish()
        if self._published is None:
            return ""
        self._watched = await self._conductor.start(self._published[2], compact(str(self._input.value)))
        self._link.props["href"] = f"/executions/{quote(self._watched, safe='')}"
        self._link.update()
        self._link.set_visibility(True)
        self._end.clear()
        return "started"

    def leave(self) -> None:
        """What is drawn is not what runs any more."""
        self._watched, self.marks = "", {}

    async def refresh(self) -> bool:
        """Whether the marks are others now."""
        if not self._watched:
            return False
        told = await self._conductor.story(self._watched)
        execution, entries = told["execution"], told["entries"]
        set_sign(self._sign, execution["status"])
        before, self.marks = self.marks, marks_of(entries)
        if execution["status"] != "RUNNING":
            self._watched = ""
            with self._end:
                if execution["error"]:
                    ui.label(f"✗ {execution['error']}: {execution['cause'] or ''}")
                json_view(entries[-1]["output"] if entries else None, "Output of the last state", opened=True)
        return before != self.marks
