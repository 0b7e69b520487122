"""Histories in JetStream: load an execution, append to it so that of two writers one wins, and never guess.

Must not know what a state machine is: it stores bytes under ids.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import nats.errors
from nats.aio.client import Client

from broker import publish as broker
from broker.errors import BrokerError, Conflict, NotStored, Rejected
from broker.group import GroupPublisher
from broker.read import Record, last
from orchestration.errors import HistoryUnreachable, Lost
from orchestration.runtime import records, wakes

log = logging.getLogger(__name__)

TRY_S: Final = 2.0
# Longer than a broker takes to be restarted. Who gives up leaves the execution to redelivery, which loses nothing.
GIVE_UP_AFTER_S: Final = 20.0
FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 1.0
# On the append that ends an execution: its status, for who follows many executions and does not want their bodies.
ENDED_HEADER: Final = "Lab-Ended"
# A message that takes the place of a schedule. Without this header the schedule stays, whatever follows it [probed].
NO_LONGER: Final = {"Nats-Rollup": "sub"}


@dataclass(frozen=True)
class Timer:
    """A wake message that the broker is to send at ``at`` (epoch seconds)."""

    name: str
    at: float


class History(Protocol):
    """Where a worker keeps what it must not forget."""

    @property
    def durable(self) -> bool:
        """False: nothing is read back, so what this process forgets is gone (practice ``outbox`` off)."""
        ...

    async def load(self, execution: str) -> Record | None:
        """The last append. Raises ``HistoryUnreachable``."""
        ...

    async def load_start(self, execution: str) -> Record | None: ...

    async def append(
        self,
        execution: str,
        body: bytes,
        *,
        after: int,
        append_id: str,
        timers: Sequence[Timer] = (),
        posts: Sequence[records.Post] = (),
        ended: str = "",
    ) -> int:
        """Store ``body`` as the successor of sequence ``after`` (0: the first); returns its own sequence.

        The timers and posts are stored with it, or nothing is. ``ended`` is the status that the execution ended with,
        told in a header too. Raises ``Lost`` when another's append came first, and ``HistoryUnreachable``, after which
        the append may be stored or not.
        """
        ...

    async def tell(self, post: records.Post, message_id: str) -> None:
        """Store what somebody else is told, once for each ``message_id``. Raises ``HistoryUnreachable``."""
        ...

    async def cancel(self, execution: str, timers: Sequence[str], *, after: int) -> None:
        """Take timers back that the append ``after`` no longer waits for; nothing, where another has followed it.

        A hint: one that fires all the same is ignored.
        """
        ...


class DurableHistory:
    """Every append is synced before it returns. ``append_id`` must be unique to one writer's one append."""

    durable = True

    def __init__(
        self, client: Client, *, compare_and_set: bool = True, on_conflict: Callable[[], None] | None = None
    ) -> None:
        self._client = client
        self._publisher = GroupPublisher(client)
        self._compare_and_set = compare_and_set
        self._on_conflict = on_conflict

    async def load(self, execution: str) -> Record | None:
        return await self._last(records.log_subject(execution))

    async def load_start(self, execution: str) -> Record | None:
        return await self._last(records.start_subject(execution))

    async def append(
        self,
        execution: str,
        body: bytes,
        *,
        after: int,
        append_id: str,
        timers: Sequence[Timer] = (),
        posts: Sequence[records.Post] = (),
        ended: str = "",
    ) -> int:
        message = broker.Message(
            subject=records.log_subject(execution),
            body=body,
            message_id=append_id,
            expected_last=after if self._compare_and_set else None,
            headers={ENDED_HEADER: ended} if ended else {},
        )
        batch = [
            *(_scheduled(execution, timer) for timer in timers),
            *(broker.Message(post.subject, post.body) for post in posts),
            message,
        ]
        give_up_at = asyncio.get_running_loop().time() + GIVE_UP_AFTER_S
        pause_s = FIRST_PAUSE_S
        unanswered = False
        while True:
            try:
                stored = await self._publisher.publish(batch, TRY_S)
            except (Conflict, NotStored, Rejected) as error:
                doubt: BrokerError = error
            else:
                return stored.sequence
            unanswered = unanswered or isinstance(doubt, NotStored)
            sequence = await self._settle(execution, after, append_id, doubt, in_doubt=unanswered)
            if sequence is not None:
                return sequence
            if asyncio.get_running_loop().time() >= give_up_at:
                raise HistoryUnreachable(f"{execution}: {doubt}") from doubt
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def tell(self, post: records.Post, message_id: str) -> None:
        message = broker.Message(post.subject, post.body, message_id=message_id)
        give_up_at = asyncio.get_running_loop().time() + GIVE_UP_AFTER_S
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._publisher.publish([message], TRY_S)
            except BrokerError as error:
                if not isinstance(error, NotStored) or asyncio.get_running_loop().time() >= give_up_at:
                    raise HistoryUnreachable(f"{post.subject}: not told: {error}") from error
            else:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def cancel(self, execution: str, timers: Sequence[str], *, after: int) -> None:
        # Without the expectation, one who was frozen since would take back the timer that another has set anew.
        expected = after if self._compare_and_set else None
        for timer in timers:
            message = broker.Message(
                records.timer_subject(execution, timer),
                b"",
                expected_last=expected,
                expected_on=records.log_subject(execution),
                headers=NO_LONGER,
            )
            await _hope(self._client, message.subject, message.body, message.all_headers())

    async def _settle(
        self, execution: str, after: int, append_id: str, doubt: BrokerError, *, in_doubt: bool
    ) -> int | None:
        """After an answer that proves nothing: whose append is the last one? None: nobody's, as far as can be seen."""
        try:
            found = await last(self._client, records.STREAM, records.log_subject(execution), TRY_S)
        except NotStored:
            return None
        if found is not None and found.headers.get("Nats-Msg-Id") == append_id:
            return found.sequence
        if found is not None and found.sequence > after and self._compare_and_set:
            if self._on_conflict is not None:
                self._on_conflict()
            raise Lost(f"{execution}: {found.sequence} was appended after {after}", in_doubt=in_doubt) from doubt
        if isinstance(doubt, Rejected):
            raise doubt
        return None

    async def _last(self, subject: str) -> Record | None:
        try:
            return await last(self._client, records.STREAM, subject)
        except NotStored as error:
            raise HistoryUnreachable(str(error)) from error


class HopefulHistory:
    """Practice ``outbox`` off: appends are sent and not waited for, and no worker ever reads them back.

    They are there for whoever asks for the story; what a worker forgets, it has forgotten.
    """

    durable = False

    def __init__(self, client: Client) -> None:
        self._client = client

    async def load(self, execution: str) -> Record | None:
        return None

    async def load_start(self, execution: str) -> Record | None:
        return None

    async def append(
        self,
        execution: str,
        body: bytes,
        *,
        after: int,
        append_id: str,
        timers: Sequence[Timer] = (),
        posts: Sequence[records.Post] = (),
        ended: str = "",
    ) -> int:
        headers = {"Nats-Msg-Id": append_id} | ({ENDED_HEADER: ended} if ended else {})
        await _hope(self._client, records.log_subject(execution), body, headers)
        for post in posts:
            await _hope(self._client, post.subject, post.body, None)
        return after + 1

    async def tell(self, post: records.Post, message_id: str) -> None:
        await _hope(self._client, post.subject, post.body, {"Nats-Msg-Id": message_id})

    async def cancel(self, execution: str, timers: Sequence[str], *, after: int) -> None:
        return None


async def _hope(client: Client, subject: str, body: bytes, headers: dict[str, str] | None) -> None:
    """Send without waiting for an acknowledgement."""
    try:
        await client.publish(subject, body, headers=headers)
    except (nats.errors.Error, OSError) as error:
        log.debug("%s: not sent: %s", subject, error)


def _scheduled(execution: str, timer: Timer) -> broker.Message:
    target = records.timer_wake_subject(execution, timer.name)
    return broker.Message(
        subject=records.timer_subject(execution, timer.name),
        body=wakes.encode_timer(timer.name, timer.at),
        headers=broker.schedule(datetime.fromtimestamp(timer.at, UTC), target),
    )
