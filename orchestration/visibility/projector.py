"""Feeds the read model from the stream, for as long as its process runs.

The position is stored with the rows, so a restart goes on where the last one ended. Records may be handed to a
connection that has died, and acknowledging a later one acknowledges those unseen; so a gap in the consumer's own count,
like a record that comes again, means: ask again for everything after the position.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

import nats.errors
import orjson
from nats.aio.client import Client
from sqlalchemy.exc import OperationalError

from broker.errors import BrokerError
from broker.pull import Delivery
from broker.read import last
from broker.windows import WindowedPuller
from orchestration.broker_setup import read_model_consumer
from orchestration.errors import NotYet, Unreadable
from orchestration.runtime import records
from orchestration.visibility.database import Database
from orchestration.visibility.folding import Changes, Reader, fold

T = TypeVar("T")

log = logging.getLogger(__name__)

MOST: Final = 2_000  # records a transaction
WINDOW_S: Final = 0.2
BACK_OFF_S: Final = 1.0
REQUEST_TIMEOUT_S: Final = 5.0
# The start and all appends of any execution; timers, wakes and dead letters have a part more.
STORIES: Final = "exec.*.*"


class Projector:
    """``consumer`` is this process's own. ``on_change`` gets each live batch of changes, and None where the rows have
    come up to date without it."""

    def __init__(
        self,
        client: Client,
        database: Database,
        consumer: str,
        readers: Mapping[str, Reader],
        on_change: Callable[[Changes | None], None] = lambda changes: None,
    ) -> None:
        self.database = database
        self._client = client
        self._consumer = consumer
        self._readers = readers
        self._on_change = on_change
        self._puller: WindowedPuller | None = None
        self._stopped = asyncio.Event()
        self._moved = asyncio.Condition()
        self._position = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="read-model")
        self.ready = False

    async def run(self) -> None:
        """Build and follow, again and again, until ``stop()``."""
        try:
            while not self._stopped.is_set():
                try:
                    behind = await self._begin()
                except (TimeoutError, nats.errors.Error, OSError, BrokerError) as error:
                    log.debug("read model: %s: %s", type(error).__name__, error)
                    await self._pause()
                    continue
                except OperationalError as error:
                    await self._without_database(error)
                    continue
                if behind == 0:
                    await self._caught_up(None)
                try:
                    await self._follow()
                except OperationalError as error:
                    await self._without_database(error)
        finally:
            self._writer.shutdown()
            self.database.close()

    async def stop(self) -> None:
        self._stopped.set()
        if self._puller is not None:
            await self._puller.stop()

    async def catch_up(self, within_s: float) -> None:
        """Return when all that was stored before the call is in the rows, or after ``within_s``. Raises ``NotYet``."""
        try:
            async with asyncio.timeout(within_s):
                await self._until(lambda: self.ready)
        except TimeoutError:
            raise NotYet("the read model is being built") from None
        try:
            found = await last(self._client, records.STREAM, STORIES, timeout_s=within_s)
        except BrokerError as error:
            raise NotYet(str(error)) from error
        if found is None or found.sequence <= self._position:
            return
        if self._puller is not None:
            self._puller.hurry()
        try:
            async with asyncio.timeout(within_s):
                await self._until(lambda: self._position >= found.sequence)
        except TimeoutError:
            log.info("read model: at %s, behind %s", self._position, found.sequence)

    async def _without_database(self, error: OperationalError) -> None:
        """It goes on from the position that the rows have when the database is back."""
        log.warning("read model: its database is out of reach, trying again: %s", error.orig)
        await self._pause()

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with self._moved:
            await self._moved.wait_for(holds)

    async def _begin(self) -> int:
        """A database of this stream and a consumer from its position on; how many records it is behind."""
        info = await self._call(f"$JS.API.STREAM.INFO.{records.STREAM}", {})
        stream = f"{records.STREAM} of {info['created']}"
        self._position = await self._write(self.database.open, stream)
        if self._position > info["state"]["last_seq"]:
            log.warning("read model: the stream is older than the rows, they are made anew")
            await self._write(self.database.reset, stream)
            self._position = 0
        subject = f"{records.STREAM}.{self._consumer}"
        try:
            await self._call(f"$JS.API.CONSUMER.DELETE.{subject}", {})
        except BrokerError as error:
            log.debug("read model: %s", error)
        config = read_model_consumer(self._consumer, after=self._position)
        answer = await self._call(
            f"$JS.API.CONSUMER.CREATE.{subject}", {"stream_name": records.STREAM, "config": config}
        )
        return int(answer["num_pending"])

    async def _follow(self) -> None:
        """Returns when records were missed or came again, or at the end."""
        self._puller = WindowedPuller(self._client, records.STREAM, self._consumer, most=MOST, window_s=WINDOW_S)
        seen = 0
        try:
            async for batch in self._puller.batches():
                if not _unbroken(batch, seen):
                    log.info("read model: records were missed or came again, going back to %s", self._position)
                    return
                seen += len(batch)
                changes = await self._write(self._apply, batch)
                self._position = batch[-1].stream_sequence
                await batch[-1].ack()
                await self._caught_up(changes, behind=batch[-1].pending)
        finally:
            await self._puller.stop()

    def _apply(self, batch: Sequence[Delivery]) -> Changes:
        changes = fold(batch, self._readers, _unreadable)
        self.database.apply(changes, batch[-1].stream_sequence)
        return changes

    async def _caught_up(self, changes: Changes | None, behind: int = 0) -> None:
        if self.ready:
            self._on_change(changes)
        elif behind == 0:
            self.ready = True
            self._on_change(None)
        async with self._moved:
            self._moved.notify_all()

    async def _call(self, subject: str, body: dict[str, Any]) -> dict[str, Any]:
        message = await self._client.request(subject, orjson.dumps(body), timeout=REQUEST_TIMEOUT_S)
        answer: dict[str, Any] = orjson.loads(message.data)
        if "error" in answer:
            raise BrokerError(f"{subject}: {answer['error'].get('description')}")
        return answer

    async def _write(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, partial(work, *args))

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), BACK_OFF_S)
        except TimeoutError:
            return


def _unreadable(subject: str, error: Unreadable) -> None:
    # The conductors set it apart and say so; here it just is no execution.
    log.warning("read model: %s: %s", subject, error)


def _unbroken(batch: Sequence[Delivery], seen: int) -> bool:
    """Are these the consumer's next deliveries after its first ``seen`` ones, each for the first time?"""
    return all(
        delivery.consumer_sequence == number and delivery.delivered == 1
        for number, delivery in enumerate(batch, seen + 1)
    )
