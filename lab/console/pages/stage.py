"""The stage: both lanes side by side, orders moving through them, and everything that can be done to them."""

from nicegui import ui
from starlette.requests import Request

from lab.console.components import every
from lab.console.context import Console
from lab.console.pages import Page
from lab.console.stage.faults import Faults
from lab.console.stage.lane import LaneView
from lab.console.stage.ordering import Ordering


async def build(console: Console, request: Request) -> None:
    with ui.element("div").classes("lanes"):
        Ordering(console)
        Faults(console)
    with ui.element("div").classes("lanes stage"):
        views = {lane: LaneView(console, lane) for lane in console.backend.lanes}

    async def refresh() -> None:
        for name, lane in console.feed.look().items():
            await views[name].show(lane)

    every(1.0, refresh)


PAGES = (Page("/", "Stage", build, place=1, says="Both lanes, live: the same orders, the same faults."),)
