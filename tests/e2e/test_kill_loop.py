"""Orders flow while processes of the lane are killed at seeded random moments: nothing acknowledged may be lost.

``LAB_SOAK_ORDERS=30000`` (``make soak``) makes it long; the kills then go on as long as the load does.
"""

import asyncio
import os
import random
from dataclasses import replace

import pytest

from lab.embedded import Lab
from lab.processes.state import State
from lab.scenario import Conditions, Scenario, Settle
from lab.topology import BROKER, LANES, LabConfig, name_of
from loadtests.workload import Shape
from tests.e2e.trials import explained, trial

ORDERS = int(os.environ.get("LAB_SOAK_ORDERS", "1000"))
MIN_KILLS = 40
RATE_PER_S = 30.0
MEAN_PAUSE_S = 0.5


@pytest.mark.slow
@pytest.mark.timeout(7200 if ORDERS > 1000 else 300)
@pytest.mark.parametrize("lane", LANES)
async def test_every_accepted_order_ends_well_whatever_is_killed(lane: str, lab_config: LabConfig) -> None:
    config = replace(lab_config, lanes=(lane,), stock_scale=ORDERS / 150)
    killed: list[str] = []

    async def kill_at_random(lab: Lab, over: asyncio.Event) -> None:
        dice = random.Random(f"kills:{lane}")
        victims = [name_of(lane, part.component) for part in config.parts(lane)] + [name_of(lane, BROKER)]
        sending = ORDERS / RATE_PER_S
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + sending
        while not over.is_set() and (loop.time() < ends_at or len(killed) < MIN_KILLS):
            await _pause(over, dice.expovariate(1 / MEAN_PAUSE_S))
            ready = {status.name for status in lab.status() if status.state is State.READY}
            alive = [name for name in victims if name in ready]  # a kill should hit a process that works
            if alive:
                name = min(alive, key=lambda name: (killed.count(name), dice.random()))
                await lab.kill(name)
                killed.append(name)

    scenario = Scenario(
        name="kill-loop",
        conditions=Conditions(time_scale=0.1),
        load=Shape(rate_per_s=RATE_PER_S, large_share=0.1, reject_share=0.25, manager_delay_s=(0.1, 0.5)),
        settle=Settle(within_s=120.0, quiet_s=60.0),
    )
    _, verdicts = await trial(config, scenario, seed=7, orders=ORDERS, meanwhile=kill_at_random)
    verdict = verdicts[lane]
    print(f"\n{lane}: {len(killed)} kills, {verdict.audit.outcome_counts()}, {verdict.figures['stories']}")
    assert len(killed) >= MIN_KILLS
    assert set(killed) == {name_of(lane, part.component) for part in config.parts(lane)} | {name_of(lane, BROKER)}
    assert verdict.figures["orders_planned"] == ORDERS
    assert verdict.clean, explained([verdict])
    assert set(verdict.figures["stories"]) <= {"fulfilled", "rolled_back"}, explained([verdict])


async def _pause(over: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(over.wait(), seconds)
    except TimeoutError:
        return
