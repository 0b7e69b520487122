"""The panel with which orders come: one in both lanes, followed to its end, or a load of so many a second."""

import asyncio
import uuid

from nicegui import ui

from lab.console.components import RangeInput, act_button, attempt, described, every, lane_title, set_sign, status_sign
from lab.console.context import Console
from lab.console.headings import heading
from lab.console.load import MAX_RATE
from lab.console.orders.made import make_order
from lab.errors import BadInput, OutOfReach
from services.trail import ENDED

LOAD_SAYS = "So many orders a second leave for each lane, from a process of its own, until it is 0 again"


class Ordering:
    """Drawn where it is made."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._following: str | None = None
        self._signs: dict[str, ui.label] = {}
        with ui.element("section").classes("card").props('aria-label="Orders"'):
            heading("Orders")
            with ui.element("div").classes("flow"):
                act_button(
                    "Place one order in both lanes",
                    "Places the same small order in every lane, and follows it here",
                    lambda: self._place(dear=False),
                    tone="main",
                )
                act_button(
                    "Place a dear one",
                    "Places an order so dear that a manager is asked before the label is printed",
                    lambda: self._place(dear=True),
                )
            self._followed = ui.element("div").classes("flow followed").props('aria-live="polite"')
            self._load()
        every(0.5, self._follow)

    # --- one order ------------------------------------------------------------------------------------------------

    async def _place(self, *, dear: bool) -> str | None:
        lanes = list(self._console.backend.lanes.values())
        catalogue = await lanes[0].json("GET", "warehouse", "/catalogue")
        order = make_order(catalogue, f"order-{uuid.uuid4().hex[:12]}", dear=dear)
        await asyncio.gather(*(lane.place(order) for lane in lanes))
        self._show(order["order_id"])
        return None

    def _show(self, order_id: str) -> None:
        self._following, self._signs = order_id, {}
        self._followed.clear()
        with self._followed:
            ui.link(order_id, f"/orders/{order_id}")
            for lane in self._console.backend.lanes:
                with ui.element("span").classes("flow"):
                    lane_title(lane).classes("small")
                    self._signs[lane] = status_sign("in progress")

    async def _follow(self) -> None:
        if self._following is None:
            return
        ended = 0
        for name, label in self._signs.items():
            try:
                view = await self._console.backend.lane(name).view(self._following)
            except (OutOfReach, BadInput):  # its front door is being restarted, or its read model has not caught up
                set_sign(label, "no answer")
                continue
            set_sign(label, view["status"])
            ended += view["status"] in ENDED
        if ended == len(self._signs):
            self._following = None

    # --- a load ---------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        load = self._console.load
        with ui.element("div").classes("knob"):
            ui.label("Load").classes("name")
            slider = RangeInput("Load, orders a second", MAX_RATE, 5, load.rate, self._turn)
            described(slider.element, LOAD_SAYS)
            told = ui.label().classes("told number").props('aria-live="polite"')

        async def refresh() -> None:
            slider.show(load.rate)
            lost = f", {load.sent['failed']} not accepted" if load.sent.get("failed") else ""
            lost += f", {load.sent['left_out']} left out: too many under way" if load.sent.get("left_out") else ""
            text = f"{load.rate:g} orders/s; {load.sent.get('left', 0)} sent{lost}"
            if told.text != text:
                told.set_text(text)

        every(0.5, refresh)

    async def _turn(self, rate: float) -> None:
        await attempt(lambda: self._console.load.set_rate(rate))
