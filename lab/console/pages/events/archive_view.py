"""The archive played to a new subscriber: a real consumer of the stream that hears all that was said before it came."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from nicegui import ui

from lab.console.bus.archive import SUBSCRIBERS, Replayed, replay_into
from lab.console.components import act_button, json_view
from lab.console.context import Console
from lab.console.headings import heading
from lab.console.rooms import BUS_LANE
from lab.errors import LabError

SINCE: Final = {0: "the beginning", 10: "10 minutes ago", 60: "an hour ago"}
WHO: Final = {
    "loyalty": "loyalty: points for what was shipped",
    "analytics": "analytics: how many orders, what they were worth",
    "notification": "notification: what customers were told",
}


class ArchiveView:
    def __init__(self, console: Console) -> None:
        self._console = console
        ui.label("A subscriber that comes late misses nothing: the stream is kept. Nobody else hears it again.")
        with ui.element("div").classes("flow card"):
            self._who = ui.select({name: WHO[name] for name in SUBSCRIBERS}, value="loyalty", label="New subscriber")
            self._since = ui.select(SINCE, value=0, label="From")
            for select in (self._who, self._since):
                select.props("dense").style("min-width: 15rem")
            says = "Make a consumer of the stream, play the past to it, and show what it makes of it"
            act_button("Replay the archive", says, self._replay, tone="main")
        self._says = ui.label().props('role="status"')
        with ui.element("div").classes("lanes"):
            with ui.element("section").classes("card fields"):
                heading("The new subscriber")
                self._new = ui.element("div")
            with ui.element("section").classes("card fields"):
                heading("The one that was there all the time")
                self._old = ui.element("div")

    async def refresh(self) -> None:
        """Nothing comes by itself here."""

    async def _replay(self) -> str:
        minutes = int(self._since.value or 0)
        since = datetime.now(UTC) - timedelta(minutes=minutes) if minutes else None
        client = await self._console.rooms.bus.client()
        told: Replayed | None = None
        async for told in replay_into(client, str(self._who.value), since):
            self._says.set_text(_progress(told))
        if told is not None:
            await self._compare(told.made)
        return "the new subscriber has caught up"

    async def _compare(self, made: dict[str, Any]) -> None:
        self._new.clear()
        with self._new:
            json_view(made, "What it made of the archive", opened=True)
        try:
            known = await self._console.backend.lane(BUS_LANE).json("GET", "watch", "/reactions")
        except LabError as error:
            known = {str(self._who.value): str(error)}
        self._old.clear()
        with self._old:
            json_view(known.get(str(self._who.value)), "What it has made so far", opened=True)


def _progress(told: Replayed) -> str:
    unreadable = f", {told.unreadable} could not be read" if told.unreadable else ""
    state = "caught up" if told.done else f"{told.left:,} to go"
    return f"{told.events:,} events heard in {told.seconds:.1f} s by consumer {told.consumer}{unreadable}; {state}"
