"""Driving what is large, what many talk to, and what is taken up again."""

import asyncio
from typing import Any

import pytest

from orchestration.asl.interpreter import load_machine
from orchestration.asl.protocol import RedriveRequested, StopRequested, TaskSucceeded, TimerFired
from orchestration.errors import NotDriven
from orchestration.runtime import records
from orchestration.runtime.drive import MOST_BYTES, Drive
from tests.unit.orchestration.test_drive import BEGAN_AT, EXECUTION, START, ScriptedTasks, World


def graph(name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": name, "States": {name: {**state, "End": True}}}


def asking(name: str) -> dict[str, Any]:
    return graph(name, {"Type": "Task", "Resource": "approval:ask.waitForTaskToken"})


def last(world: World) -> records.Append:
    return records.decode_append(world.history.stored[-1].body)


async def test_what_no_message_can_hold_ends_the_execution_with_its_reason() -> None:
    branches = [asking(f"Ask{n}") for n in range(20)]
    definition = {
        "StartAt": "Wait",
        "States": {
            "Wait": {"Type": "Wait", "Seconds": 60, "Next": "All"},
            "All": {"Type": "Parallel", "Branches": branches, "End": True},
        },
    }
    start = records.Start(START.machine, {"text": "x" * 260_000}, "f")
    world = World(machine=load_machine(definition), start=start)
    await world.drive()
    (timer,) = world.history.timers
    world.now = timer.at
    await world.drive(TimerFired(timer.name), take_over=False)
    append = last(world)
    assert (append.status, append.summary["error"]) == ("ABORTED", "States.DataLimitExceeded")
    assert str(MOST_BYTES) in append.summary["cause"]
    assert world.types()[-1] == "ExecutionAborted"
    assert all(len(record.body) <= MOST_BYTES for record in world.history.stored)


async def test_a_failed_execution_is_redriven_from_where_it_failed_once_for_each_request() -> None:
    world = World(tasks=ScriptedTasks({"http://payment/charges": ["Broken"] * 9}))
    world.machine = load_machine(
        {
            "StartAt": "Before",
            "States": {
                "Before": {"Type": "Pass", "Next": "Charge"},
                "Charge": {"Type": "Task", "Resource": "http://payment/charges", "End": True},
            },
        }
    )
    await world.drive()
    assert (last(world).status, last(world).redrives) == ("FAILED", 0)
    await world.drive(RedriveRequested(1), take_over=False)
    again = last(world)
    assert (again.status, again.redrives) == ("FAILED", 1)
    assert again.redriven_at > again.began_at
    stored = len(world.history.stored)
    await world.drive(RedriveRequested(1))  # delivered again
    assert len(world.history.stored) == stored
    world.tasks.errors = {}
    await world.drive(RedriveRequested(2), take_over=False)
    assert (last(world).status, last(world).redrives) == ("SUCCEEDED", 2)
    assert world.types().count("PassStateEntered") == 1


async def driving(world: World) -> tuple[Drive, "asyncio.Task[bool]"]:
    """A drive at work: it sits out a short wait while others may talk to it."""
    drive = Drive.fresh(world.tools(), 1, EXECUTION, world.machine, world.start, BEGAN_AT)
    running = asyncio.create_task(drive.run((world.start.first_input(EXECUTION),), take_over=False))
    await world.history.appended.wait()
    return drive, running


def many_and_a_wait(count: int) -> World:
    branches = [asking(f"Ask{n}") for n in range(count)]
    branches.append(graph("Wait", {"Type": "Wait", "Seconds": 14}))
    machine = load_machine(graph("All", {"Type": "Parallel", "Branches": branches}), time_scale=0.1)
    return World(machine=machine)


async def test_what_is_told_at_once_shares_appends_and_each_is_told_when_its_own_is_stored() -> None:
    world = many_and_a_wait(50)
    drive, running = await driving(world)
    waiting = last(world).waiting
    assert len(waiting) == 50

    async def tell(each: records.Waiting) -> None:
        await drive.tell(TaskSucceeded(each.entry, each.entry, each.attempt))
        assert each.entry not in {one.entry for one in last(world).waiting}

    await asyncio.gather(*(tell(each) for each in waiting))
    assert len(world.history.stored) <= 4
    await drive.tell(StopRequested(None, None))
    assert await running
    assert world.types()[-1] == "ExecutionAborted"
    with pytest.raises(NotDriven):
        await drive.tell(StopRequested(None, None))


async def test_when_an_append_is_lost_nobody_who_shared_it_believes_it_stored() -> None:
    world = many_and_a_wait(3)
    drive, running = await driving(world)
    waiting = last(world).waiting
    await world.drive(TaskSucceeded(waiting[0].entry, None), take_over=False, name="another")
    told = (drive.tell(TaskSucceeded(each.entry, None)) for each in waiting[1:])
    answers = await asyncio.gather(*told, return_exceptions=True)
    assert all(isinstance(answer, Exception) for answer in answers)
    (ended,) = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(ended, Exception)
    assert len(last(world).waiting) == 2
