"""Where a mail's link leads: a page that says what it is about, with a button that decides. Works without a script.

Opening a link decides nothing: mail servers and readers open links by themselves.
"""

from html import escape
from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse

from lab.console.backend import Backend
from lab.console.desk import Outcome, Told, decide, standing
from lab.console.signs import words_of
from lab.errors import LabError
from lab.mail.links import PATH, Choice, Link, read

_STATUS: Final = {Outcome.UNKNOWN: 404, Outcome.OPPOSITE: 409, Outcome.TOO_LATE: 410}
_SHAPES: Final = {Outcome.WAITS: "◆", Outcome.DECIDED: "✓", Outcome.REPEATED: "✓"}
COMMENT: Final = "decided by the link in the mail"
_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:18px/1.5 system-ui,sans-serif;max-width:36rem;margin:10vh auto;"
    "padding:0 1rem;overflow-wrap:anywhere}button{font:inherit;padding:.6rem 1.4rem;margin:1rem 0}"
)


def add_decide(app: FastAPI, backend: Backend, secret: str) -> None:
    @app.get(PATH + "{signed}", include_in_schema=False)
    async def ask(signed: str) -> HTMLResponse:
        link = read(signed, secret)
        if link is None:
            return _forged()
        try:
            told = await standing(backend, link)
        except LabError as error:
            return _trouble(link, error)
        return _page(link, told, 200 if told.outcome is Outcome.WAITS else _STATUS.get(told.outcome, 200))

    @app.post(PATH + "{signed}", include_in_schema=False)
    async def act(request: Request, signed: str) -> HTMLResponse:
        link = read(signed, secret)
        if link is None:
            return _forged()
        try:
            told = await decide(backend, link, COMMENT)
        except LabError as error:
            return _trouble(link, error)
        return _page(link, told, _STATUS.get(told.outcome, 200))


def _page(link: Link, told: Told, status: int) -> HTMLResponse:
    said = f"<p role='status'><strong>{_SHAPES.get(told.outcome, '✗')} {escape(told.says)}</strong></p>"
    if told.order_status:
        said += f"<p>The order is {escape(words_of(told.order_status))}.</p>"
    button = ""
    if told.outcome is Outcome.WAITS:
        verb = "Approve" if link.choice is Choice.APPROVE else "Reject"
        button = f"<form method='post'><button>{verb} order {escape(link.order_id)}</button></form>"
    about = f"<p>Order {escape(link.order_id)}, {link.total_cents / 100:,.2f}, lane {escape(link.lane)}</p>"
    return _html(f"{link.choice.capitalize()} order {link.order_id}", about + said + button, status)


def _forged() -> HTMLResponse:
    return _html(
        "This link is not ours",
        "<p role='alert'>✗ It was cut off on its way, or made up. Nothing was changed.</p>",
        404,
    )


def _trouble(link: Link, error: LabError) -> HTMLResponse:
    said = f"<p role='alert'>✗ {escape(str(error))}</p><p>Open the link in the mail once more in a moment.</p>"
    return _html(f"Order {link.order_id}: not now", said, 503)


def _html(title: str, body: str, status: int) -> HTMLResponse:
    page = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)} · Saga Lab</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(page, status, headers={"cache-control": "no-store"})
