"""Executions of every kind while three conductors and the broker are killed at seeded random moments.

Each ends as it must, no effect comes about twice, and every history is whole. ``make long`` runs the large form:
``LAB_MIXED_EXECUTIONS`` says how many, ``LAB_MIXED_KILLS`` how often at least somebody is killed.
"""

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.mixed.running import BROKER, CONDUCTORS, Mixed, check, mixed

EXECUTIONS = int(os.environ.get("LAB_MIXED_EXECUTIONS", "280"))
KILLS = int(os.environ.get("LAB_MIXED_KILLS", "10"))
SEED = os.environ.get("LAB_MIXED_SEED", "1")
RATE_PER_S = 25.0
PAUSE_S = (0.2, 1.5)
END_WITHIN_S = 60.0 + EXECUTIONS / 25


async def kill(running: Mixed, over: asyncio.Event, killed: Counter[str]) -> None:
    """As long as executions are started, and until there were enough kills: whoever was killed least."""
    dice = random.Random(SEED)
    while not over.is_set() or killed.total() < KILLS:
        await asyncio.sleep(dice.uniform(*PAUSE_S))
        victim = min((*CONDUCTORS, BROKER), key=lambda name: (killed[name], dice.random()))
        killed[victim] += 1
        if victim == BROKER:
            await running.processes.nats.restart()
        else:
            await asyncio.to_thread(running.processes.kill, victim)
            await asyncio.to_thread(running.processes.launch, victim)


@pytest.mark.more
@pytest.mark.timeout(300 + EXECUTIONS)
async def test_every_execution_ends_right_whoever_is_killed(tmp_path: Path) -> None:
    killed: Counter[str] = Counter()
    async with mixed(tmp_path) as running:
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            killing = tasks.create_task(kill(running, over, killed))
            await running.load(range(EXECUTIONS), RATE_PER_S)
            over.set()
            await killing
        await running.all_ended(END_WITHIN_S)
        print(f"\n{EXECUTIONS} executions, kills: {dict(killed)}, calls: {running.receiver.calls}")
        assert killed.total() >= KILLS
        check(running)
