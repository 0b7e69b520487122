"""The panel of faults: a knob for each, the same for every lane. It shows what is in force, whoever made it so."""

import asyncio
from collections.abc import Awaitable, Callable

from nicegui import ui

from lab.commands.faults import describe
from lab.console.backend import LaneBackend
from lab.console.components import RangeInput, act_button, attempt, described, every
from lab.console.context import Console
from lab.console.headings import heading
from lab.console.stage.knobs import KNOBS, Knob, level, strangers, turned
from services.faults.plan import FaultPlan
from services.operations import Service

READ_EVERY_S = 2.0
STEPS = 20  # of a slider


class Faults:
    """Drawn where it is made."""

    def __init__(self, console: Console) -> None:
        self._lanes = list(console.backend.lanes.values())
        self._plans: dict[tuple[str, Service], FaultPlan] = {}
        self._knobs: list[_KnobView] = []
        with ui.element("section").classes("card").props('aria-label="Faults"'):
            heading("Faults, in every lane")
            with ui.element("div").classes("knobs"):
                self._knobs = [_KnobView(knob, self._turn) for knob in KNOBS]
            self._others = ui.label().classes("quiet")
            act_button("Repair everything", "Takes every fault rule out of every service of every lane", self._repair)
        every(READ_EVERY_S, self._read)

    async def _read(self) -> None:
        asked = [(lane, service) for lane in self._lanes for service in Service]
        answers = await asyncio.gather(*(_plan(lane, service) for lane, service in asked))
        self._plans = {(lane.name, service): plan for (lane, service), plan in zip(asked, answers, strict=True)}
        self._show()

    def _show(self) -> None:
        for view in self._knobs:
            view.show(
                {lane: level(plan, view.knob) for (lane, who), plan in self._plans.items() if who is view.knob.service}
            )
        rest = [f"{lane}: {describe(rule)}" for (lane, _), plan in self._plans.items() for rule in strangers(plan)]
        text = f"Also in force: {'; '.join(rest)}" if rest else ""
        if self._others.text != text:
            self._others.set_text(text)

    async def _turn(self, knob: Knob, to: float) -> None:
        for lane in self._lanes:
            plan = turned(await _plan(lane, knob.service), knob, to)
            await lane.put_faults(knob.service, plan.model_dump(mode="json"))
        await self._read()

    async def _repair(self) -> str:
        for lane in self._lanes:
            for service in Service:
                plan = (await _plan(lane, service)).model_copy(update={"rules": ()})
                await lane.put_faults(service, plan.model_dump(mode="json"))
        await self._read()
        return "no fault rule is in force any more"


async def _plan(lane: LaneBackend, service: Service) -> FaultPlan:
    return FaultPlan.model_validate((await lane.faults(service))["plan"])


Turn = Callable[[Knob, float], Awaitable[None]]


class _KnobView:
    def __init__(self, knob: Knob, turn: Turn) -> None:
        self.knob = knob
        self._turn = turn
        with ui.element("div").classes("knob"):
            ui.label(knob.name).classes("name")
            self._switch: ui.switch | None = None
            self._slider: RangeInput | None = None
            if knob.most is None:
                self._switch = switch = ui.switch().props(f'aria-label="{knob.name}"')
                switch.on("update:model-value", lambda: self._turned(1.0 if switch.value else 0.0))
                described(switch, knob.says)
            else:
                self._slider = RangeInput(knob.name, knob.most, knob.most / STEPS, 0, self._turned)
                described(self._slider.element, knob.says)
            self._told = ui.label("○ off").classes("told number")

    async def _turned(self, to: float) -> None:
        async def act() -> None:
            await self._turn(self.knob, to)

        await attempt(act)

    def show(self, levels: dict[str, float]) -> None:
        """What is in force by lane; lanes that differ are told one by one."""
        values = set(levels.values())
        value = max(values, default=0.0)
        if len(values) == 1:
            text = self._said(value)
        else:
            text = ", ".join(f"{lane} {self._said(each)}" for lane, each in levels.items())
        if self._told.text == text:
            return
        self._told.set_text(text)
        if self._switch is not None:
            self._switch.set_value(value > 0)
        if self._slider is not None:
            self._slider.show(value)

    def _said(self, value: float) -> str:
        if value == 0:
            return "○ off"
        return "✗ on" if self.knob.is_switch else f"✗ {value:g} {self.knob.unit}"
