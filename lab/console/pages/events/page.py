"""The events page: five views behind tabs, of which only the one that is looked at asks for anything."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from lab.console.components import every
from lab.console.context import Console
from lab.console.pages.events.archive_view import ArchiveView
from lab.console.pages.events.catalogue_view import show_catalogue
from lab.console.pages.events.causes_view import CausesView
from lab.console.pages.events.letters_view import LettersView
from lab.console.pages.events.live_view import LiveView

REFRESH_S: Final = 0.7
LIVE: Final = "Live"
CAUSES: Final = "Causes"
LETTERS: Final = "Dead letters"
ARCHIVE: Final = "Archive"
CATALOGUE: Final = "Catalogue"
TABS: Final = {"live": LIVE, "causes": CAUSES, "letters": LETTERS, "archive": ARCHIVE, "catalogue": CATALOGUE}
NO_PADDING: Final = "padding: .4rem 0"


def address(tab: str, **more: str) -> str:
    return f"/events?{urlencode({'view': tab, **{name: value for name, value in more.items() if value}})}"


async def build(console: Console, request: Request) -> None:
    asked = request.query_params
    chosen = TABS.get(asked.get("view", ""), LIVE)
    views: dict[str, Callable[[], Awaitable[None]]] = {}
    with ui.tabs().props('align="left" no-caps dense') as tabs:
        for name in TABS.values():
            ui.tab(name)
    with ui.tab_panels(tabs, value=chosen, animated=False).props("keep-alive").style("background: transparent"):
        with ui.tab_panel(LIVE).style(NO_PADDING):
            views[LIVE] = LiveView(console, asked.get("order", "")).refresh
        with ui.tab_panel(CAUSES).style(NO_PADDING):
            views[CAUSES] = CausesView(console, asked.get("order", "")).refresh
        with ui.tab_panel(LETTERS).style(NO_PADDING):
            views[LETTERS] = LettersView(console).refresh
        with ui.tab_panel(ARCHIVE).style(NO_PADDING):
            views[ARCHIVE] = ArchiveView(console).refresh
        with ui.tab_panel(CATALOGUE).style(NO_PADDING):
            show_catalogue()

    async def refresh() -> None:
        view = views.get(str(tabs.value or chosen))
        if view is not None:
            await view()

    every(REFRESH_S, refresh)
    console.rooms.tail.watch()
    ui.context.client.on_delete(console.rooms.tail.leave)
