"""What stands above an execution: its status, its times, why it failed, and what can be done with it."""

from typing import Any, Final

from nicegui import ui

from lab.console.components import set_sign, status_sign
from lab.console.conductor import Conductor
from lab.console.context import Console
from lab.console.instants import day_and_clock, seconds_between, span
from lab.console.pages.executions.actions import AGAIN, ORDERS, redrive_button, start_anew_button, stop_button
from lab.console.pages.executions.starting import begin_again, input_of
from lab.console.rooms import CONDUCTED_LANE
from orchestration.names import machine_arn

AN_ORDER: Final = "Every execution of this machine is an order: place one with this content in this lane."
A_RUN: Final = "Start the machine as it is now with this input."


class Head:
    def __init__(self, console: Console, conductor: Conductor, name: str) -> None:
        self._lane = console.backend.lane(CONDUCTED_LANE)
        self._conductor = conductor
        self._told: dict[str, Any] = {}
        self._actions: tuple[ui.button, ui.button] | None = None
        with ui.element("div").classes("flow card"):
            self._sign = status_sign("unknown")
            self._facts = ui.label(name)
            self._buttons = ui.element("div").classes("flow")
        self._failure = ui.label().classes("trouble")
        self._failure.set_visibility(False)

    def show(self, told: dict[str, Any]) -> None:
        self._told, execution = told, told["execution"]
        set_sign(self._sign, execution["status"])
        self._facts.set_text(" · ".join(_facts(execution)))
        failure = ": ".join(filter(None, (execution["error"], execution["cause"])))
        self._failure.set_text(f"✗ {failure}")
        self._failure.set_visibility(bool(failure))
        stop, redrive = self._actions or self._make_buttons(execution)
        stop.set_enabled(execution["status"] == "RUNNING")
        redrive.set_enabled(execution["status"] in AGAIN)

    def _make_buttons(self, execution: dict[str, Any]) -> tuple[ui.button, ui.button]:
        orders = execution["machine"] == ORDERS
        begin = begin_again(self._lane, self._conductor, machine_arn(execution["machine"]))[orders]
        with self._buttons:
            made = stop_button(self._conductor, execution["arn"]), redrive_button(self._conductor, execution["arn"])
            start_anew_button(lambda: input_of(self._told, orders=orders), begin, AN_ORDER if orders else A_RUN)
            if orders:
                ui.link("The order in both lanes", f"/orders/{execution['name']}")
        self._actions = made
        return made


def _facts(execution: dict[str, Any]) -> list[str]:
    took = span(seconds_between(execution["started_at"], execution["stopped_at"]))
    facts = [execution["machine"], execution["name"], f"started {day_and_clock(execution['started_at'])}"]
    if took:
        facts.append(f"took {took}")
    if execution["redrive_count"]:
        facts.append(f"redriven {execution['redrive_count']}×")
    if execution["waits"]:
        facts.append(f"in {execution['state']}, waits for {execution['waits']}")
    return facts
