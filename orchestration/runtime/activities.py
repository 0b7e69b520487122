"""Activities: their heads, and the queue of tasks that await a worker, in the stream ``ACTIVITIES``.

A task is put there when a state schedules it, and leaves when a worker takes it. That it is handed out once, however
often it is put, is the doing of the wake message ``TaskStarted``: one an attempt, by compare-and-set. Where whoever
claimed it for a worker died before he acknowledged it, it is handed out again: the same attempt, under the same token.
"""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson
from nats.aio.client import Client

from broker.errors import Conflict, NotStored
from broker.provision import provision
from broker.publish import Message, publish
from broker.pull import Delivery
from broker.read import all_of, last
from broker.take import take
from orchestration.activity_subjects import HEAD, STREAM, consumer_of, head_subject, task_subject, tasks_of
from orchestration.asl.protocol import Json, TaskStarted
from orchestration.errors import HistoryUnreachable, Unreadable
from orchestration.runtime import records, wakes
from orchestration.tasks.activity import Queue

# A task that was delivered to a process that died before it told anybody is delivered again after this.
ACK_WAIT_S: Final = 5.0
MAX_IN_HAND: Final = 1000
_NANOSECONDS: Final = 1_000_000_000
# How long to wait for the history to say that a task was started, before its worker may answer.
STARTED_WITHIN_S: Final = 2.0
FIRST_PAUSE_S: Final = 0.002
LONGEST_PAUSE_S: Final = 0.05
# Longer in all than a broker takes to be restarted.
PUT_AGAIN_AFTER_S: Final = (0.1, 0.5, 1.0, 2.0, 4.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class Activity:
    """``encryption`` is kept as it was given."""

    name: str
    created_at: float
    tags: Mapping[str, str] = field(default_factory=dict)
    encryption: Mapping[str, Json] = field(default_factory=dict)
    deleted: bool = False

    def encode(self) -> bytes:
        return orjson.dumps(self)


@dataclass(frozen=True)
class ActivityTask:
    """One attempt of a state entry that asks an activity."""

    execution: str
    entry: int
    attempt: int
    input: Json

    def encode(self) -> bytes:
        return orjson.dumps(self)


def decode_activity(body: bytes) -> Activity:
    try:
        return Activity(**orjson.loads(body))
    except (TypeError, orjson.JSONDecodeError) as error:
        raise Unreadable(f"no activity: {error}") from error


def decode_task(body: bytes) -> ActivityTask:
    try:
        return ActivityTask(**orjson.loads(body))
    except (TypeError, orjson.JSONDecodeError) as error:
        raise Unreadable(f"no task of an activity: {error}") from error


@dataclass(frozen=True)
class Found:
    """A head as it is stored; ``sequence`` is what its next writer must name."""

    activity: Activity
    sequence: int


class ActivityStore:
    """Every method raises ``broker.errors.BrokerError`` when the broker is out of reach or refuses."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def find(self, name: str) -> Found | None:
        """Also a deleted one; None: there never was one of this name."""
        record = await last(self._client, STREAM, head_subject(name))
        return None if record is None else Found(decode_activity(record.body), record.sequence)

    async def put(self, activity: Activity, after: int) -> None:
        """Raises ``Conflict`` where the last head is another than that of sequence ``after`` (0: none)."""
        await publish(self._client, Message(head_subject(activity.name), activity.encode(), expected_last=after))

    async def all(self) -> list[Activity]:
        """All that are not deleted, by name."""
        found = (decode_activity(record.body) for record in await all_of(self._client, STREAM, f"{HEAD}.*"))
        return sorted((each for each in found if not each.deleted), key=lambda each: each.name)


async def put_task(client: Client, name: str, task: ActivityTask) -> None:
    """Queue a task for a worker; one that is queued already is left as it is. Raises ``HistoryUnreachable``."""
    subject = task_subject(name, task.execution, task.entry, task.attempt)
    for pause_s in PUT_AGAIN_AFTER_S:
        try:
            await publish(client, Message(subject, task.encode(), expected_last=0))
        except Conflict:
            return
        except NotStored as error:
            doubt = error
        else:
            return
        await asyncio.sleep(pause_s)
    raise HistoryUnreachable(f"{subject}: {doubt}") from doubt


def queue_of(client: Client) -> Queue:
    async def queue(name: str, execution: str, entry: int, attempt: int, given: Json) -> None:
        await put_task(client, name, ActivityTask(execution, entry, attempt, given))

    return queue


class ActivityQueue:
    """Hands tasks out. Every method raises ``broker.errors.BrokerError``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ready: set[str] = set()

    async def take(self, name: str, worker_name: str | None, within_s: float) -> ActivityTask | None:
        """The next task that is still waited for and that nobody has taken; None when there is none in time."""
        await self._provide(name)
        ends_at = asyncio.get_running_loop().time() + within_s
        while (left_s := ends_at - asyncio.get_running_loop().time()) > 0:
            delivery = await self._next(name, left_s)
            if delivery is None:
                continue
            task = decode_task(delivery.body)
            started = await self._start(task, worker_name, again=delivery.delivered > 1)
            if started is None:
                await delivery.ack()
                continue
            await self._told(task, started)
            await delivery.ack_sync()
            return task
        return None

    async def _next(self, name: str, within_s: float) -> Delivery | None:
        try:
            return await take(self._client, STREAM, consumer_of(name), within_s)
        except NotStored:
            self._ready.discard(consumer_of(name))  # it may be gone
            raise

    async def _start(self, task: ActivityTask, worker_name: str | None, *, again: bool) -> int | None:
        """The sequence of the wake that makes this task the worker's; None: it is not to be had.

        One that is delivered ``again`` was never acknowledged: who claimed it died before the worker had it.
        """
        append = await last(self._client, records.STREAM, records.log_subject(task.execution))
        waiting = () if append is None else records.decode_outline(append.body).waiting
        if not any((each.entry, each.attempt) == (task.entry, task.attempt) for each in waiting):
            return None
        wake = wakes.encode_wake(TaskStarted(task.entry, worker_name, task.attempt))
        subject = records.started_subject(task.execution, task.entry, task.attempt)
        claim = Message(subject, wake, message_id=uuid.uuid4().hex, expected_last=0)
        try:
            return (await publish(self._client, claim)).sequence
        except (Conflict, NotStored) as doubt:
            found = await last(self._client, records.STREAM, subject)
            if found is None:
                raise NotStored(f"{subject}: {doubt}") from doubt
            ours = found.headers.get("Nats-Msg-Id") == claim.message_id
            return found.sequence if ours or (again and not await self._answered(task)) else None

    async def _answered(self, task: ActivityTask) -> bool:
        answer = records.callback_subject(task.execution, task.entry, task.attempt)
        return await last(self._client, records.STREAM, answer) is not None

    async def _told(self, task: ActivityTask, after: int) -> None:
        """Wait until the history tells of the start, so that no answer of the worker's can come before it."""
        ends_at = asyncio.get_running_loop().time() + STARTED_WITHIN_S
        pause_s = FIRST_PAUSE_S
        while asyncio.get_running_loop().time() < ends_at:
            append = await last(self._client, records.STREAM, records.log_subject(task.execution))
            if append is not None and append.sequence > after:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _provide(self, name: str) -> None:
        """The consumer of the activity's tasks, made by whoever asks first."""
        durable = consumer_of(name)
        if durable in self._ready:
            return
        config = {
            "durable_name": durable,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": int(ACK_WAIT_S * _NANOSECONDS),
            "max_deliver": -1,
            "max_ack_pending": MAX_IN_HAND,
            "max_waiting": MAX_IN_HAND,
            "filter_subject": tasks_of(name),
        }
        await provision(self._client, (), ((STREAM, config),))
        self._ready.add(durable)
