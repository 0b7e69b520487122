"""The closed loop against a small lane and small services of our own."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count, islice
from typing import Any

import pytest
from aiohttp import web

from loadtests.closed_loop import FLOOR_CALLS, FloorClient, Loop, NoOutcome, drive_floor, drive_lane
from loadtests.workload import PlannedOrder

WITHIN_S = 20.0


def orders() -> Iterator[PlannedOrder]:
    return (PlannedOrder(at_s=number / 100, body={"order_id": f"o{number}"}) for number in count())


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def lane_app(ended: list[dict[str, Any]], status: int = 202) -> web.Application:
    """A lane that fulfils every order at once."""

    async def place(request: web.Request) -> web.Response:
        at = str(time.time())
        order_id = (await request.json())["order_id"]
        row = {"order_id": order_id, "status": "fulfilled", "accepted_at": at, "finished_at": at}
        ended.append({"cursor": len(ended) + 1, **row})
        return web.Response(status=status)

    async def outcomes(request: web.Request) -> web.Response:
        after, limit = int(request.query["after"]), int(request.query["limit"])
        return web.Response(text="\n".join(json.dumps(row) for row in ended[after : after + limit]))

    app = web.Application()
    app.router.add_post("/orders", place)
    app.router.add_get("/outcomes", outcomes)
    return app


async def test_each_client_has_one_order_on_its_way_at_a_time() -> None:
    old = {"cursor": 1, "order_id": "old", "status": "failed", "accepted_at": "0", "finished_at": "0"}
    ended = [old]
    async with asyncio.timeout(WITHIN_S), serving(lane_app(ended)) as url:
        loop = await drive_lane(url, orders(), clients=3, until=time.time() + 0.5, epoch_of=float)
    assert loop.statuses == {"fulfilled": len(ended) - 1}
    assert len(loop.finished) >= 3


async def test_an_order_that_is_refused_ends_the_measurement() -> None:
    async with asyncio.timeout(WITHIN_S), serving(lane_app([], status=422)) as url:
        with pytest.raises(ExceptionGroup) as caught:
            await drive_lane(url, orders(), clients=1, until=time.time() + 0.5, epoch_of=float)
    assert caught.group_contains(NoOutcome, match="o0 was refused")


def services_app(seen: list[tuple[str, str]], status: int = 200) -> web.Application:
    async def call(request: web.Request) -> web.Response:
        seen.append((request.path, request.headers["Idempotency-Key"]))
        return web.json_response({"result": "done"}, status=status)

    app = web.Application()
    for _, path in FLOOR_CALLS:
        app.router.add_post(path, call)
    return app


async def test_the_floor_makes_the_three_calls_one_after_the_other() -> None:
    seen: list[tuple[str, str]] = []
    async with asyncio.timeout(WITHIN_S), serving(services_app(seen)) as url:
        urls = {service: url for service, _ in FLOOR_CALLS}
        loop = await drive_floor(urls, orders(), clients=1, until=time.time() + 0.3)
    assert [path for path, _ in seen[:3]] == [path for _, path in FLOOR_CALLS]
    assert len({key for _, key in seen}) == len(seen) == 3 * len(loop.finished)


async def test_the_floor_says_which_call_failed() -> None:
    async with asyncio.timeout(WITHIN_S), serving(services_app([], status=503)) as url:
        with pytest.raises(ExceptionGroup) as caught:
            await drive_floor({service: url for service, _ in FLOOR_CALLS}, orders(), clients=1, until=time.time() + 1)
    assert caught.group_contains(NoOutcome, match="/charges answered 503")


async def test_the_floor_can_be_driven_on_time_too() -> None:
    plan = list(islice(orders(), 5))
    async with (
        asyncio.timeout(WITHIN_S),
        serving(services_app([])) as url,
        FloorClient({service: url for service, _ in FLOOR_CALLS}) as client,
    ):
        starts_at = time.time()
        finished = await client.send_on_time(plan, starts_at)
    assert [order.order_id for order in plan] == list(finished)
    assert all(finished[order.order_id] >= starts_at + order.at_s for order in plan)


def test_the_rate_counts_what_finished_between_two_moments() -> None:
    loop = Loop()
    for finished in (0.5, 1.0, 1.5, 2.0, 3.0):
        loop.count("fulfilled", 0.0, finished)
    assert loop.rate_per_s(1.0, 3.0) == 1.5
