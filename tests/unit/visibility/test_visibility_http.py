"""Who may read executions over HTTP: whoever reaches the port, but no page whose own name points here."""

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from orchestration.visibility.cursors import BadCursor
from orchestration.visibility.executions import Page
from orchestration.visibility.http import add_visibility
from services.operational_http import create_operational_app
from services.settings import Settings

PATHS = ["/executions", "/executions/one", "/machines/one/graph"]


class Empty:
    async def list(self, *_which: Any, after: str | None, **_more: Any) -> Page:
        if after is not None:
            raise BadCursor("no page ended there")
        return Page(())

    async def story(self, *_asked: Any, **_more: Any) -> None:
        return None

    async def graph(self, _name: str) -> None:
        return None


def client() -> httpx.AsyncClient:
    async def ready() -> str | None:
        return None

    app = create_operational_app(Settings(component="api"), ready, None)
    empty: Any = Empty()
    add_visibility(app, empty, empty, SecretStr("secret"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:7402", ""])
async def test_a_page_whose_name_was_made_to_point_here_reads_nothing(path: str, host: str) -> None:
    async with client() as asking:
        refused = await asking.get(path, headers={"host": host})
        assert (refused.status_code, refused.json()["error"]) == (403, "Forbidden")
        bearer = {"host": host, "authorization": "Bearer secret"}
        assert (await asking.get(path, headers=bearer)).status_code in (200, 404)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["localhost:7402", "127.0.0.1", "[::1]:7402"])
async def test_a_name_of_this_machine_is_answered(path: str, host: str) -> None:
    async with client() as asking:
        assert (await asking.get(path, headers={"host": host})).status_code in (200, 404)


async def test_a_cursor_that_is_none_is_the_clients_mistake() -> None:
    async with client() as asking:
        answer = await asking.get("/executions", params={"after": "x"})
    assert (answer.status_code, answer.json()["error"]) == (422, "BadRequest")
