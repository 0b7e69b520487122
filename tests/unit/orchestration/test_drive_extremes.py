"""Driving what is large, what many talk to, and what is taken up again."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestration.asl.interpreter import load_machine
from orchestration.asl.protocol import (
    HeartbeatReceived,
    RedriveRequested,
    RunTask,
    StopRequested,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)
from orchestration.errors import NotDriven
from orchestration.runtime import progress as progress_module
from orchestration.runtime import records
from orchestration.runtime.drive import Drive
from orchestration.runtime.hands import Hand
from orchestration.runtime.progress import MOST_BYTES
from tests.unit.orchestration.test_drive import BEGAN_AT, EXECUTION, START, ScriptedTasks, World


def graph(name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": name, "States": {name: {**state, "End": True}}}


def asking(name: str) -> dict[str, Any]:
    return graph(name, {"Type": "Task", "Resource": "approval:ask.waitForTaskToken"})


def last(world: World) -> records.Append:
    return records.decode_append(world.history.stored[-1].body)


async def test_what_no_message_can_hold_ends_the_execution_with_its_reason() -> None:
    def branch(n: int) -> dict[str, Any]:
        own = {"Type": "Pass", "Parameters": {"n": n, "text.$": "$.text"}, "Next": f"Ask{n}"}
        asks = asking(f"Ask{n}")
        return {"StartAt": f"Own{n}", "States": {f"Own{n}": own, **asks["States"]}}

    branches = [branch(n) for n in range(20)]
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


async def test_news_that_another_took_first_are_told_to_the_history_as_it_is_then() -> None:
    world = many_and_a_wait(3)
    drive, running = await driving(world)
    waiting = last(world).waiting
    await world.drive(TaskSucceeded(waiting[0].entry, None), take_over=False, name="another")
    await asyncio.gather(*(drive.tell(TaskSucceeded(each.entry, None)) for each in waiting[1:]))
    assert last(world).waiting == ()
    await drive.tell(StopRequested(None, None))
    assert await running
    assert drive.closed
    assert world.types().count("TaskStateExited") == 3


@dataclass
class LongCalls(ScriptedTasks):
    """Calls that take as long as the test says."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    called_twice: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, execution: str, task: RunTask) -> TaskSucceeded | TaskFailed:
        self.calls.append((task.resource, task.attempt))
        if len(self.calls) == 2:
            self.called_twice.set()
        await self.go_on.wait()
        return TaskSucceeded(task.entry, {"done": task.resource})


def long_call_and_a_callback() -> tuple[World, LongCalls]:
    called = graph("Call", {"Type": "Task", "Resource": "http://a/long"})
    asked = asking("Ask")
    asked["States"]["Ask"]["HeartbeatSeconds"] = 100
    tasks = LongCalls()
    machine = load_machine(graph("Both", {"Type": "Parallel", "Branches": [called, asked]}))
    return World(machine=machine, tasks=tasks), tasks


async def test_news_taken_elsewhere_neither_repeat_a_running_call_nor_cost_its_answer() -> None:
    world, tasks = long_call_and_a_callback()
    _, running = await driving(world)
    (waiting,) = last(world).waiting
    for beat in range(5):
        world.now += 1
        await world.drive(HeartbeatReceived(waiting.entry, 1), take_over=False, name=f"other{beat}")
        assert world.settled
    tasks.go_on.set()
    assert await running
    assert len(tasks.calls) == 1
    assert "TaskSucceeded" in world.types()
    await world.drive(TaskSucceeded(waiting.entry, None, 1), take_over=False, name="other")
    assert world.status() == "SUCCEEDED"


async def test_an_answer_that_was_overtaken_by_a_retry_is_no_answer_to_it() -> None:
    world, tasks = long_call_and_a_callback()
    tasks.go_on.set()
    drive, running = await driving(world)
    await running
    told = await drive._run_task(RunTask(5, "k", "http://a/long", {}, 2))
    assert isinstance(told, TaskSucceeded)
    assert told.attempt == 2


@pytest.mark.parametrize("message", ["start", "news"])
async def test_who_holds_only_news_takes_over_when_another_message_comes_again(message: str) -> None:
    world, tasks = long_call_and_a_callback()
    _, dies = await driving(world)
    dies.cancel()
    await asyncio.gather(dies, return_exceptions=True)
    (waiting,) = last(world).waiting
    asking_on = HeartbeatReceived(waiting.entry, 1)
    found = world.history.stored[-1]
    drive = Drive.resumed(
        world.tools("b"), 2, EXECUTION, world.machine, records.decode_append(found.body), found.sequence
    )
    hand = Hand()
    hand.open(drive)
    drive.stays = True  # as if a call of its own were under way
    running = asyncio.create_task(drive.run((asking_on,), take_over=False))
    await asyncio.sleep(0)  # it begins
    await drive.tell(HeartbeatReceived(waiting.entry, 1))
    assert len(tasks.calls) == 1
    again = hand.until_let_go(again=True) if message == "start" else hand.tell(asking_on, again=True)
    joined = asyncio.create_task(again)
    async with asyncio.timeout(5):
        await tasks.called_twice.wait()
    tasks.go_on.set()
    await drive.tell(StopRequested(None, None))
    hand.settled = await running
    hand.let_go()
    assert await joined
    assert len(tasks.calls) == 2


EIGHT_CALLS = graph(
    "All",
    {
        "Type": "Parallel",
        "Branches": [graph(f"Call{n}", {"Type": "Task", "Resource": "http://a/b"}) for n in range(8)],
    },
)


@pytest.mark.parametrize("given", [["x" * 250_000], "x" * 250_000], ids=["a list", "a text"])
async def test_a_large_input_of_many_branches_is_stored_once(given: Any) -> None:
    world = World(machine=load_machine(EIGHT_CALLS), start=records.Start(START.machine, given, "f"))
    await world.drive(take_over=False)
    assert world.status() == "SUCCEEDED"
    assert max(len(record.body) for record in world.history.stored) < 1_100_000


@pytest.mark.parametrize("definition", [EIGHT_CALLS, graph("Pass", {"Type": "Pass", "Result": "x" * 3000})])
async def test_a_first_append_that_no_message_can_hold_ends_the_execution(
    definition: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "MOST_BYTES", 1500)
    world = World(machine=load_machine(definition), start=records.Start(START.machine, {"n": 1}, "f"))
    await world.drive(take_over=False)
    append = last(world)
    assert (append.status, append.summary["error"]) == ("FAILED", "States.DataLimitExceeded")
    assert world.types() == ["ExecutionStarted", "ExecutionFailed"]
    assert "remains" not in append.checkpoint
    await world.drive(RedriveRequested(1))
    assert len(world.history.stored) == 1
