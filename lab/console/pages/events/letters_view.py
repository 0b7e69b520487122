"""What was set apart, in both lanes: dead letters with their reason, mended and replayed; undo steps that wait."""

import json
from typing import Any, Final
from urllib.parse import quote

from nicegui import ui

from lab.console.backend import LaneBackend
from lab.console.components import act_button, lane_title, status_sign
from lab.console.context import Console
from lab.console.instants import day_and_clock
from lab.console.pages.executions.actions import checked_json
from lab.errors import BadInput

SHOWN: Final = 50


class LettersView:
    def __init__(self, console: Console) -> None:
        with ui.element("div").classes("lanes"):
            self._lanes = [_LaneLetters(lane) for lane in console.backend.lanes.values()]

    async def refresh(self) -> None:
        for lane in self._lanes:
            await lane.refresh()


class _LaneLetters:
    def __init__(self, lane: LaneBackend) -> None:
        self._lane = lane
        self._shown: tuple[list[Any], list[Any]] | None = None
        with ui.element("section").classes("card fields").props(f'aria-label="Set apart in {lane.name}"'):
            lane_title(lane.name)
            self._says = ui.label("Looking …").classes("quiet").props('role="status"')
            self._list = ui.element("div").classes("fields")

    async def refresh(self) -> None:
        letters, parked = await self._ask("/dead-letters"), await self._ask("/parked")
        if (letters, parked) == self._shown:
            return
        self._shown = (letters, parked)
        count = len(letters) + len(parked)
        more = f", the newest {SHOWN} are shown" if count > SHOWN else ""
        self._says.set_text(f"{count} set apart{more}" if count else "Nothing was set apart.")
        self._list.clear()
        with self._list:
            for step in parked[:SHOWN]:
                self._step(step)
            for letter in letters[::-1][:SHOWN]:
                self._letter(letter)

    async def _ask(self, path: str) -> list[dict[str, Any]]:
        """Empty where this lane has no such thing."""
        try:
            return list(await self._lane.json("GET", "door", path))
        except BadInput:
            return []

    def _step(self, step: dict[str, Any]) -> None:
        order = step["order_id"]

        async def again() -> str:
            await self._lane.json("POST", "door", f"/parked/{quote(step['token'], safe='')}", {})
            return f"the undo of {order} is tried again"

        with ui.element("div").classes("card fields letter"):
            with ui.element("div").classes("flow"):
                status_sign("parked")
                ui.link(order, f"/orders/{quote(order)}")
                ui.label(f"an undo step cannot succeed, since {day_and_clock(step['since'])}")
            act_button("Try again", f"Put right what hinders it first; the undo of {order} is tried once more", again)

    def _letter(self, letter: dict[str, Any]) -> None:
        with ui.element("div").classes("card fields letter"):
            with ui.element("div").classes("flow"):
                status_sign("parked" if letter.get("state", "parked") == "parked" else "done", prefix="")
                order = str(letter.get("order_id", ""))
                ui.link(order, f"/orders/{quote(order)}") if order else None
                ui.label(f"{letter.get('reason', '')}").style("font-weight: 600")
                tries = letter.get("attempts")
                at = letter.get("at")
                facts = [letter.get("consumer", ""), f"{tries} tries" if tries else "", day_and_clock(at) if at else ""]
                ui.label(" · ".join(filter(None, facts))).classes("quiet")
            ui.label(str(letter.get("cause", "")))
            ui.label(str(letter.get("subject", ""))).classes("quiet")
            if "seq" in letter:
                self._mend(letter)

    def _mend(self, letter: dict[str, Any]) -> None:
        number, body = letter["seq"], _pretty(letter["body"])
        area = ui.textarea(f"Body of letter {number}", value=body).props("outlined dense rows=8")

        async def replay(data: Any = None) -> str:
            content = {} if data is None else {"data": data}
            answer = await self._lane.json("POST", "door", f"/dead-letters/{number}/replay", content)
            return f"sent again: {', '.join(answer['sent'])}"

        async def replay_mended() -> str:
            data = checked_json(str(area.value))
            if not isinstance(data, dict):
                raise BadInput("an event's body is a JSON object")
            return await replay(data)

        with ui.element("div").classes("flow"):
            label = f"Replay letter {number}"
            act_button(label, f"Send letter {number} again as it was, to who failed on it", replay)
            says = f"Send letter {number} again with the body as it is written here"
            act_button(f"{label} with this body", says, replay_mended, tone="main")


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
