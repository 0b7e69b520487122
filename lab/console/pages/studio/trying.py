"""One state tried alone: its input, a stand-in for its work or the work itself, and what came of it."""

import json
from typing import Any, Final

from nicegui import ui

from lab.console.components import act_button, json_view, set_sign, status_sign
from lab.console.conductor import Conductor, compact
from lab.console.pages.executions.actions import checked_json
from lab.console.studio.workbench import Workbench

REALLY: Final = "do it really"
RESULT: Final = "a stand-in answers"
ERROR: Final = "a stand-in fails"


class Trying:
    def __init__(self, bench: Workbench, conductor: Conductor) -> None:
        self._bench = bench
        self._conductor = conductor
        with ui.element("section").classes("fields").props('aria-label="Try the chosen state alone"'):
            self._says = ui.label()
            self._input = ui.textarea("Input of the state (JSON)", value="{}").props("outlined autogrow dense")
            self._how = ui.select([RESULT, ERROR, REALLY], value=RESULT, label="Its work")
            self._mock = ui.textarea("What the stand-in answers (JSON)", value="{}").props("outlined autogrow dense")
            self._how.on_value_change(self._relabel)
            act_button("Try it", "Run this state alone, once", self._try, tone="main")
            with ui.element("div").classes("fields").props('role="status"') as self._told:
                pass
        self.refresh()

    def refresh(self) -> None:
        self._says.set_text(
            f"Try {self._bench.selected or 'a state'} alone: nothing is stored, nothing comes after it."
        )

    def _relabel(self) -> None:
        failing = self._how.value == ERROR
        self._mock.set_visibility(self._how.value != REALLY)
        self._mock.props["label"] = "The error's name" if failing else "What the stand-in answers (JSON)"
        self._mock.set_value("Http.Unavailable" if failing else "{}")
        self._mock.update()

    def _stand_in(self) -> dict[str, Any] | None:
        if self._how.value == REALLY:
            return None
        if self._how.value == ERROR:
            return {"errorOutput": {"error": str(self._mock.value), "cause": "a stand-in of the studio"}}
        checked_json(str(self._mock.value))
        return {"result": compact(str(self._mock.value)), "fieldValidationMode": "NONE"}

    async def _try(self) -> None:
        checked_json(str(self._input.value))
        bench = self._bench
        told = await self._conductor.test_state(
            bench.text, bench.selected, compact(str(self._input.value)), self._stand_in()
        )
        self._told.clear()
        with self._told:
            _show(bench.selected, told)


def _show(state: str, told: dict[str, Any]) -> None:
    status = {"RETRIABLE": "retrying", "CAUGHT_ERROR": "caught"}.get(told["status"], told["status"])
    set_sign(status_sign("unknown"), status, prefix=f"{state}: ")
    if told.get("error"):
        ui.label(f"✗ {told['error']}: {told.get('cause') or ''}")
    if told.get("nextState"):
        ui.label(f"goes on with {told['nextState']}")
    if "output" in told:
        json_view(_parsed(told["output"]), "Output", opened=True)
    if told.get("inspectionData"):
        json_view({name: _parsed(each) for name, each in told["inspectionData"].items()}, "Step by step")


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
