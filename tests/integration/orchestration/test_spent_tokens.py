"""What a token that is no longer waited for costs, and a task whose claimer died before its worker had it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from nats.aio.client import Client

from broker.connection import close, connect
from broker.provision import provision
from broker.publish import Message, publish
from broker.take import take
from orchestration.activity_subjects import STREAM, consumer_of
from orchestration.asl.protocol import TaskSucceeded
from orchestration.broker_setup import setup
from orchestration.runtime import activities, callbacks, records, wakes
from orchestration.runtime.activities import ActivityQueue, ActivityTask, put_task
from orchestration.runtime.callbacks import Sent, send_result
from orchestration.runtime.tokens import token_maker
from tests.conftest import RealNats

pytestmark = pytest.mark.more

SECRET = "test-secret"
EXECUTION = "m~e"
ASKED = "approval:ask.waitForTaskToken"
TASK = ActivityTask(EXECUTION, 3, 1, {"n": 1})


@pytest.fixture
async def client(nats_url: RealNats) -> AsyncIterator[Client]:
    connected = await connect(nats_url.url, user=nats_url.user, password=nats_url.password, name="test")
    await provision(connected, setup().streams, ())
    yield connected
    await close(connected)


async def told(client: Client, *waiting: records.Waiting) -> None:
    append = records.Append(
        machine="m", began_at="2026-01-01T00:00:00Z", status="RUNNING", events=[], checkpoint={}, waiting=waiting
    )
    await publish(client, Message(records.log_subject(EXECUTION), append.encode()))


def result(entry: int) -> TaskSucceeded:
    return TaskSucceeded(entry, 1)


async def test_a_spent_token_of_any_resource_needs_no_history(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unread(*_asked: Any, **_more: Any) -> Any:
        raise AssertionError("the history was read")

    monkeypatch.setattr(callbacks, "all_of", unread)
    await told(client, records.Waiting(3, ASKED))
    await told(client)
    assert await send_result(client, SECRET, token_maker(SECRET)(EXECUTION, 3, 1), None, result) is Sent.TOO_LATE


async def test_whom_a_spent_token_asked_is_read_in_pieces(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[int | None] = []

    async def counted(*asked: Any, limit: int | None = None, **more: Any) -> Any:
        limits.append(limit)
        return await read(*asked, limit=limit, **more)

    read = callbacks.all_of
    monkeypatch.setattr(callbacks, "all_of", counted)
    for _ in range(20):
        await told(client)
    await told(client, records.Waiting(3, ASKED))
    for _ in range(20):
        await told(client)
    token = token_maker(SECRET)(EXECUTION, 3, 1)
    assert await send_result(client, SECRET, token, "approval:", result) is Sent.TOO_LATE
    assert await send_result(client, SECRET, token, "lambda:", result) is Sent.UNKNOWN
    assert limits == [callbacks.CHUNK] * 4


@pytest.fixture
async def claimed(client: Client, monkeypatch: pytest.MonkeyPatch) -> ActivityQueue:
    """The queue, after the task in it was claimed by a process that died before anybody had it."""
    monkeypatch.setattr(activities, "ACK_WAIT_S", 0.3)
    monkeypatch.setattr(activities, "STARTED_WITHIN_S", 0.0)
    await told(client, records.Waiting(3, "activity"))
    await put_task(client, "work", TASK)
    dying = ActivityQueue(client)
    await dying._provide("work")
    assert await take(client, STREAM, consumer_of("work"), 5.0) is not None
    assert await dying._start(TASK, "dead", again=False) is not None
    return ActivityQueue(client)


async def test_a_task_whose_claimer_died_is_handed_out_again_and_then_no_more(claimed: ActivityQueue) -> None:
    assert await claimed.take("work", "second", 5.0) == TASK
    assert await claimed.take("work", "third", 1.0) is None


async def test_a_task_whose_claimer_died_is_not_handed_out_when_nobody_waits(
    client: Client, claimed: ActivityQueue
) -> None:
    await told(client)
    assert await claimed.take("work", "second", 1.5) is None


async def test_a_task_that_was_answered_is_not_handed_out_again(client: Client, claimed: ActivityQueue) -> None:
    answer = Message(records.callback_subject(EXECUTION, 3, 1), wakes.encode_wake(TaskSucceeded(3, 1, attempt=1)))
    await publish(client, answer)
    assert await claimed.take("work", "second", 1.5) is None


async def test_a_task_is_not_acknowledged_before_its_start_is_told(
    client: Client, claimed: ActivityQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_asked: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(ActivityQueue, "_told", dies)
        with pytest.raises(RuntimeError):
            await claimed.take("work", "second", 5.0)
    assert await claimed.take("work", "third", 5.0) == TASK
