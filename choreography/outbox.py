"""Sending what a service's outbox holds: right after the commit, and what an earlier life of the process left behind.

A row is sent at least once: its id is the message's, so the broker drops most repeats and each receiver's inbox the
rest. With practice ``outbox`` off there are no rows; then this module publishes once and hopes.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from nats.aio.client import Client

from broker.connection import after_reconnect, raise_if_cancelled
from broker.errors import BrokerError, NotStored
from broker.group import GroupPublisher
from broker.publish import Message
from services.commands import Outgoing
from services.errors import LedgerUnavailable

log = logging.getLogger(__name__)

# Only for rows of another, dead process on the same PostgreSQL: our own go out at once, at start, after a reconnect.
SWEEP_EVERY_S = 30.0
BACK_OFF_S = 0.5
# What a person has to mend (a refused row, a ledger out of reach) is asked for less often.
MEND_S = 5.0
PAGE = 1000
REMEMBERED = 20_000


class Ledger(Protocol):
    """The part of a service that keeps the outbox."""

    async def unsent(self, limit: int = PAGE) -> list[Outgoing]: ...

    def mark_sent(self, ids: Sequence[str]) -> None: ...


class Outbox:
    """One process's way out. ``durable`` False: practice ``outbox`` is off."""

    def __init__(self, client: Client, ledger: Ledger, *, durable: bool) -> None:
        self._client = client
        self._publisher = GroupPublisher(client)
        self._ledger = ledger
        self._durable = durable
        self._sent: dict[str, None] = {}  # sent in this life, perhaps not yet marked in the database
        self._sweeping = asyncio.Lock()
        self._asked = 0
        self._served = 0
        self._wake = asyncio.Event()
        self.trouble: str | None = None  # why what is unsent cannot be sent now

    async def send(self, rows: Sequence[Outgoing]) -> None:
        """Publish. Durable: raises ``BrokerError`` where the broker did not take all; the rows stay unsent."""
        outcomes = await asyncio.gather(*(self._publish(row) for row in rows), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for failure in failures:
            if not isinstance(failure, BrokerError):
                raise failure
        if failures and self._durable:
            self._wake.set()
            raise failures[0]
        if failures:
            log.warning("outbox is off: %d messages were not stored and are lost: %s", len(failures), failures[0])

    async def settle(self) -> None:
        """Send every row that is unsent now. Raises ``BrokerError``. Callers at the same time share one sweep."""
        if not self._durable:
            return
        self._asked += 1
        ticket = self._asked
        async with self._sweeping:
            if self._served >= ticket:
                return
            served = self._asked
            await self._sweep()
            self._served = served

    async def run(self, started: asyncio.Event) -> None:
        """Settle at start (then set ``started``), after each reconnect and now and then. Runs until cancelled.

        Whatever is wrong with broker, ledger or a row is told by ``trouble`` and tried again: the process stays up, so
        that its books can be read and put right.
        """
        forget = after_reconnect(self._client, self._reconnected)
        try:
            while True:
                raise_if_cancelled()
                self._wake.clear()
                try:
                    await self.settle()
                except (BrokerError, LedgerUnavailable) as error:
                    log.warning("outbox: not all could be sent, trying again: %s", error)
                    self.trouble = str(error)
                    # A row that is refused wakes us by itself: only the clock ends this pause.
                    await asyncio.sleep(BACK_OFF_S if isinstance(error, NotStored) else MEND_S)
                    continue
                self.trouble = None
                started.set()
                await self._pause(SWEEP_EVERY_S)
        finally:
            forget()

    async def _reconnected(self) -> None:
        self._wake.set()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    async def _sweep(self) -> None:
        while True:
            raise_if_cancelled()
            rows = await self._ledger.unsent(PAGE)
            left = [row for row in rows if row.id not in self._sent]
            if left:
                log.info("outbox: sending %d messages left behind", len(left))
                await self.send(left)
            if len(rows) < PAGE:
                return
            await asyncio.sleep(BACK_OFF_S)  # the marks of this page are being written

    async def _publish(self, row: Outgoing) -> None:
        await self._publisher.publish((Message(row.subject, row.body, row.id, headers=row.headers),))
        if self._durable:
            self._ledger.mark_sent((row.id,))
            self._sent[row.id] = None
            if len(self._sent) > REMEMBERED:
                del self._sent[next(iter(self._sent))]
