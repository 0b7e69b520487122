"""An execution that somebody waits for tells them how it ended, in one batch with its last append."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from orchestration.asl.interpreter import Machine, load_machine
from orchestration.asl.protocol import StopRequested, TaskFailed, TaskSucceeded
from orchestration.names import ExecutionName
from orchestration.runtime import records, wakes
from orchestration.runtime.callers import Ending, describe, tell
from tests.unit.orchestration.test_drive import BEGAN_AT, EXECUTION, World

NAME = ExecutionName("child", "c-1")
FACTS = {"StateMachine": {"Id": "arn:aws:states:us-east-1:000000000000:stateMachine:child", "Name": "child"}}
CALLER = records.Caller("parent", 7, 2, "sync:2")
ENDING = Ending(
    arn=NAME.arn,
    machine_arn=FACTS["StateMachine"]["Id"],
    status="SUCCEEDED",
    input={"a": 1},
    output=[2],
    error=None,
    cause=None,
    began_at=1.5,
    stopped_at=2.25,
)


def machine(**end: Any) -> Machine:
    return load_machine({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 99, "Next": "End"}, **end}})


def child_start(form: str = "sync:2") -> records.Start:
    caller = replace(CALLER, form=form)
    return records.Start("child@1", {"a": 1}, "f", FACTS, arn=NAME.arn, caller=caller, qualifier="7")


def test_sync_2_gives_json_and_sync_gives_text() -> None:
    as_json = describe(ENDING, as_text=False)
    assert (as_json["Input"], as_json["Output"]) == ({"a": 1}, [2])
    as_text = describe(ENDING, as_text=True)
    assert (as_text["Input"], as_text["Output"]) == ('{"a":1}', "[2]")
    assert list(as_text) == sorted(as_text)
    assert (as_text["Name"], as_text["StartDate"], as_text["StopDate"]) == ("c-1", 1500, 2250)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_failure_is_a_failed_task_whose_cause_describes_the_execution(status: str) -> None:
    failed = replace(ENDING, status=status, error="E", cause="why", output=None)
    wake = wakes.decode_wake(tell(CALLER, failed).body)
    assert isinstance(wake, TaskFailed)
    assert (wake.entry, wake.attempt, wake.error) == (7, 2, "States.TaskFailed")
    described = orjson.loads(wake.cause or "")
    assert (described["Status"], described["Error"], described["Cause"]) == (status, "E", "why")
    assert "Output" not in described


def test_a_map_run_is_told_of_its_item() -> None:
    post = tell(replace(CALLER, form="item"), ENDING)
    assert post.subject == "exec.wake.parent.ended.7-2"
    told = wakes.decode_item_ended(post.body)
    assert (told.entry, told.attempt, told.child) == (7, 2, describe(ENDING, as_text=False))


async def test_the_caller_is_told_with_the_append_that_ends_the_execution_and_with_no_other() -> None:
    world = World(machine=machine(End={"Type": "Succeed"}), start=child_start())
    await world.drive()
    assert world.history.posts == []
    waiting = records.decode_append(world.history.stored[-1].body)
    assert (waiting.arn, waiting.caller, waiting.qualifier, waiting.stopped_at) == (NAME.arn, CALLER, "7", "")
    (timer,) = world.history.timers
    world.now = timer.at
    await world.drive(wakes.decode_wake(wakes.encode_wake(wakes.TimerFired(timer.name))), name="another")
    ended = records.decode_outline(world.history.stored[-1].body)
    assert (ended.status, ended.origin) == ("SUCCEEDED", child_start().origin)
    assert ended.stopped_at > ended.began_at
    (post,) = world.history.posts
    wake = wakes.decode_wake(post.body)
    assert isinstance(wake, TaskSucceeded)
    assert (wake.output["Output"], wake.output["StartDate"]) == ({"a": 1}, int(BEGAN_AT * 1000))
    assert wake.output["StateMachineArn"] == FACTS["StateMachine"]["Id"]


async def test_the_caller_of_a_stopped_execution_is_told_too() -> None:
    world = World(machine=machine(End={"Type": "Succeed"}), start=child_start())
    await world.drive()
    await world.drive(StopRequested("Stopped", "by hand"), take_over=False)
    (post,) = world.history.posts
    wake = wakes.decode_wake(post.body)
    assert isinstance(wake, TaskFailed)
    assert orjson.loads(wake.cause or "")["Status"] == "ABORTED"


async def test_an_execution_without_a_caller_tells_nobody() -> None:
    world = World()
    await world.drive()
    assert world.status() == "SUCCEEDED"
    assert world.history.posts == []
    assert EXECUTION in world.history.stored[-1].subject
