"""The load against a small front door of our own: on time, again after a 503, and approved as planned."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from loadtests.manager import desk_for, manage
from loadtests.open_loop import Patience, Placing, send_on_time
from loadtests.outcomes import Outcomes, follow
from loadtests.workload import Decision, PlannedOrder

DEADLINE_S = 10.0
PATIENT = Patience(answer_s=1.0, order_s=5.0)


@dataclass
class FrontDoor:
    """Answers as told: ``answers`` maps an order to its next HTTP statuses, then 202; 0 cuts the connection."""

    answers: dict[str, list[int]] = field(default_factory=dict)
    delay_s: float = 0.0
    arrivals: list[tuple[str, float]] = field(default_factory=list)
    waiting: list[dict[str, str]] = field(default_factory=list)
    decisions: list[tuple[str, str]] = field(default_factory=list)
    refuse_decisions: int = 0
    ended: list[str] = field(default_factory=list)

    async def place(self, request: web.Request) -> web.Response:
        order_id = (await request.json())["order_id"]
        self.arrivals.append((order_id, time.time()))
        await asyncio.sleep(self.delay_s)
        statuses = self.answers.get(order_id, [])
        status = statuses.pop(0) if statuses else 202
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status)

    async def approvals(self, _: web.Request) -> web.Response:
        return web.json_response(self.waiting)

    async def decide(self, request: web.Request) -> web.Response:
        if self.refuse_decisions:
            self.refuse_decisions -= 1
            return web.Response(status=503)
        self.decisions.append((request.match_info["token"], (await request.json())["decision"]))
        return web.Response(status=200)

    async def outcomes(self, request: web.Request) -> web.Response:
        after, limit = int(request.query["after"]), int(request.query["limit"])
        rows = [
            {"cursor": place, "order_id": order_id, "status": "fulfilled", "accepted_at": "a", "finished_at": "f"}
            for place, order_id in enumerate(self.ended, 1)
            if place > after
        ]
        return web.Response(text="\n".join(map(json.dumps, rows[: min(limit, 2)])))


@asynccontextmanager
async def serving(door: FrontDoor) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/orders", door.place)
    app.router.add_get("/approvals", door.approvals)
    app.router.add_post("/approvals/{token}", door.decide)
    app.router.add_get("/outcomes", door.outcomes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def planned(number: int, at_s: float = 0.0, decision: Decision | None = None) -> PlannedOrder:
    return PlannedOrder(at_s=at_s, body={"order_id": f"o{number}"}, decision=decision)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110 (what is waited for happens in a server, not in a task of ours)
            await asyncio.sleep(0.01)


async def while_running(work: Callable[[asyncio.Event], Awaitable[None]], holds: Callable[[], bool]) -> None:
    over = asyncio.Event()

    async def run() -> None:
        await work(over)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        try:
            await until(holds)
        finally:
            over.set()


async def test_orders_leave_on_time_however_slow_the_answers_are() -> None:
    door = FrontDoor(delay_s=0.5)
    async with serving(door) as url:
        starts_at = time.time() + 0.1
        placements = await send_on_time([planned(n, n * 0.1) for n in range(5)], url, starts_at=starts_at)
    assert [each.placing for each in placements] == [Placing.ACCEPTED] * 5
    assert [round(each.planned_at - starts_at, 3) for each in placements] == [0.0, 0.1, 0.2, 0.3, 0.4]
    # One after the other would have taken 2.5 s; the fifth was planned for 0.4 s.
    assert door.arrivals[-1][1] - starts_at < 1.5
    assert all(each.answered_at - each.sent_at >= 0.5 for each in placements)


async def test_an_unacknowledged_order_is_sent_again_until_it_is() -> None:
    door = FrontDoor(answers={"o0": [503, 0, 500]})
    async with serving(door) as url:
        (placement,) = await send_on_time([planned(0)], url, starts_at=time.time(), patience=PATIENT)
    assert (placement.placing, placement.tries, placement.http_status) == (Placing.ACCEPTED, 4, 202)


async def test_a_refused_order_is_not_sent_again() -> None:
    door = FrontDoor(answers={"o0": [409]})
    async with serving(door) as url:
        (placement,) = await send_on_time([planned(0)], url, starts_at=time.time())
    assert (placement.placing, placement.tries) == (Placing.REFUSED, 1)


async def test_patience_ends() -> None:
    door = FrontDoor(answers={"o0": [503] * 100})
    async with serving(door) as url:
        (placement,) = await send_on_time(
            [planned(0)], url, starts_at=time.time(), patience=Patience(answer_s=1.0, order_s=0.5)
        )
    assert placement.placing is Placing.UNANSWERED
    assert placement.tries > 1


async def test_answers_are_told_as_they_come() -> None:
    told: list[str] = []
    async with serving(FrontDoor()) as url:
        await send_on_time(
            [planned(0), planned(1)], url, starts_at=time.time(), on_answer=lambda each: told.append(each.order_id)
        )
    assert sorted(told) == ["o0", "o1"]


async def test_the_manager_answers_each_approval_once_as_planned() -> None:
    orders = [
        planned(0, decision=Decision(approve=True, delay_s=0.05)),
        planned(1, decision=Decision(approve=False, delay_s=0.0)),
    ]
    waiting = [{"order_id": f"o{n}", "token": f"t{n}"} for n in range(3)]  # o2: nobody planned it
    door = FrontDoor(waiting=waiting, refuse_decisions=1)
    desk = desk_for(orders)
    async with serving(door) as url:
        await while_running(lambda over: manage(desk, url, until=over), lambda: len(desk.answered) == 2)
    assert Counter(door.decisions) == Counter([("t0", "approve"), ("t1", "reject")])
    assert desk.answered == {"o0": 200, "o1": 200}
    assert len(desk.unsure) == 1  # the one that was answered with 503 first


async def test_outcomes_are_followed_by_their_cursor() -> None:
    door = FrontDoor(ended=["o0", "o1", "o2"])
    outcomes = Outcomes()
    async with serving(door) as url:
        await while_running(lambda over: follow(outcomes, url, until=over), lambda: len(outcomes.ended) == 3)
        assert outcomes.cursor == 3
        door.ended.append("o3")
        await while_running(lambda over: follow(outcomes, url, until=over), lambda: len(outcomes.ended) == 4)
    assert list(outcomes.ended) == ["o0", "o1", "o2", "o3"]


async def test_a_front_door_out_of_reach_is_asked_again() -> None:
    outcomes, over = Outcomes(), asyncio.Event()
    asked: list[int] = []

    def on_progress(count: int) -> None:
        asked.append(count)
        if len(asked) == 2:
            over.set()

    async with asyncio.timeout(DEADLINE_S):
        await follow(outcomes, "http://127.0.0.1:9", until=over, on_progress=on_progress)
    assert outcomes.ended == {}
