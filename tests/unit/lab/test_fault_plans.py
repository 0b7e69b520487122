"""Replacing a service's fault plan: whoever may try again is told so apart from whoever asked for nonsense."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from lab import fault_plans
from lab.errors import BadInput, LabError, OutOfReach
from tests.unit.orchestration.task_samples import serving


@pytest.mark.parametrize(("status", "told"), [(503, OutOfReach), (422, BadInput), (401, BadInput)])
async def test_a_refusal_says_whether_to_try_again(status: int, told: type[LabError]) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"error": "why"}, status=status)

    async with serving(refuse) as (url, _), aiohttp.ClientSession() as session:
        with pytest.raises(told, match="why"):
            await fault_plans.ask(session, "PUT", url, "token", {"rules": []})


async def test_the_answer_is_the_services() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"rules": []})

    async with serving(answer) as (url, seen), aiohttp.ClientSession() as session:
        assert await fault_plans.ask(session, "GET", url, "token") == {"rules": []}
        assert (seen[0].path, seen[0].headers["authorization"]) == ("/faults", "Bearer token")


async def test_nobody_there_is_out_of_reach() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(OutOfReach):
            await fault_plans.ask(session, "PUT", f"http://127.0.0.1:{unused_port()}", "token", {})
