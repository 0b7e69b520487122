"""Orders flow while processes of both lanes are killed at seeded random moments: nothing acknowledged may be lost.

``LAB_SOAK_ORDERS=30000`` (``make soak``) makes it long; the kills then go on as long as the load does.
"""

import asyncio
import os
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from lab.embedded import Lab
from lab.processes.state import State
from lab.scenario import Conditions, Scenario, Settle
from lab.topology import BROKER, LANES, LabConfig, name_of
from loadtests.workload import Shape
from tests.e2e.trials import explained, trial

ORDERS = int(os.environ.get("LAB_SOAK_ORDERS", "1000"))
LONG = ORDERS > 1000
RATE_PER_S = float(os.environ.get("LAB_SOAK_RATE", "40" if LONG else "20"))
TIME_SCALE = 0.2
MIN_KILLS = 40  # a lane
# A start costs seconds of a processor: who kills twice a second for long leaves none for the orders.
MEAN_PAUSE_S = 4.0 if LONG else 0.5
# Many orders are undone, as services are down half of the time; but a lane that only undoes would prove little.
MIN_FULFILLED_SHARE = 0.1


@pytest.mark.slow
@pytest.mark.timeout(7200 if LONG else 400)
async def test_every_accepted_order_ends_well_whatever_is_killed(lab_config: LabConfig) -> None:
    config = replace(lab_config, lanes=LANES, stock_scale=ORDERS / 150, time_scale=TIME_SCALE)
    killed: dict[str, list[str]] = {lane: [] for lane in LANES}

    async def kill_at_random(lab: Lab, over: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            for lane in LANES:
                tasks.create_task(kill_in_lane(lab, over, victims(config, lane), killed[lane], f"kills:{lane}"))

    scenario = Scenario(
        name="kill-loop",
        conditions=Conditions(time_scale=TIME_SCALE),
        load=Shape(rate_per_s=RATE_PER_S, large_share=0.1, reject_share=0.25, manager_delay_s=(0.1, 0.5)),
        settle=Settle(within_s=180.0, quiet_s=90.0),
    )
    _, verdicts = await trial(config, scenario, seed=7, orders=ORDERS, meanwhile=kill_at_random)
    for lane, verdict in verdicts.items():
        print(f"\n{lane}: {len(killed[lane])} kills, {verdict.audit.outcome_counts()}, {verdict.figures['stories']}")
    for lane, verdict in verdicts.items():
        assert len(killed[lane]) >= MIN_KILLS
        assert set(killed[lane]) == set(victims(config, lane))
        assert verdict.figures["orders_planned"] == ORDERS
        assert verdict.clean, explained([verdict])
        assert set(verdict.figures["stories"]) <= {"fulfilled", "rolled_back"}, explained([verdict])
        assert verdict.figures["stories"]["fulfilled"] >= MIN_FULFILLED_SHARE * ORDERS, explained([verdict])


def victims(config: LabConfig, lane: str) -> list[str]:
    return [*(name_of(lane, part.component) for part in config.parts(lane)), name_of(lane, BROKER)]


async def kill_in_lane(lab: Lab, over: asyncio.Event, names: Sequence[str], killed: list[str], seed: str) -> None:
    """Every process about equally often, for as long as orders are sent, and until there were enough kills."""
    dice = random.Random(seed)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + ORDERS / RATE_PER_S
    while not over.is_set() and (loop.time() < ends_at or len(killed) < MIN_KILLS):
        await _pause(over, dice.expovariate(1 / MEAN_PAUSE_S))
        ready = {status.name for status in lab.status() if status.state is State.READY}
        alive = [name for name in names if name in ready]  # a kill should hit a process that works
        if alive:
            name = min(alive, key=lambda name: (killed.count(name), dice.random()))
            await lab.kill(name)
            killed.append(name)


async def _pause(over: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(over.wait(), seconds)
    except TimeoutError:
        return
