"""A scenario through containers, both lanes at once, judged at its end. What was ordered before is set aside."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import aiohttp

from lab.collect import LaneReader
from lab.processes.state import Status
from lab.scenario import Scenario
from lab.target.before import Before
from lab.target.compose import ComposeTarget
from lab.trial import LaneRun, Run, address_of, run_scenario
from lab.verdict import Verdict, judge
from loadtests.catalogue import products_of
from loadtests.open_loop import Patience, Placing, client_session, send
from loadtests.workload import Shape, plan, plan_count

Meanwhile = Callable[[ComposeTarget], Coroutine[Any, Any, None]]
MIB = 2**20
# While writing tests, on containers that stay up, every run needs orders of its own: LAB_COMPOSE_IS_UP=1, 2, 3 …
AGAIN = int(os.environ.get("LAB_COMPOSE_IS_UP", "0"))


async def trial(
    scenario: Scenario, seed: int, meanwhile: Meanwhile | None = None
) -> tuple[Run, dict[str, Verdict], dict[str, str]]:
    """The third: what each lane's containers cost, as text. ``meanwhile`` runs beside the load."""
    async with ComposeTarget() as lab, aiohttp.ClientSession() as session:
        readers = {lane: LaneReader(address_of(lab, lane), session) for lane in lab.config.lanes}
        products = products_of(await readers[lab.config.lanes[0]].catalogue())
        before = {lane: await Before.read(reader) for lane, reader in readers.items()}
        orders = list(plan(seed + AGAIN, scenario.load, products))
        for books in before.values():
            books.must_not_know(order.order_id for order in orders)
        spent = {each.name: each for each in lab.status()}
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(run_scenario(lab, scenario, orders, seed, lambda _: None))
            if meanwhile is not None:
                tasks.create_task(meanwhile(lab))
        run = running.result()
        for lane, lane_run in run.lanes.items():
            before[lane].set_aside(lane_run)
        costs = {lane: cost_by_container(lane, spent, lab.status(), len(orders)) for lane in run.lanes}
        return run, {lane: judge(run, run.lanes[lane], orders, scenario) for lane in run.lanes}, costs


async def place(count: int, prefix: str) -> None:
    """So many orders in each lane at once, until each is acknowledged; waits for the end of none."""
    patience = Patience()
    async with ComposeTarget() as lab, client_session(patience) as session:
        products = products_of(await LaneReader(address_of(lab, lab.config.lanes[0]), session).catalogue())
        orders = list(plan_count(AGAIN, count, Shape(large_share=0.0), products, prefix=f"{prefix}-"))
        placed = await asyncio.gather(
            *(
                send(session, lab.url(lane, "door"), order, time.time(), patience)
                for lane in lab.config.lanes
                for order in orders
            )
        )
    assert all(each.placing is Placing.ACCEPTED for each in placed), placed


def longest_without_acceptance_s(lane_run: LaneRun) -> float:
    """Between two orders that the door answered with 202."""
    at = sorted(each.answered_at for each in lane_run.placements if each.placing is Placing.ACCEPTED)
    return max(later - earlier for earlier, later in pairwise(at))


def cost_by_container(lane: str, before: dict[str, Status], after: list[Status], orders: int) -> str:
    """A container that was killed has counted anew, and is left out."""
    lines = []
    for each in after:
        begun = before.get(each.name)
        if each.group == lane and begun is not None and begun.pid == each.pid:
            cpu_ms = 1000 * (each.cpu_s - begun.cpu_s) / orders
            lines.append(f"  {each.name}: {cpu_ms:.1f} ms of processor an order, {each.rss_bytes / MIB:.0f} MiB")
    return "\n".join(lines)
