"""What the robot manager says to a front door, as the plan wants it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from loadtests.manager import Desk, manage
from loadtests.workload import Decision

TOKEN_OF = {"o1": "t1"}
WITHIN_S = 5.0


class Door:
    """Waits for ``o1`` until it is decided; a second, contrary decision is a conflict."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.rounds = asyncio.Semaphore(0)
        self.url = ""

    async def waiting(self, _: web.Request) -> web.Response:
        self.rounds.release()
        return web.json_response([{"order_id": order_id, "token": token} for order_id, token in TOKEN_OF.items()])

    async def decide(self, request: web.Request) -> web.Response:
        said = (await request.json())["decision"]
        self.said.append(said)
        return web.Response(status=200 if said == self.said[0] else 409)


@asynccontextmanager
async def managed(decision: Decision) -> AsyncIterator[tuple[Door, Desk]]:
    door, desk, until = Door(), Desk({"o1": decision}), asyncio.Event()
    app = web.Application()
    app.add_routes([web.get("/approvals", door.waiting), web.post("/approvals/t1", door.decide)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(manage(desk, door.url, until=until))
            yield door, desk
            until.set()
    finally:
        await runner.cleanup()


async def asked(door: Door, times: int) -> None:
    """Until the manager has asked so often what waits."""
    async with asyncio.timeout(WITHIN_S):
        for _ in range(times):
            await door.rounds.acquire()


async def test_who_answers_once_answers_once() -> None:
    async with managed(Decision(approve=True, delay_s=0.0)) as (door, desk):
        await asked(door, 3)
        assert door.said == ["approve"]
        assert desk.answered == {"o1": 200}


async def test_who_never_answers_says_nothing() -> None:
    async with managed(Decision(approve=True, delay_s=0.0, answers="never")) as (door, desk):
        await asked(door, 2)
        assert door.said == []
        assert desk.answered == {}


async def test_who_answers_twice_says_it_again_and_then_the_contrary() -> None:
    async with managed(Decision(approve=False, delay_s=0.0, answers="twice")) as (door, desk):
        await asked(door, 3)
        assert door.said == ["reject", "reject", "approve"]
        assert desk.answered == {"o1": 200}
        assert desk.repeated == [("o1", False, 200), ("o1", True, 409)]
