"""Express executions: in memory, to their end or to their limit, and what of them goes to the log."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from orchestration.asl.interpreter import load_machine
from orchestration.asl.protocol import HistoryEvent, RunTask, TaskFailed, TaskSucceeded
from orchestration.metrics import express_dollars
from orchestration.runtime.express import Follow, Result, nobody, run_express
from orchestration.runtime.express_log import LogSetting, lines, to_log
from orchestration.runtime.records import Start
from orchestration.tasks.registry import Tasks

FACTS = {"StateMachine": {"Id": "arn:m", "Name": "m"}}


@dataclass
class Answers:
    """Doubles what it is given; ``hang`` never answers."""

    called: asyncio.Event = field(default_factory=asyncio.Event)

    def told_at_once(self, task: RunTask) -> None:
        return None

    async def run(self, execution: str, task: RunTask) -> TaskSucceeded | TaskFailed:
        self.called.set()
        if task.resource == "http://x/hang":
            await asyncio.Event().wait()
        if task.resource == "http://x/fail":
            return TaskFailed(task.entry, "Broken", "why")
        return TaskSucceeded(task.entry, {"twice": 2 * task.parameters["n"]})


@dataclass
class World:
    answers: Answers = field(default_factory=Answers)
    now: float = 1000.0
    ended: list[Result] = field(default_factory=list)

    @property
    def tasks(self) -> Tasks:
        return Tasks({"http": self.answers})

    @property
    def observer(self) -> "World":
        return self

    @property
    def follow(self) -> Follow:
        return nobody

    def calling(self, task: RunTask) -> None: ...

    def express_ended(self, result: Result) -> None:
        self.ended.append(result)

    def clock(self) -> float:
        self.now += 0.01
        return self.now

    def random(self) -> float:
        return 0.5

    async def run(self, definition: dict[str, Any], **more: Any) -> Result:
        start = Start("m@1", {"n": 2}, "f", FACTS, arn="arn:e", express=True)
        return await run_express(load_machine(definition), start, "token", self, **more)


def task(resource: str, **more: Any) -> dict[str, Any]:
    return {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": resource, "End": True, **more}}}


async def test_it_runs_to_its_end() -> None:
    world = World()
    result = await world.run(task("http://x/double"))
    assert (result.status, result.output, result.arn, result.machine_arn) == (
        "SUCCEEDED",
        {"twice": 4},
        "arn:e",
        "arn:m",
    )
    assert (result.transitions, result.billed_ms, result.billed_mb) == (1, 100, 64)
    assert world.ended == [result]


async def test_it_fails_with_error_and_cause() -> None:
    result = await World().run(task("http://x/fail"))
    assert (result.status, result.error, result.cause) == ("FAILED", "Broken", "why")


@pytest.mark.parametrize("definition", [task("http://x/hang"), {**task("http://x/hang"), "TimeoutSeconds": 600}])
async def test_it_is_given_five_minutes(definition: dict[str, Any]) -> None:
    seen: list[HistoryEvent] = []
    result = await World().run(definition, limit_s=0.05, log=seen.extend)
    assert (result.status, result.error) == ("TIMED_OUT", "States.Timeout")
    assert [event.type for event in seen][-1] == "ExecutionTimedOut"


async def test_its_own_timeout_may_be_shorter() -> None:
    machine = {**task("http://x/hang"), "TimeoutSeconds": 1}
    world = World(now=1000.0)
    loop = asyncio.get_running_loop()
    began = loop.time()
    start = Start("m@1", {"n": 2}, "f", express=True)
    result = await run_express(load_machine(machine, time_scale=0.05), start, "token", world)
    assert result.status == "TIMED_OUT"
    assert loop.time() - began < 1


async def test_a_loop_without_end_is_ended_by_the_limit_however_many_events_it_makes() -> None:
    again = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 0, "Next": "End"}], "Default": "Again"}
    loop = {"StartAt": "Again", "States": {"Again": again, "End": {"Type": "Succeed"}}}
    result = await World().run(loop, limit_s=0.1)
    assert result.status == "TIMED_OUT"


async def test_parallel_calls_run_at_once_and_waits_are_sat_out() -> None:
    def branch(n: int) -> dict[str, Any]:
        wait = {"Type": "Wait", "Seconds": 0, "Next": f"T{n}"}
        call = {"Type": "Task", "Resource": "http://x/double", "End": True}
        return {"StartAt": f"W{n}", "States": {f"W{n}": wait, f"T{n}": call}}

    branches = [branch(n) for n in range(3)]
    definition = {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": branches, "End": True}}}
    result = await World().run(definition)
    assert result.output == [{"twice": 4}] * 3


async def test_a_caller_that_goes_away_takes_it_along() -> None:
    world = World()
    running = asyncio.create_task(world.run(task("http://x/hang")))
    await world.answers.called.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert world.ended == []


def event(number: int, kind: str, **details: Any) -> HistoryEvent:
    return HistoryEvent(number, number - 1, kind, 1.5, details)


EVENTS = [
    event(1, "ExecutionStarted", input={"secret": 1}),
    event(2, "TaskFailed", error="E", cause="c"),
    event(3, "FailStateEntered", name="F", input={}),
    event(4, "ExecutionFailed", error="E"),
]


@pytest.mark.parametrize(("level", "logged"), [("ALL", [1, 2, 3, 4]), ("ERROR", [2, 3, 4]), ("FATAL", [4])])
def test_the_level_says_what_is_logged(level: str, logged: list[int]) -> None:
    told = [orjson.loads(line) for line in lines("arn:e", EVENTS, LogSetting(level))]
    assert [int(line["id"]) for line in told] == logged
    assert all("input" not in line["details"] for line in told)


def test_payloads_are_logged_only_when_asked_for() -> None:
    (line, *_) = lines("arn:e", EVENTS, LogSetting("ALL", with_data=True))
    assert orjson.loads(line)["details"] == {"input": '{"secret":1}'}
    assert to_log("arn:e", LogSetting()) is None


async def test_what_aws_would_ask_for_it() -> None:
    result = await World().run(task("http://x/double"))
    assert express_dollars(result) == pytest.approx(0.000001 + 0.1 * 64 / 1024 * 0.00001667)
