"""Who may talk to the console."""

import time

import httpx
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from lab.console.guard import COOKIE, Guard, Tickets, host_allowed, login_page, origin_allowed
from lab.console.settings import ConsoleSettings

LANES = {"choreography": {"door": "http://127.0.0.1:1"}}


def settings(**more: object) -> ConsoleSettings:
    return ConsoleSettings.model_validate({"lanes": LANES, **more})


def client(**more: object) -> httpx.AsyncClient:
    return asking(guarded(**more), "127.0.0.1")


def asking(app: Guard, address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://127.0.0.1:7440")


def guarded(**more: object) -> Guard:
    async def page(_request: object) -> PlainTextResponse:
        return PlainTextResponse("the page")

    routes = [Route("/", page, methods=["GET", "POST"]), Route("/healthz", page), Route("/decide/x", page)]
    return Guard(Starlette(routes=routes), settings(**more))


@pytest.mark.parametrize("host", ["127.0.0.1:7440", "localhost", "[::1]:80", "192.168.1.7:7440", "lab.example"])
def test_addresses_and_known_names_are_answered(host: str) -> None:
    assert host_allowed(host, ["lab.example"])


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1.evil.example", "[::1", "localhost.evil.example:7440"])
def test_a_name_that_was_rebound_to_this_machine_is_refused(host: str) -> None:
    assert not host_allowed(host, ["lab.example"])


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://127.0.0.1:7440", True),
        ("http://127.0.0.1:7441", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
        ("file://127.0.0.1:7440", False),
    ],
)
def test_only_the_consoles_own_pages_may_ask(origin: str | None, allowed: bool) -> None:
    assert origin_allowed(origin, "127.0.0.1:7440") is allowed


async def test_a_request_of_another_site_reaches_no_page() -> None:
    asked = client()
    assert (await asked.get("/")).text == "the page"
    assert (await asked.get("/", headers={"origin": "http://evil.example"})).status_code == 403
    assert (await asked.post("/", headers={"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await asked.get("/", headers={"host": "evil.example"})).status_code == 403


async def test_no_page_may_load_from_elsewhere() -> None:
    policy = (await client().get("/")).headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "http:" not in policy
    assert "frame-ancestors 'self'" in policy


def test_beyond_loopback_a_password_is_required() -> None:
    with pytest.raises(ValidationError, match="LAB_CONSOLE_PASSWORD"):
        settings(host="0.0.0.0")
    assert settings(host="0.0.0.0", password="x").host == "0.0.0.0"


async def test_with_a_password_only_the_public_paths_are_open() -> None:
    asked = client(password="secret", admin_token="token")
    assert (await asked.get("/", headers={"accept": "text/html"})).headers["location"] == "/login"
    assert (await asked.get("/")).status_code == 401
    assert (await asked.get("/healthz")).status_code == 200
    assert (await asked.get("/decide/x")).status_code == 200
    assert (await asked.post("/login", data={"password": "wrong"})).status_code == 401
    answer = await asked.post("/login", data={"password": "secret"})
    assert answer.status_code == 303
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert (await asked.get("/")).text == "the page"
    assert (
        await client(password="secret").get("/", headers={"cookie": f"{COOKIE}=9999999999.forged"})
    ).status_code == 401


async def test_guessing_is_slowed_down_for_who_guesses() -> None:
    app = guarded(password="secret")
    stranger, pupil = asking(app, "192.168.1.66"), asking(app, "192.168.1.7")
    answers = [(await stranger.post("/login", data={"password": str(number)})).status_code for number in range(11)]
    assert answers == [401] * 10 + [429]
    assert (await stranger.post("/login", data={"password": "secret"})).status_code == 429
    assert (await pupil.post("/login", data={"password": "secret"})).status_code == 303


def test_a_ticket_ends_and_belongs_to_its_password() -> None:
    now = time.time()
    ticket = Tickets("a", "token").issue(now)
    assert Tickets("a", "token").valid(ticket, now)
    assert not Tickets("a", "token").valid(ticket, now + 13 * 3600)
    assert not Tickets("b", "token").valid(ticket, now)
    assert not Tickets("a", "token").valid(f"9{ticket}", now)
    assert not Tickets("a", "token").valid("²." + ticket.partition(".")[2], now)


def test_the_login_page_shows_its_problem_as_text() -> None:
    assert "<b>" not in login_page("<b>no</b>")
