"""Reading a lane: page after page, patient with a process that is away, and clear when it stays away."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from lab import collect
from lab.auditor import StockLevel
from lab.collect import LaneAddress, LaneReader
from lab.errors import OutOfReach
from services.operations import Service

COMPONENTS = ("door", "payment", "warehouse", "shipping")
Answer = Callable[[web.Request], web.Response]


@asynccontextmanager
async def reading(answer: Answer, tries: int = 5) -> AsyncIterator[LaneReader]:
    """A reader of a lane whose every component is this one server."""

    async def handle(request: web.Request) -> web.Response:
        return answer(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as session:
            yield LaneReader(LaneAddress("a lane", dict.fromkeys(COMPONENTS, url), "secret"), session, tries=tries)
    finally:
        await runner.cleanup()


def row(seq: int) -> dict[str, Any]:
    return {"seq": seq, "order_id": f"o{seq}", "operation": "charge", "amount_cents": 5, "lines": [], "at": "now"}


async def test_a_ledger_is_read_page_after_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "PAGE", 3)
    rows = [row(seq) for seq in range(1, 8)]
    asked: list[str] = []

    def answer(request: web.Request) -> web.Response:
        asked.append(request.query_string)
        after, limit = int(request.query["after"]), int(request.query["limit"])
        page = [each for each in rows if each["seq"] > after][:limit]
        return web.Response(text="".join(json.dumps(each) + "\n" for each in page))

    async with reading(answer) as reader:
        effects = await reader.effects(Service.PAYMENT)
    assert [effect.seq for effect in effects] == list(range(1, 8))
    assert asked == ["after=0&limit=3", "after=3&limit=3", "after=6&limit=3"]


async def test_a_process_that_comes_back_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "PAUSE_S", 0.01)
    statuses = [503, 500, 200]

    def answer(_: web.Request) -> web.Response:
        return web.json_response({"A": {"seeded": 3, "available": 1}}, status=statuses.pop(0))

    async with reading(answer) as reader:
        assert await reader.stock() == {"A": StockLevel(3, 1)}


async def test_one_that_stays_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "PAUSE_S", 0.0)
    async with reading(lambda _: web.Response(status=503, text="no ledger"), tries=2) as reader:
        with pytest.raises(OutOfReach, match=r"a lane: GET http.*/stock: 503 no ledger"):
            await reader.stock()


async def test_an_order_that_the_lane_does_not_know_has_no_story() -> None:
    def answer(request: web.Request) -> web.Response:
        if request.path == "/orders/o1":
            return web.json_response({"order_id": "o1", "status": "fulfilled"})
        return web.json_response({"error": "NotFound"}, status=404)

    async with reading(answer) as reader:
        assert await reader.stories(["o1", "o2"]) == {"o1": "fulfilled", "o2": None}


async def test_the_admins_token_is_shown() -> None:
    shown: list[str | None] = []

    def answer(request: web.Request) -> web.Response:
        shown.append(request.headers.get("Authorization"))
        return web.Response(text="")

    async with reading(answer) as reader:
        assert await reader.injected(Service.SHIPPING) == []
    assert shown == ["Bearer secret"]


async def test_counters_are_summed_over_their_labels() -> None:
    text = (
        "# TYPE lab_retries counter\n"
        'lab_retries_total{service="payment"} 2\nlab_retries_total{service="shipping"} 3\n'
        "# TYPE other counter\nother_total 9\n"
    )
    async with reading(lambda _: web.Response(text=text)) as reader:
        assert await reader.counters("door", frozenset({"lab_retries_total"})) == {"lab_retries_total": 5.0}


async def test_a_process_that_is_away_has_no_counters_now() -> None:
    async with aiohttp.ClientSession() as session:
        reader = LaneReader(LaneAddress("a lane", {"door": "http://127.0.0.1:9"}, ""), session)
        assert await reader.counters("door", frozenset({"lab_retries_total"})) == {}
