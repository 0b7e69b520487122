"""Orders: a list with filters, and one order in every lane on one time axis."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from nicegui import ui
from starlette.requests import Request

from lab.console.backend import LaneBackend
from lab.console.components import (
    act_button,
    attempt,
    every,
    json_view,
    lane_title,
    picture,
    set_picture,
    set_sign,
    status_sign,
)
from lab.console.context import Console
from lab.console.headings import heading
from lab.console.orders.axis import axis, seconds
from lab.console.orders.finding import FILTERS, Found, find
from lab.console.orders.moments import Moment, final_books, left_out, moments
from lab.console.orders.near import rows_of_order
from lab.console.pages import Page
from lab.errors import BadInput, LabError
from lab.story import instant
from services.operations import Service
from services.trail import ENDED, OrderStatus

LATER_S: Final = 60.0  # effects so long after an order's end are still looked for
MAX_ROWS: Final = 100


# --- the list --------------------------------------------------------------------------------------------------------


async def build_list(console: Console, request: Request) -> None:
    lanes = list(console.backend.lanes)
    with ui.element("div").classes("flow search"):
        text = ui.input("Order or customer").props("dense outlined clearable")
        which = ui.select(list(FILTERS), value=request.query_params.get("filter", "all"), label="Which").props(
            "dense outlined"
        )
        status = ui.select(["any", *OrderStatus], value="any", label="Status").props("dense outlined")
        act_button("Search", "Asks every lane", lambda: refresh())
    explained = ui.label().classes("quiet")
    table = ui.element("div").classes("scroll")

    async def refresh() -> None:
        wanted = None if status.value == "any" else str(status.value)
        explained.set_text(f"{FILTERS.get(which.value, '')}; the newest of each lane")
        found = await find(
            console.backend, console.feed, which.value, wanted, text.value or "", console.settings.time_scale
        )
        _show_list(table, found[:MAX_ROWS], lanes)

    for control in (which, status):
        control.on_value_change(lambda: attempt(refresh))
    text.on("keydown.enter", lambda: attempt(refresh))
    ui.timer(0.1, lambda: attempt(refresh), once=True)


def _show_list(table: ui.element, found: Sequence[Found], lanes: Sequence[str]) -> None:
    table.clear()
    with table:
        if not found:
            ui.label("No order of this kind.").classes("quiet")
            return
        with ui.element("table").classes("plain"):
            with ui.element("thead"), ui.element("tr"):
                for title in ("order", *lanes, "accepted (UTC)"):
                    with ui.element("th").props('scope="col"'):
                        ui.label(title)
            with ui.element("tbody"):
                for order in found:
                    _row(order, lanes)


def _row(order: Found, lanes: Sequence[str]) -> None:
    with ui.element("tr"):
        with ui.element("td"):
            ui.link(order.order_id, f"/orders/{quote(order.order_id, safe='')}")
        for lane in lanes:
            with ui.element("td"):
                view = order.views.get(lane)
                if view is None:
                    ui.label("–")
                    continue
                status_sign(view["status"])
                if view.get("reason"):
                    ui.label(str(view["reason"])[:120]).classes("quiet")
        with ui.element("td").classes("number"):
            ui.label(order.accepted_at[11:23])


# --- one order -------------------------------------------------------------------------------------------------------


async def build_order(console: Console, request: Request) -> None:
    OrderView(console, request.path_params["order_id"])


class OrderView:
    """Drawn where it is made; asks again until the order has ended in every lane."""

    def __init__(self, console: Console, order_id: str) -> None:
        self._console, self._order_id = console, order_id
        self._lanes = list(console.backend.lanes.values())
        self._found: dict[str, list[Moment]] = {}
        self._ended: set[str] = set()
        self._drawn = -1
        heading(order_id)
        self._heads: dict[str, tuple[ui.label, ui.label, ui.label]] = {}
        with ui.element("div").classes("lanes"):
            for lane in self._lanes:
                with ui.element("section").classes(f"card lane lane-{lane.name}").props(f'aria-label="{lane.name}"'):
                    lane_title(lane.name)
                    self._heads[lane.name] = (
                        status_sign("unknown"),
                        ui.label().classes("quiet"),
                        ui.label().classes("number"),
                    )
        with ui.element("div").classes("flow"):
            self._all = ui.switch("Every record", on_change=lambda: self._draw()).props('aria-label="Every record"')
            act_button("Ask again", "Reads the order anew from every lane", self._refresh)
            self._left_out = ui.label().classes("quiet")
        self._axis = picture()
        self._table = ui.element("div").classes("scroll")
        timer = every(1.0, self._refresh_until_ended)
        self._timer = timer

    async def _refresh_until_ended(self) -> None:
        await self._refresh()
        if len(self._ended) == len(self._lanes):
            self._timer.deactivate()

    async def _refresh(self) -> None:
        await asyncio.gather(*(self._read_and_draw(lane) for lane in self._lanes))

    async def _read_and_draw(self, lane: LaneBackend) -> None:
        await self._read(lane)
        self._draw()

    async def _read(self, lane: LaneBackend) -> None:
        sign, why, books = self._heads[lane.name]
        try:
            view = await lane.view(self._order_id)
        except BadInput:
            set_sign(sign, "unknown")
            why.set_text("this lane knows no such order")
            return
        trail = await lane.trail(self._order_id)
        injected, effects = await _ground_truth(lane, self._order_id, view)
        self._found[lane.name] = moments(lane.name, trail, injected, effects)
        set_sign(sign, view["status"])
        stores = len(trail["stores"])
        queries = trail["queries"]
        told = f"{stores} store{'s' * (stores != 1)} asked, {queries} quer{'y' if queries == 1 else 'ies'}"
        why.set_text(f"{view['reason']}; {told}" if view.get("reason") else told)
        books.set_text(f"books now: {final_books(effects).said()}")
        if OrderStatus(view["status"]) in ENDED:
            self._ended.add(lane.name)

    def _draw(self) -> None:
        merged = sorted((each for found in self._found.values() for each in found), key=lambda moment: moment.at)
        shown = [moment for moment in merged if self._all.value or not moment.minor]
        count = 0 if self._all.value else left_out(merged)
        self._left_out.set_text(f"{count} tries between the first and the last are left out" if count else "")
        set_picture(self._axis, axis([lane.name for lane in self._lanes], merged, f"{self._order_id} on one time axis"))
        if len(shown) != self._drawn:
            self._drawn = len(shown)
            self._draw_table(shown, merged[0].at if merged else 0.0)

    def _draw_table(self, shown: Sequence[Moment], start: float) -> None:
        self._table.clear()
        with self._table, ui.element("table").classes("plain story"):
            with ui.element("thead"), ui.element("tr"):
                for title in ("after", *(lane.name for lane in self._lanes), "books then", "told by"):
                    with ui.element("th").props('scope="col"'):
                        ui.label(title)
            with ui.element("tbody"):
                for moment in shown:
                    self._draw_moment(moment, start)

    def _draw_moment(self, moment: Moment, start: float) -> None:
        with ui.element("tr").classes(f"kind-{moment.kind}"):
            _cell(seconds(moment.at - start), "number")
            for lane in self._lanes:
                with ui.element("td"):
                    if lane.name == moment.lane:
                        _tell(moment)
            _cell(moment.books.said(), "number")
            _cell(moment.source, "quiet")


def _cell(text: str, kind: str) -> None:
    with ui.element("td").classes(kind):
        ui.label(text)


def _tell(moment: Moment) -> None:
    ui.label(f"{moment.shape} {moment.headline}").classes(f"sign wrap tone-{moment.tone}")
    if moment.error:
        ui.label(moment.error).classes("tone-bad")
    for name, value in (("cause", moment.cause), ("input", moment.input), ("output", moment.output)):
        if value is not None:
            json_view(value, name)


async def _ground_truth(
    lane: LaneBackend, order_id: str, view: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was injected into the order, and what the ledgers hold for it. A service that is down has nothing to say."""
    since = instant(str(view["accepted_at"]))
    until = instant(str(view["finished_at"])) + LATER_S if view.get("finished_at") else time.time()
    found = await asyncio.gather(*(_of_service(lane, service.value, order_id, since, until) for service in Service))
    return [row for rows, _ in found for row in rows], [row for _, rows in found for row in rows]


async def _of_service(
    lane: LaneBackend, service: str, order_id: str, since: float, until: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    try:
        injected = await rows_of_order(
            lambda after, limit: lane.injected(service, after, limit), order_id, since, until
        )
        effects = await rows_of_order(lambda after, limit: lane.ledger(service, after, limit), order_id, since, until)
    except LabError:
        return [], []
    return injected, effects


PAGES = (
    Page("/orders", "Orders", build_list, place=2, says="Every order in both lanes."),
    Page("/orders/{order_id}", "Order", build_order, says="One order in both lanes, on one time axis."),
)
