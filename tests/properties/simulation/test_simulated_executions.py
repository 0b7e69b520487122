"""Simulated executions by the ten thousand: workers die, lose their answers and meet, and nobody can tell afterwards.

``LAB_SIMULATED_EXECUTIONS`` says how many; ``LAB_SIMULATED_SEED`` where to begin. A failure names its seed, and
``check_seed`` runs it again.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from orchestration.asl.interpreter import load_machine
from orchestration.asl.protocol import HistoryEvent
from orchestration.runtime import records
from tests.properties.simulation.clock import SimulatedLoop
from tests.properties.simulation.machines import Drawn, given
from tests.properties.simulation.world import MACHINE, Faults, World

HOW_MANY = int(os.environ.get("LAB_SIMULATED_EXECUTIONS", "800"))
FIRST_SEED = int(os.environ.get("LAB_SIMULATED_SEED", "0"))
ITEM = records.Caller("run", 7, 1, "item")
PARTS = 8  # for as many processes
# Each machine meets all of them.
PLANS = (
    Faults(),
    Faults(unreachable=0.2),
    Faults(killed=0.2),
    Faults(unreachable=0.1, killed=0.1, twice=0.2),
    Faults(forgotten=0.1, killed_soon=0.15, slow=0.2),
    Faults(unreachable=0.05, killed=0.05, killed_soon=0.05, twice=0.2, forgotten=0.1, slow=0.3),
)


def simulate(seed: int) -> Iterator[tuple[World, list[HistoryEvent]]]:
    """One machine under each of the plans."""
    random = Random(seed)
    drawn = Drawn(random)
    machine, start = load_machine(drawn.machine()), records.Start(MACHINE, given(random), "f", caller=ITEM)
    loop = SimulatedLoop()
    try:
        for number, plan in enumerate(PLANS):
            loop.restart()
            world = World(machine, start, drawn.failures, Random(f"{seed}.{number}"), plan)
            yield world, loop.run_until_complete(world.run())
    finally:
        loop.close()


def check_whole(world: World, events: list[HistoryEvent]) -> None:
    """No gap, no duplicate, one end, which the map run is told as one; each append after the one before it."""
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert all(event.previous < event.id for event in events)
    ends = [event.type for event in events if event.type.startswith("Execution")]
    assert len(ends) == 2
    assert events[-1].type == ends[-1]
    ids = [record.headers["Nats-Msg-Id"] for record in world.stored]
    assert len(ids) == len(set(ids))
    assert len(world.told) == 1


def story(events: list[HistoryEvent]) -> tuple[object, ...]:
    """What must be the same whatever the timing: branches may take turns otherwise, and so their events' numbers."""
    told = Counter((event.type, str(event.details.get("name", ""))) for event in events)
    last = events[-1]
    return last.type, last.details, told


def check_seed(seed: int) -> None:
    (plain, expected), *others = simulate(seed)
    check_whole(plain, expected)
    for world, events in others:
        check_whole(world, events)
        assert story(events) == story(expected), world.faults
        # By state, for the keys hold the entries' numbers: as many effects as there were entries, and no more.
        assert Counter(world.effects.values()) == Counter(plain.effects.values()), world.faults


@pytest.mark.parametrize("part", range(PARTS))
def test_faults_change_no_history(part: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    for seed in range(FIRST_SEED + part, FIRST_SEED + HOW_MANY // len(PLANS), PARTS):
        try:
            check_seed(seed)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
