"""The real Locust, as the runner starts it, against a front door whose slowness is planned."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from lab.errors import LabError
from lab.experiment.generator import generator
from loadtests.open_loop import Patience, Placement, Placing
from loadtests.workload import PlannedOrder, write_plan

ORDERS = [PlannedOrder(at_s=0.05 * number, body={"order_id": f"o{number}"}) for number in range(20)]
SLOW_S = 1.0
PATIENCE = Patience(order_s=5.0)


@dataclass
class Door:
    """Takes a second for every answer; says 503 to the first try of ``o3``, and no to ``o5``."""

    url: str = ""
    tries: dict[str, int] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    async def place(self, request: web.Request) -> web.Response:
        order_id = (await request.json())["order_id"]
        self.tries[order_id] = self.tries.get(order_id, 0) + 1
        await asyncio.sleep(SLOW_S)
        if order_id == "o5":
            return web.Response(status=422)
        if order_id == "o3" and self.tries[order_id] == 1:
            return web.Response(status=503)
        self.ended.append(order_id)
        return web.Response(status=202)

    async def outcomes(self, request: web.Request) -> web.Response:
        now = datetime.now(UTC).isoformat()
        lines = [
            json.dumps(
                {"cursor": cursor, "order_id": each, "status": "fulfilled", "accepted_at": now, "finished_at": now}
            )
            for cursor, each in enumerate(self.ended, 1)
            if cursor > int(request.query["after"])
        ]
        return web.Response(text="\n".join(lines))


@asynccontextmanager
async def open_door() -> AsyncIterator[Door]:
    door = Door()
    app = web.Application()
    app.add_routes([web.post("/orders", door.place), web.get("/outcomes", door.outcomes)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield door
    finally:
        await runner.cleanup()


@pytest.mark.slow
async def test_orders_leave_on_time_however_slow_the_answers_are(tmp_path: Path) -> None:
    plan = tmp_path / "plan.jsonl"
    write_plan(plan, ORDERS)
    answered: list[Placement] = []
    async with open_door() as door, generator(plan, door.url, tmp_path, PATIENCE) as sender:
        starts_at = time.time() + 5.0  # Locust takes a while to load
        placed = await sender(ORDERS, door.url, starts_at=starts_at, patience=PATIENCE, on_answer=answered.append)
    assert [each.order_id for each in placed] == [order.order_id for order in ORDERS]
    assert {each.order_id for each in answered} == {each.order_id for each in placed}
    by_id = {each.order_id: each for each in placed}
    assert by_id["o5"].placing is Placing.REFUSED
    assert (by_id["o3"].placing, by_id["o3"].tries) == (Placing.ACCEPTED, 2)
    # All leave within their second, though no answer comes before it is over: a closed loop would take twenty.
    assert max(each.sent_at for each in placed) - min(each.sent_at for each in placed) < SLOW_S + 1.0
    assert sender.cpu_share is not None
    assert 0 < sender.cpu_share < 1
    said = (tmp_path / "generator.log").read_text()
    assert "OUTCOME" in said, said
    assert "fulfilled" in said


async def test_a_generator_that_cannot_begin_says_why(tmp_path: Path) -> None:
    plan = tmp_path / "plan.jsonl"
    plan.write_text("no plan")
    async with generator(plan, "http://127.0.0.1:9", tmp_path, PATIENCE) as sender:
        with pytest.raises(LabError, match="the load generator ended too early"):
            await sender(ORDERS, "", starts_at=time.time(), patience=PATIENCE, on_answer=lambda _: None)
