"""Who may talk to the console: an ASGI shell that refuses strangers before any page sees them.

- *Host* must be loopback, a plain address, or a name that the console was told: a name that a stranger's page has
  rebound to this machine is none of them.
- *Origin*, where a browser sends one, must be the console's own: no other site can press a button or open the socket.
- With a password, everything but the public paths needs the cookie that the login page gives.
- No page may load anything from elsewhere, or be framed by it (Content-Security-Policy).
"""

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from html import escape
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.console.settings import ConsoleSettings, is_loopback

COOKIE: Final = "lab_console"
LOGIN: Final = "/login"
# What needs no password: the probe, the login itself, and what a signed link in a mail leads to.
PUBLIC: Final = ("/healthz", LOGIN, "/decide/")
VALID_S: Final = 12 * 3600
MAX_FORM: Final = 4_096
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# A wrong password costs patience, but only whoever typed it: a stranger must not lock a whole class out.
TRIES: Final = 10
TRIES_WINDOW_S: Final = 60.0
POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:;"
    " object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)


def host_allowed(host: str, names: Iterable[str]) -> bool:
    """``host`` as the Host header gives it, with or without a port."""
    name = _hostname(host)
    if name is None:
        return False
    return is_loopback(name) or _is_address(name) or name in {each.lower() for each in names}


def origin_allowed(origin: str | None, host: str) -> bool:
    """Whether a request with this Origin comes from the console's own pages; browsers leave it out of plain visits."""
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower() and parts.netloc != ""


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class Tickets:
    """What the login cookie holds: when it ends, signed with a key that only the password and the lab's token give."""

    def __init__(self, password: str, token: str) -> None:
        self._password = password.encode()
        self._key = hashlib.sha256(b"console\x00" + token.encode() + b"\x00" + self._password).digest()

    def accepts(self, password: str) -> bool:
        return hmac.compare_digest(password.encode(), self._password)

    def issue(self, now: float) -> str:
        until = str(int(now + VALID_S))
        return f"{until}.{self._sign(until)}"

    def valid(self, ticket: str, now: float) -> bool:
        until, _, signature = ticket.partition(".")
        return (
            until.isascii()
            and until.isdigit()
            and signature.isascii()
            and hmac.compare_digest(signature, self._sign(until))
            and int(until) > now
        )

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()


class Guard:
    """Around the whole app."""

    def __init__(self, app: ASGIApp, settings: ConsoleSettings) -> None:
        self._app = app
        self._names = settings.names
        password = settings.password.get_secret_value()
        self._tickets = Tickets(password, settings.admin_token.get_secret_value()) if password else None
        self._wrong: dict[str, list[float]] = {}  # by the address that tried

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope, receive)
        if refusal is None:
            await self._app(scope, receive, _with_policy(send) if scope["type"] == "http" else send)
        elif scope["type"] == "http":
            await refusal(scope, receive, _with_policy(send))
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})

    async def _refusal(self, scope: Scope, receive: Receive) -> Response | None:
        """None: let it through."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if not host_allowed(host, self._names):
            return PlainTextResponse("this console does not answer to that host name", 403)
        foreign = not origin_allowed(headers.get("origin"), host)
        if foreign or (_acts(scope) and headers.get("sec-fetch-site") in ("cross-site", "same-site")):
            return PlainTextResponse("requests of other sites are refused", 403)
        if self._tickets is None:
            return None
        if scope["path"] == LOGIN and scope["type"] == "http":
            return await self._login(Request(scope, receive), self._tickets)
        if scope["path"].startswith(PUBLIC) or self._knows(headers, self._tickets):
            return None
        if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse(LOGIN, 303)
        return PlainTextResponse("log in first", 401)

    def _knows(self, headers: Mapping[str, str], tickets: Tickets) -> bool:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return morsel is not None and tickets.valid(morsel.value, time.time())

    async def _login(self, request: Request, tickets: Tickets) -> Response:
        if request.method != "POST":
            return HTMLResponse(login_page())
        now, who = time.time(), request.client.host if request.client is not None else ""
        self._wrong = {each: left for each, tries in self._wrong.items() if (left := _recent(tries, now))}
        if len(self._wrong.get(who, ())) >= TRIES:
            return HTMLResponse(login_page("Too many wrong passwords: try again in a minute."), 429)
        if not tickets.accepts(await _password(request)):
            self._wrong.setdefault(who, []).append(now)
            return HTMLResponse(login_page("That is not the password."), 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, tickets.issue(now), max_age=VALID_S, httponly=True, samesite="lax")
        return answer


def _recent(tries: Iterable[float], now: float) -> list[float]:
    return [at for at in tries if now - at < TRIES_WINDOW_S]


def _acts(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in SAFE


async def _password(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            return ""
    return parse_qs(body.decode(errors="replace")).get("password", [""])[0]


def _with_policy(send: Send) -> Send:
    async def with_policy(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("content-security-policy", POLICY)
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "same-origin"
        await send(message)

    return with_policy


def login_page(problem: str = "") -> str:
    """A plain form: it works before anything else of the console is loaded."""
    said = f'<p role="alert">✗ {escape(problem)}</p>' if problem else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Log in · Saga Lab</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><style>:root{color-scheme:light dark}'
        "body{font:18px/1.5 system-ui,sans-serif;max-width:24rem;margin:15vh auto;padding:0 1rem}"
        "input,button{font:inherit;padding:.5rem;width:100%;margin:.4rem 0;box-sizing:border-box}</style></head>"
        f'<body><main><h1>Saga Lab</h1>{said}<form method="post" action="{LOGIN}"><label for="password">Password'
        '</label><input id="password" name="password" type="password" autocomplete="current-password" autofocus'
        " required><button>Log in</button></form></main></body></html>"
    )
