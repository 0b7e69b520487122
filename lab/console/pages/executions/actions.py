"""What can be done with executions: start, start anew with another input, stop, redrive, answer a waiting token."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from nicegui import ui

from lab.console.buttons import plain_button
from lab.console.components import act_button, attempt, confirm_button
from lab.console.conductor import Conductor, compact
from lab.errors import BadInput

STOPPED_BY: Final = ("Stopped", "stopped by hand in the console")
AGAIN: Final = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})
ORDERS: Final = "order_fulfilment"

# Takes the text of the input; the address to go on at.
Begin = Callable[[str], Awaitable[str]]


def start_button(conductor: Conductor, machine: str) -> None:
    """Asks which machine and with which input."""
    button = plain_button("Start an execution", "Choose a machine and an input, and start it")

    async def ask() -> None:
        machines = {each.arn: each.name for each in await conductor.machines() if each.name != ORDERS}
        if not machines:
            ui.notify("There is no machine to start yet: publish one in the studio. Orders come through the Stage.")
            return
        chosen = next((arn for arn, name in machines.items() if name == machine), next(iter(machines)))
        with ui.dialog() as dialog, ui.card().props('role="dialog" aria-label="Start an execution"').classes("fields"):
            select = ui.select(machines, value=chosen, label="Machine")
            _input_form(dialog, "{}", "Start", lambda text: _begin(conductor, str(select.value), text))
        dialog.on("hide", dialog.delete)
        dialog.open()

    button.on_click(lambda: attempt(ask))


async def _begin(conductor: Conductor, machine_arn: str, text: str) -> str:
    return f"/executions/{quote(await conductor.start(machine_arn, compact(text)), safe='')}"


def start_anew_button(given: Callable[[], str], begin: Begin, says: str) -> ui.button:
    """A dialog with the input of before, to be edited."""
    button = plain_button("Start anew …", says)

    def ask() -> None:
        with ui.dialog() as dialog, ui.card().props('role="dialog" aria-label="Start anew"').classes("fields"):
            ui.label(says)
            _input_form(dialog, given(), "Start anew", begin)
        dialog.on("hide", dialog.delete)
        dialog.open()

    button.on_click(ask)
    return button


def _input_form(dialog: ui.dialog, text: str, label: str, begin: Begin) -> None:
    area = ui.textarea("Input (JSON)", value=text).props("outlined rows=14").style("width: min(80vw, 44rem)")

    async def act() -> None:
        checked_json(str(area.value))
        address = await begin(str(area.value))
        dialog.close()
        ui.navigate.to(address)

    with ui.row():
        plain_button("Cancel", "Close without starting anything", dialog.close)
        act_button(label, f"{label} with this input", act, tone="main")


def checked_json(text: str) -> Any:
    """Raises ``BadInput`` with the place of the mistake."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"this is no JSON: line {error.lineno}: {error.msg}") from None


def stop_button(conductor: Conductor, arn: str) -> ui.button:
    async def act() -> str:
        await conductor.stop(arn, *STOPPED_BY)
        return "stopped"

    return confirm_button("Stop", "The execution ends where it is, as ABORTED; nothing is undone.", act)


def redrive_button(conductor: Conductor, arn: str) -> ui.button:
    async def act() -> str:
        await conductor.redrive(arn)
        return "it goes on from the state that failed"

    return confirm_button("Redrive", "The execution goes on from the state that failed, with the same input.", act)


def answer_form(conductor: Conductor, token: str) -> None:
    """A token that waits, and both answers to it."""
    with ui.element("div").classes("fields card"):
        ui.label("Waits for an answer to this token:")
        with ui.element("pre").classes("mail").props('tabindex="0" aria-label="Task token"'):
            ui.label(token)
        area = ui.textarea("Answer (JSON)", value="{}").props("outlined rows=3")

        async def yes() -> str:
            checked_json(str(area.value))
            await conductor.answer_token(token, compact(str(area.value)))
            return "answered"

        async def no() -> str:
            await conductor.fail_token(token, "AnsweredNo", "failed by hand in the console")
            return "failed"

        with ui.row():
            act_button("Answer", "The state succeeds with this answer", yes, tone="main")
            confirm_button("Fail it", "The state fails with AnsweredNo; its Catch decides what follows.", no)
