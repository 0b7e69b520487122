"""A worker that is full of slow executions: what wakes others, and what is short, goes on; and it stops at once."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web

from broker.publish import Message, publish
from broker.pull import Delivery
from orchestration.asl.interpreter import Machine, load_machine
from orchestration.asl.protocol import RedriveRequested, StopRequested, TaskSucceeded
from orchestration.orders.order_story import MACHINE
from orchestration.runtime import conductor, records, wakes
from tests.conftest import RealNats
from tests.integration.orchestration.lane import Silent, TestLane, Worker, eventually, running_lane


def calling_or_asking() -> Machine:
    def chosen(kind: str) -> dict[str, Any]:
        return {"Variable": "$.kind", "StringEquals": kind, "Next": kind}

    return load_machine(
        {
            "StartAt": "Which",
            "States": {
                "Which": {"Type": "Choice", "Choices": [chosen("call"), chosen("ask")], "Default": "pass"},
                "call": {"Type": "Task", "Resource": "http://payment/charges", "End": True},
                "ask": {"Type": "Task", "Resource": "approval:ask.waitForTaskToken", "End": True},
                "pass": {"Type": "Pass", "End": True},
            },
        }
    )


async def begin(lane: TestLane, execution: str, kind: str, *, express: bool = False, map_run: str = "") -> None:
    start = records.Start(MACHINE, {"order_id": execution, "kind": kind}, "f", express=express, map_run=map_run)
    await publish(lane.client, Message(records.start_subject(execution), start.encode()))


async def outline(lane: TestLane, execution: str) -> records.Outline | None:
    appends = [each for each in await lane.records(execution) if each.subject.startswith(records.LOG)]
    return records.decode_outline(appends[-1].body) if appends else None


async def waits(lane: TestLane, execution: str) -> records.Waiting:
    found: list[records.Waiting] = []

    async def waiting() -> bool:
        now = await outline(lane, execution)
        found[:] = now.waiting if now else ()
        return bool(found)

    await eventually(waiting)
    return found[0]


async def until(lane: TestLane, execution: str, status: str) -> None:
    async def reached() -> bool:
        now = await outline(lane, execution)
        return now is not None and now.status == status

    await eventually(reached)


async def filled(lane: TestLane) -> Worker:
    """A worker with one slot and a line of one, both taken by calls that never end, and one more of them waiting."""

    async def hang(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
        await asyncio.Event().wait()
        return None

    lane.stubs.behave = hang
    worker = await lane.worker("full")
    for name in ("slow-1", "slow-2", "slow-3"):
        await begin(lane, name, "call")

    async def called() -> bool:
        return len(lane.stubs.calls) == 1

    await eventually(called)
    return worker


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conductor, "AT_ONCE", 1)
    monkeypatch.setattr(conductor, "LINE", 1)
    monkeypatch.setattr(conductor, "SLOW_DOWN_S", 0.01)
    monkeypatch.setattr(conductor, "BACK_FOR_S", 0.1)


async def test_news_and_express_executions_do_not_wait_behind_slow_ones(nats_url: RealNats) -> None:
    async with running_lane(nats_url, calling_or_asking()) as lane:
        first = await lane.worker()
        await begin(lane, "asked", "ask")
        waiting = await waits(lane, "asked")
        await first.stop()
        full = await filled(lane)
        await begin(lane, "short", "pass", express=True)
        answer = wakes.encode_wake(TaskSucceeded(waiting.entry, "yes", waiting.attempt))
        await publish(lane.client, Message(records.callback_subject("asked", waiting.entry, waiting.attempt), answer))
        await until(lane, "asked", "SUCCEEDED")
        observer = full.conductor.tools.observer
        assert isinstance(observer, Silent)

        async def express_ended() -> bool:
            return observer.endings.count("SUCCEEDED") == 2

        await eventually(express_ended)
        assert {call.order_id for call in lane.stubs.calls} == {"slow-1"}


async def test_nobody_waits_behind_the_children_of_a_map_run(nats_url: RealNats) -> None:
    async with running_lane(nats_url, calling_or_asking()) as lane:

        async def hang(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
            await asyncio.Event().wait()
            return None

        lane.stubs.behave = hang
        await lane.worker()
        for number in range(4):  # one begins, one waits in the line, the others are handed back
            await begin(lane, f"child-{number}", "call", map_run="arn")

        async def called() -> bool:
            return len(lane.stubs.calls) == 1

        await eventually(called)
        await begin(lane, "somebody", "pass")
        await until(lane, "somebody", "SUCCEEDED")
        assert len(lane.stubs.calls) == 1


async def test_what_a_worker_has_no_room_for_comes_back(nats_url: RealNats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conductor, "OPENED_AT_ONCE", 1)
    async with running_lane(nats_url, calling_or_asking()) as lane:
        await lane.worker()
        names = [f"asked-{n}" for n in range(10)]
        await asyncio.gather(*(begin(lane, name, "ask") for name in names))
        waiting = [await waits(lane, name) for name in names]
        answers = [
            Message(
                records.callback_subject(name, each.entry, each.attempt),
                wakes.encode_wake(TaskSucceeded(each.entry, "yes", each.attempt)),
            )
            for name, each in zip(names, waiting, strict=True)
        ]
        await asyncio.gather(*(publish(lane.client, answer) for answer in answers))
        for name in names:
            await until(lane, name, "SUCCEEDED")


async def test_a_full_worker_stops_soon_and_hands_back_what_it_has_not_begun(nats_url: RealNats) -> None:
    async with running_lane(nats_url, calling_or_asking(), ack_wait_s=60) as lane:
        full = await filled(lane)
        began = time.monotonic()
        await full.stop()
        assert time.monotonic() - began < conductor.STOP_WITHIN_S + 1.5
        assert full.running.done()
        assert {call.order_id for call in lane.stubs.calls} == {"slow-1"}
        lane.stubs.behave = None
        await lane.worker("next")
        for name in ("slow-1", "slow-2", "slow-3"):
            await until(lane, name, "SUCCEEDED")


async def test_a_stop_that_comes_again_does_not_stop_what_was_redriven(
    nats_url: RealNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops: list[Delivery] = []
    again = asyncio.Event()
    ack = Delivery.ack

    async def forgotten_once(self: Delivery) -> None:
        if self.subject.endswith(".stop") and self.delivered == 1:
            stops.append(self)
            return
        await ack(self)
        if self.subject.endswith(".stop"):
            again.set()

    monkeypatch.setattr(Delivery, "ack", forgotten_once)
    async with running_lane(nats_url, calling_or_asking(), ack_wait_s=60) as lane:
        await lane.worker()
        await begin(lane, "asked", "ask")
        await waits(lane, "asked")
        await publish(lane.client, Message(records.stop_subject("asked"), wakes.encode_wake(StopRequested("E", "C"))))
        await until(lane, "asked", "ABORTED")
        redrive = Message(records.redrive_subject("asked"), wakes.encode_wake(RedriveRequested(1)))
        await publish(lane.client, redrive)
        await until(lane, "asked", "RUNNING")
        await stops[0].nak()
        await asyncio.wait_for(again.wait(), 20)
        now = await outline(lane, "asked")
        assert now is not None
        assert (now.status, now.redrives) == ("RUNNING", 1)
