"""One execution that is told a great deal at once: every word counts, once, and none stands in another's way."""

import asyncio
from typing import Any

import pytest

from broker.publish import Message, publish
from orchestration.asl.interpreter import Machine, load_machine
from orchestration.asl.protocol import HeartbeatReceived, StopRequested, TaskSucceeded
from orchestration.orders.order_story import MACHINE
from orchestration.runtime import records, wakes
from tests.conftest import RealNats
from tests.integration.orchestration.lane import TestLane, eventually, running_lane

ITEMS = 30


def asking_many() -> Machine:
    ask = {"Type": "Task", "Resource": "approval:ask.waitForTaskToken", "HeartbeatSeconds": 600, "End": True}
    processor = {"StartAt": "Ask", "States": {"Ask": ask}}
    every = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": True}
    return load_machine({"StartAt": "Every", "States": {"Every": every}})


async def outline(lane: TestLane, execution: str) -> records.Outline | None:
    appends = [each for each in await lane.records(execution) if each.subject.startswith(records.LOG)]
    return records.decode_outline(appends[-1].body) if appends else None


async def begin(lane: TestLane, execution: str, given: Any) -> records.Outline:
    await publish(lane.client, Message(records.start_subject(execution), records.Start(MACHINE, given, "f").encode()))
    found: list[records.Outline] = []

    async def waits() -> bool:
        found[:] = [each for each in [await outline(lane, execution)] if each is not None]
        return bool(found and found[0].waiting)

    await eventually(waits)
    return found[0]


async def until(lane: TestLane, execution: str, status: str) -> None:
    async def reached() -> bool:
        found = await outline(lane, execution)
        return found is not None and found.status == status

    await eventually(reached, 30)


@pytest.mark.parametrize("workers", [1, 2])
async def test_answers_that_come_at_once_share_appends(nats_url: RealNats, workers: int) -> None:
    async with running_lane(nats_url, asking_many()) as lane:
        for number in range(workers):
            await lane.worker(f"w{number}")
        waiting = (await begin(lane, "e", {"items": list(range(ITEMS))})).waiting
        assert len(waiting) == ITEMS
        answers = [
            Message(
                records.callback_subject("e", each.entry, each.attempt),
                wakes.encode_wake(TaskSucceeded(each.entry, n, each.attempt)),
            )
            for n, each in enumerate(waiting)
        ]
        beats = [
            Message(
                records.heartbeat_subject("e", each.entry, each.attempt),
                wakes.encode_wake(HeartbeatReceived(each.entry, each.attempt)),
            )
            for each in waiting
        ]
        await asyncio.gather(*(publish(lane.client, wake) for wake in (*beats, *answers)))
        await until(lane, "e", "SUCCEEDED")
        events = await lane.check_history("e")
        assert events[-1].details["output"] == list(range(ITEMS))
        appends = [each for each in await lane.records("e") if each.subject.startswith(records.LOG)]
        assert len(appends) < ITEMS


async def test_an_execution_in_a_call_is_stopped_at_once(nats_url: RealNats) -> None:
    call = {"Type": "Task", "Resource": "http://payment/charges", "End": True}
    async with running_lane(nats_url, load_machine({"StartAt": "Call", "States": {"Call": call}})) as lane:
        called = asyncio.Event()

        async def hang(path: str, order_id: str, attempt: int) -> None:
            called.set()
            await asyncio.Event().wait()

        lane.stubs.behave = hang
        worker = await lane.worker()
        start = records.Start(MACHINE, {"order_id": "e"}, "f")
        await publish(lane.client, Message(records.start_subject("e"), start.encode()))
        await called.wait()
        await publish(
            lane.client, Message(records.stop_subject("e"), wakes.encode_wake(StopRequested("Enough", "by hand")))
        )
        await until(lane, "e", "ABORTED")
        events = await lane.check_history("e")
        assert [events[0].type, events[-1].type] == ["ExecutionStarted", "ExecutionAborted"]

        async def given_up() -> bool:
            return len(worker.conductor.holding) == 0

        await eventually(given_up)
