"""A lane's practices as switches. Each shows what is on, whoever made it so; turning one starts processes anew."""

from typing import Final

from nicegui import ui

from lab.console.components import attempt, described, status_sign
from lab.console.context import Console
from lab.console.headings import heading
from lab.errors import BadInput
from services.practices import Practice, Practices, format_practices, parse_practices
from services.trail import OrderStatus

SAYS: Final = {
    Practice.RETRIES: "a failed step is tried again",
    Practice.IDEMPOTENCY: "what comes twice has one effect",
    Practice.OUTBOX: "nothing is done that is not written down",
    Practice.DEAD_LETTERS: "what cannot be done is kept, and undone",
    Practice.DEADLINES: "somebody notices an order gone quiet",
}
COST: Final = (
    "A switch starts all processes of this lane anew, but for its broker: for some seconds it takes no order. Orders"
    " under way go on under the new setting, from what was written down; what was only in memory (outbox off) is lost."
)
FIXED: Final = "Processes are not controlled from here: lab up --practices … decides."


class PracticeSwitches:
    """Drawn where it is made; ``show`` brings it up to date."""

    def __init__(self, console: Console, lane: str) -> None:
        self._console, self._lane = console, lane
        self._switches: dict[Practice, ui.switch] = {}
        self._shown: Practices | None = None
        heading("Practices", level=3)
        self._list = ui.element("ul").classes("practices")
        self._says = ui.label(COST if console.backend.can_control else FIXED).classes("quiet").props('role="status"')

    def show(self) -> None:
        on = self._now()
        if on == self._shown:
            return
        self._shown = on
        if not self._switches:
            self._draw(on)
        for practice, switch in self._switches.items():
            switch.set_value(practice in on)

    def _now(self) -> Practices:
        return parse_practices(self._console.feed.practices.get(self._lane, "hardened"))

    def _draw(self, on: Practices) -> None:
        self._list.clear()
        with self._list:
            for practice in Practice:
                with ui.element("li"):
                    if self._console.backend.can_control:
                        self._switches[practice] = self._switch(practice, practice in on)
                    else:
                        status_sign("on" if practice in on else "off", prefix=f"{name_of(practice)} ")
                    ui.label(SAYS[practice]).classes("quiet")

    def _switch(self, practice: Practice, on: bool) -> ui.switch:
        switch = ui.switch(name_of(practice), value=on, on_change=lambda: self._turned(practice))
        switch.props["aria-label"] = f"{name_of(practice)} in {self._lane}"
        described(switch, f"{SAYS[practice]}. {COST}")
        return switch

    async def _turned(self, practice: Practice) -> None:
        now, wanted = self._now(), bool(self._switches[practice].value)
        if wanted == (practice in now):  # it was only shown
            return
        for switch in self._switches.values():
            switch.disable()
        self._says.set_text(f"▶ the processes of {self._lane} are started anew …")
        try:
            await attempt(lambda: self._set(now | {practice} if wanted else now - {practice}))
        finally:
            self._shown = None  # whatever came of it, what is on is shown
            self.show()
            self._says.set_text(COST)
            for switch in self._switches.values():
                switch.enable()

    async def _set(self, wanted: Practices) -> str:
        if Practice.DEAD_LETTERS not in wanted:
            await self._nothing_parked()
        restarted = await self._console.backend.set_practices(self._lane, format_practices(wanted))
        await self._console.feed.ask_processes()
        return f"{self._lane}: {format_practices(wanted)}; started anew: {', '.join(restarted)}"

    async def _nothing_parked(self) -> None:
        if await self._console.backend.lane(self._lane).orders(OrderStatus.PARKED, 1):
            raise BadInput("an order is parked for a person, which only dead letters know: put it right first (Events)")


def name_of(practice: Practice) -> str:
    return practice.value.replace("_", " ")
