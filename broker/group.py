"""Group commit: what many callers publish while earlier publishes are under way is stored as one atomic batch.

A batch costs the server one disk flush for all its messages, but is dear when small: measured, one of four costs more
than four single publishes, and one of hundred a third. So whatever finds few publishes under way is sent at once by
itself, and nothing ever waits for company.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from broker.errors import Conflict, NotStored, Rejected
from broker.publish import DEFAULT_TIMEOUT_S, Message, Stored, publish_batch

UNDER_WAY: Final = 16  # publishes that are waited for before others begin to gather
LEAST: Final = 16  # callers whose messages are worth a batch
MOST_MESSAGES: Final = 256
MOST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, eq=False)
class _Unit:
    """One caller's messages, which are stored together or not at all."""

    messages: Sequence[Message]
    timeout_s: float
    answer: "asyncio.Future[Stored | None]"  # None: send it alone

    @property
    def size(self) -> int:
        return sum(len(message.body) for message in self.messages)


class GroupPublisher:
    """``publish`` is ``broker.publish.publish_batch``, cheaper where many call it at once. All for one stream."""

    def __init__(self, client: Client, *, under_way: int = UNDER_WAY, least: int = LEAST) -> None:
        self._client = client
        self._most_under_way = under_way
        self._least = least
        self._under_way = 0
        self._waiting: deque[_Unit] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        self.batches = 0

    async def publish(self, messages: Sequence[Message], timeout_s: float = DEFAULT_TIMEOUT_S) -> Stored:
        """Store all messages or none; the answer is that of the last. Raises as ``publish_batch`` does.

        A caller whose messages cannot be stored harms no other: then each one's are sent alone.
        """
        if self._under_way < self._most_under_way:
            self._under_way += 1
            return await self._alone(messages, timeout_s)
        unit = _Unit(messages, timeout_s, asyncio.get_running_loop().create_future())
        self._waiting.append(unit)
        try:
            stored = await unit.answer
        except asyncio.CancelledError:
            if _told_to_go(unit):
                self._done()
            raise
        return await self._alone(messages, timeout_s) if stored is None else stored

    async def _alone(self, messages: Sequence[Message], timeout_s: float) -> Stored:
        try:
            return await publish_batch(self._client, messages, timeout_s)
        finally:
            self._done()

    def _done(self) -> None:
        self._under_way -= 1
        while self._waiting and self._under_way < self._most_under_way:
            group = self._group()
            if not group:
                continue
            self._under_way += 1
            if len(group) == 1:
                group[0].answer.set_result(None)
                continue
            task = asyncio.create_task(self._together(group))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def _group(self) -> list[_Unit]:
        """Who is sent next: many together, or the first one alone. Empty: those that waited have gone."""
        together = len(self._waiting) >= self._least
        group: list[_Unit] = []
        messages = size = 0
        while self._waiting:
            unit = self._waiting[0]
            if not unit.answer.done():
                messages, size = messages + len(unit.messages), size + unit.size
                if group and (not together or messages > MOST_MESSAGES or size > MOST_BYTES):
                    break
                group.append(unit)
            self._waiting.popleft()
        return group

    async def _together(self, group: list[_Unit]) -> None:
        messages = [message for unit in group for message in unit.messages]
        timeout_s = min(unit.timeout_s for unit in group)
        try:
            stored = await publish_batch(self._client, messages, timeout_s)
        except NotStored as error:
            for unit in group:
                if not unit.answer.done():
                    unit.answer.set_exception(NotStored(str(error)))
        except (Conflict, Rejected):
            for unit in group:
                if not unit.answer.done():
                    self._under_way += 1
                    unit.answer.set_result(None)
        else:
            self.batches += 1
            _tell(group, stored, len(messages))
        finally:
            self._done()


def _told_to_go(unit: _Unit) -> bool:
    answer = unit.answer
    return answer.done() and not answer.cancelled() and answer.exception() is None and answer.result() is None


def _tell(group: list[_Unit], stored: Stored, count: int) -> None:
    """The messages of a batch stand in the stream one after the other."""
    sequence = stored.sequence - count
    for unit in group:
        sequence += len(unit.messages)
        if not unit.answer.done():
            unit.answer.set_result(Stored(stored.stream, sequence, duplicate=False))
