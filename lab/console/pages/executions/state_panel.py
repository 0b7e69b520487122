"""What one state of an execution did: each time it was entered, what went in and out, every try with its time."""

from typing import Any

from nicegui import ui

from lab.console.components import json_view, status_sign
from lab.console.conductor import Conductor
from lab.console.context import Console
from lab.console.graphs.marks import word_of
from lab.console.headings import heading
from lab.console.instants import clock, seconds_between, span
from lab.console.pages.executions.actions import answer_form
from orchestration.runtime.tokens import token_maker

CALLBACK = ".waitForTaskToken"


class StatePanel:
    def __init__(self, conductor: Conductor, console: Console) -> None:
        self._conductor = conductor
        secret = console.settings.approval_secret.get_secret_value()
        self._token_of = token_maker(secret) if secret else None
        self._state = ""
        self._shown: tuple[str, list[dict[str, Any]]] | None = None
        self._body = ui.element("section").classes("card fields").props('aria-label="The chosen state"')

    def choose(self, state: str) -> None:
        self._state = state

    def show(self, told: dict[str, Any] | None) -> None:
        """Drawn again only when something about this state is new."""
        entries = [each for each in (told or {}).get("entries", ()) if each["state"] == self._state]
        if (self._state, entries) == self._shown:
            return
        self._shown = (self._state, entries)
        self._body.clear()
        with self._body:
            heading(self._state or "Choose a state")
            if not entries:
                ui.label("It was not entered." if self._state else "").classes("quiet")
            for entry in reversed(entries):
                self._entry(entry, str(told["execution"]["token"]) if told else "")

    def _entry(self, entry: dict[str, Any], execution: str) -> None:
        with ui.element("div").classes("flow"):
            status_sign(word_of(entry))
            took = span(seconds_between(entry["entered_at"], entry["exited_at"]))
            ui.label(f"{entry['type']}, entered {clock(entry['entered_at'])}{', took ' + took if took else ''}")
        if entry["error"]:
            ui.label(f"✗ {entry['error']}: {entry['cause'] or ''}").classes("trouble")
        self._waiting(entry, execution)
        json_view(entry["input"], "Input", opened=True)
        if entry["exited_at"]:
            json_view(entry["output"], "Output", opened=True)
        if entry["attempts"]:
            heading(f"{len(entry['attempts'])} tries" if len(entry["attempts"]) > 1 else "One try", level=3)
        earlier: str | None = None
        for each in entry["attempts"]:
            _attempt(each, earlier)
            earlier = each["ended_at"]

    def _waiting(self, entry: dict[str, Any], execution: str) -> None:
        last = entry["attempts"][-1] if entry["attempts"] else None
        if last is None or entry["exited_at"] or last["ended_at"] or not last["resource"].endswith(CALLBACK):
            return
        if self._token_of is None:
            ui.label("It waits for an answer; this console was not given what its token is made of.")
        else:
            answer_form(self._conductor, self._token_of(execution, entry["id"], last["number"]))


def _attempt(attempt: dict[str, Any], earlier: str | None) -> None:
    with ui.element("div").classes("flow"):
        ended = attempt["ended_at"]
        status_sign("running" if not ended else "failed" if attempt["error"] or attempt["timed_out"] else "succeeded")
        pause = span(seconds_between(earlier, attempt["asked_at"]))
        ui.label(f"{attempt['number']}. {clock(attempt['asked_at'])}{f' (after a pause of {pause})' if pause else ''}")
        ui.label(span(seconds_between(attempt["asked_at"], ended))).classes("number")
        ui.label(attempt["resource"]).classes("quiet")
    if attempt["error"]:
        ui.label(f"{attempt['error']}: {attempt['cause'] or ''}")
    json_view(attempt["given"], "Asked with")
    if ended and not attempt["error"]:
        json_view(attempt["output"], "Answer")
