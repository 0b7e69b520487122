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
    """What is there is left as it is while others come and go: somebody may be writing in it."""

    def __init__(self, lane: LaneBackend) -> None:
        self._lane = lane
        self._cards: dict[str, tuple[dict[str, Any], ui.element]] = {}
        with ui.element("section").classes("card fields").props(f'aria-label="Set apart in {lane.name}"'):
            lane_title(lane.name)
            self._says = ui.label("Looking …").classes("quiet").props('role="status"')
            self._parked = ui.element("div").classes("fields")
            self._letters = ui.element("div").classes("fields")

    async def refresh(self) -> None:
        letters, parked = await self._ask("/dead-letters"), await self._ask("/parked")
        count = len(letters) + len(parked)
        more = f", the newest {SHOWN} are shown" if count > SHOWN else ""
        self._says.set_text(f"{count} set apart{more}" if count else "Nothing was set apart.")
        shown = {f"step {each['token']}": each for each in parked[:SHOWN]}
        shown |= {_key(each): each for each in letters[-SHOWN:]}
        for key in [key for key, (told, _) in self._cards.items() if shown.get(key) != told]:
            self._cards.pop(key)[1].delete()
        for key, told in shown.items():
            if key not in self._cards:
                self._cards[key] = told, self._step(told) if key.startswith("step ") else self._letter(told)

    async def _ask(self, path: str) -> list[dict[str, Any]]:
        """Empty where this lane has no such thing."""
        try:
            return list(await self._lane.json("GET", "door", path))
        except BadInput:
            return []

    def _step(self, step: dict[str, Any]) -> ui.element:
        order = step["order_id"]

        async def again() -> str:
            await self._lane.json("POST", "door", f"/parked/{quote(step['token'], safe='')}", {})
            return f"the undo of {order} is tried again"

        with self._parked, ui.element("div").classes("card fields letter") as card:
            with ui.element("div").classes("flow"):
                status_sign("parked")
                ui.link(order, f"/orders/{quote(order)}")
                ui.label(f"an undo step cannot succeed, since {day_and_clock(step['since'])}")
            act_button("Try again", f"Put right what hinders it first; the undo of {order} is tried once more", again)
        return card

    def _letter(self, letter: dict[str, Any]) -> ui.element:
        """Above those that are there: the newest is the first."""
        with self._letters, ui.element("div").classes("card fields letter") as card:
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
        card.move(target_index=0)
        return card

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


def _key(letter: dict[str, Any]) -> str:
    return f"letter {letter['seq']}" if "seq" in letter else f"letter {json.dumps(letter, sort_keys=True, default=str)}"


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
