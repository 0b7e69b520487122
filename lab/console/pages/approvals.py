"""Approvals: who waits for a manager, in both lanes, and the mail that was written about it."""

import re
from typing import Final
from urllib.parse import urlsplit

from nicegui import ui
from starlette.requests import Request

from lab.console.components import act_button, every, lane_title
from lab.console.context import Console
from lab.console.desk import decide
from lab.console.headings import heading
from lab.console.pages import Page
from lab.mail.catcher import Caught
from lab.mail.letters import Wait
from lab.mail.links import PATH, Choice, Link

REFRESH_S: Final = 1.0
SHOWN: Final = 50
COMMENT: Final = "decided in the console"
_LINK: Final = re.compile(r"https?://\S+")


class _Desk:
    """Who waits, as cards that come and go."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: list[Wait] | None = None
        with ui.element("section").props('aria-labelledby="waiting"').classes("card"):
            heading("Waiting for a manager", "waiting")
            self._says = ui.label("Looking …").classes("quiet").props('role="status"')
            self._list = ui.element("div").classes("fields")

    async def refresh(self) -> None:
        waits = self._console.rooms.courier.waiting
        if waits == self._shown:
            return
        self._shown = waits
        more = f"; the longest waiting {SHOWN} are shown" if len(waits) > SHOWN else ""
        self._says.set_text(f"{len(waits)} waiting{more}" if waits else "Nobody waits for a manager now.")
        self._list.clear()
        with self._list:
            for wait in waits[:SHOWN]:
                self._card(wait)

    def _card(self, wait: Wait) -> None:
        with ui.element("div").classes("flow card").props(f'data-order="{wait.order_id}"'):
            lane_title(wait.lane)
            ui.link(wait.order_id, f"/orders/{wait.order_id}")
            ui.label(f"{wait.total_cents / 100:,.2f}").classes("number")
            ui.label(f"since {wait.since[:19].replace('T', ' ')}").classes("quiet")
            self._button(wait, Choice.APPROVE, "Approve", "its label is printed", "main")
            self._button(wait, Choice.REJECT, "Reject", "what was done for it is undone", "danger")

    def _button(self, wait: Wait, choice: Choice, label: str, then: str, tone: str) -> None:
        async def act() -> str:
            link = Link(wait.lane, wait.order_id, wait.token, wait.total_cents, choice)
            return f"{wait.order_id}: {(await decide(self._console.backend, link, COMMENT)).says}"

        button = act_button(label, f"{label} order {wait.order_id} in lane {wait.lane}: {then}", act, tone=tone)
        button.props(f'aria-label="{label} order {wait.order_id}, {wait.lane}"')


class _Inbox:
    """What the catcher inside this process got; elsewhere, where to look for it."""

    def __init__(self, console: Console) -> None:
        self._courier = console.rooms.courier
        self._shown: list[Caught] | None = None
        self._open = ""
        with ui.element("section").props('aria-labelledby="inbox"').classes("card"):
            heading("The manager's mail", "inbox")
            self._trouble = ui.label().classes("trouble").props('role="status"')
            self._trouble.set_visibility(False)
            self._where()
            self._list = ui.element("div").classes("fields")

    def _where(self) -> None:
        settings = self._courier.settings
        if self._courier.catcher is not None:
            ui.label(f"Caught on its way to {settings.manager}; a click on a link counts once, while the order waits.")
            return
        ui.label(f"Sent to {settings.manager} by {settings.smtp_host}:{settings.smtp_port}.")
        if urlsplit(settings.inbox_url).scheme in ("http", "https"):
            ui.link("Open the mail catcher's inbox", settings.inbox_url, new_tab=True)

    async def refresh(self) -> None:
        if self._trouble.text != self._courier.trouble:
            self._trouble.set_text(self._courier.trouble)
            self._trouble.set_visibility(bool(self._courier.trouble))
        inbox = self._courier.catcher.inbox[:SHOWN] if self._courier.catcher is not None else []
        if inbox == self._shown:
            return
        self._shown = inbox
        self._list.clear()
        with self._list:
            if not inbox and self._courier.catcher is not None:
                ui.label("No mail yet: place an order over the approval threshold.").classes("quiet")
            for caught in inbox:
                _mail(caught)


def _mail(caught: Caught) -> None:
    with ui.element("details").classes("card mail").props(f'data-order="{_attribute(caught.order_id)}"'):
        with ui.element("summary"):
            ui.label(f"✉ {caught.subject}").style("display: inline")
        ui.label(f"from {caught.sender} to {', '.join(caught.to)} · {caught.date}").classes("quiet")
        _with_links(caught.text)


def _with_links(text: str) -> None:
    """The plain text as it came; only our own links can be clicked, and they open on this very console."""
    with ui.element("pre").classes("mail"):
        at = 0
        for found in _LINK.finditer(text):
            ui.label(text[at : found.start()].rstrip("\n"))
            path = urlsplit(found.group()).path
            if path.startswith(PATH):
                last = text[at : found.start()].strip().splitlines()[-1:]
                ui.link((last[0] if last else "decide").split(":")[0] + " (opens a page)", path, new_tab=True)
            else:
                ui.label(found.group())
            at = found.end()
        ui.label(text[at:].strip("\n"))


def _attribute(text: str) -> str:
    return text.replace('"', "").replace("\\", "")


async def build(console: Console, request: Request) -> None:
    ui.add_head_html('<link rel="stylesheet" href="/static/graphs.css">')
    desk = _Desk(console)
    inbox = _Inbox(console)

    async def refresh() -> None:
        await desk.refresh()
        await inbox.refresh()

    every(REFRESH_S, refresh)


SAYS: Final = "Large orders that wait for a person, and the mail about them."
PAGES = (Page("/approvals", "Approvals", build, place=6, says=SAYS),)
