"""Group commit: all commands that wait while one commit is written to disk share the next one.

Many callers on the event loop, one writer thread. What callers submit in one turn of the loop goes over together, so a
listener's whole batch is one transaction. It must not know what a command means.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from services.commands import Outgoing
from services.errors import LedgerUnavailable, NoAnswer, Unstorable
from services.ledger.batch import Outcome, Request
from services.ledger.ledger import Ledger

MAX_BATCH: Final = 256
MAX_WAITING: Final = 20_000
# Longer than the database's own limits (see ``connect``); beyond it nobody knows whether the commit happened.
COMMIT_DEADLINE_S: Final = 30.0
WATCH_EVERY_S: Final = 5.0
QUIET_S: Final = 1.0
CLOSE_DEADLINE_S: Final = 2.0

T = TypeVar("T")


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: Request
    future: asyncio.Future[Outcome]


class GroupCommit:
    """Owns the writer thread of a prepared ledger. Make it inside the event loop that will use it."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        before_commit: Callable[[], None],
        on_outgoing: Callable[[Sequence[Outgoing]], None],
        now: Callable[[], str] = utc_now,
    ) -> None:
        self._ledger = ledger
        self._before_commit = before_commit
        self._on_outgoing = on_outgoing
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._gathered: list[_Waiting] = []
        self._waiting: deque[_Waiting] = deque()
        self._watch_timer: asyncio.TimerHandle | None = None
        self._in_commit: list[_Waiting] = []
        self._commit_began = 0.0
        self._errands: deque[Callable[[], None]] = deque()
        self._sent: list[str] = []
        self._quiet_timer: asyncio.TimerHandle | None = None
        self._flush_sent = False
        self._closing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._write_for_ever, name="ledger-writer", daemon=True)
        self._thread.start()

    async def submit(self, request: Request) -> Outcome:
        """Raises ``LedgerUnavailable`` or ``Unstorable`` (nothing was done), or ``NoAnswer`` (nobody knows)."""
        if self._closing or len(self._waiting) + len(self._gathered) >= MAX_WAITING:
            raise LedgerUnavailable("the ledger is closing" if self._closing else "too many commands are waiting")
        future: asyncio.Future[Outcome] = self._loop.create_future()
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(_Waiting(request, future))
        return await future

    async def run(self, errand: Callable[[], T]) -> T:
        """Run something on the writer thread, between two batches."""
        future: asyncio.Future[T] = self._loop.create_future()

        def do() -> None:
            try:
                result = errand()
            except Exception as error:  # noqa: BLE001 - carried over to the caller
                self._loop.call_soon_threadsafe(_fail, future, error)
            else:
                self._loop.call_soon_threadsafe(_resolve, future, result)

        with self._wake:
            if self._closing:
                raise LedgerUnavailable("the ledger is closing")
            self._errands.append(do)
            self._wake.notify()
        async with asyncio.timeout(COMMIT_DEADLINE_S):
            return await future

    def mark_sent(self, ids: Sequence[str]) -> None:
        with self._wake:
            self._sent.extend(ids)
        if self._quiet_timer is None and ids:
            self._quiet_timer = self._loop.call_later(QUIET_S, self._write_sent)

    async def close(self) -> None:
        """Everything submitted is written first. The ledger itself stays open."""
        self._hand_over()
        for timer in (self._quiet_timer, self._watch_timer):
            if timer is not None:
                timer.cancel()
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join, CLOSE_DEADLINE_S)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        with self._wake:
            self._waiting.extend(gathered)
            self._wake.notify()
        if self._watch_timer is None:
            self._watch_timer = self._loop.call_later(WATCH_EVERY_S, self._watch)

    def _watch(self) -> None:
        """Give up on a commit that hangs, and on all that wait behind it. One timer for all: one each would cost more
        than the rest of this path. None runs while nothing is in flight."""
        self._watch_timer = None
        with self._wake:
            batch, since = list(self._in_commit), self._commit_began
            waiting = list(self._waiting)
        if not batch and not waiting:
            return
        if batch and time.monotonic() - since > COMMIT_DEADLINE_S:
            for each in (*batch, *waiting):
                _fail(each.future, NoAnswer("the ledger did not answer in time", kind="ledger", attempt=1))
        self._watch_timer = self._loop.call_later(WATCH_EVERY_S, self._watch)

    def _write_sent(self) -> None:
        self._quiet_timer = None
        with self._wake:
            self._flush_sent = bool(self._sent)
            self._wake.notify()

    # --- on the writer thread ---------------------------------------------------------------------------------------

    def _write_for_ever(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(self._has_work)
                errands, self._errands = self._errands, deque()
                batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
                self._in_commit, self._commit_began = batch, time.monotonic()
                sent, self._sent = self._sent, []
                self._flush_sent = False
                stop = self._closing and not self._waiting
            for errand in errands:
                errand()
            if batch or sent:
                self._write(batch, sent)
            self._in_commit = []
            if stop:
                return

    def _has_work(self) -> bool:
        return bool(self._waiting or self._errands or self._flush_sent or self._closing)

    def _write(self, batch: list[_Waiting], sent: list[str]) -> None:
        results: Sequence[Outcome | Exception]
        outgoing: Sequence[Outgoing] = ()
        try:
            requests = [waiting.request for waiting in batch]
            results, outgoing = self._ledger.commit(requests, sent, self._now(), self._before_commit)
        except Exception as error:  # noqa: BLE001 - carried over to every caller of the batch
            if isinstance(error, Unstorable) and len(batch) > 1:
                self._write_one_by_one(batch, sent)
                return
            results = [error] * len(batch)
            with self._wake:
                self._sent[:0] = sent
        self._loop.call_soon_threadsafe(self._deliver, batch, results, outgoing)

    def _write_one_by_one(self, batch: list[_Waiting], sent: list[str]) -> None:
        """What cannot be written must not take the others of its batch with it."""
        for waiting in batch:
            self._write([waiting], [])
        if sent:
            self._write([], sent)

    def _deliver(
        self, batch: list[_Waiting], results: Sequence[Outcome | Exception], outgoing: Sequence[Outgoing]
    ) -> None:
        for waiting, result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                _fail(waiting.future, result)
            else:
                _resolve(waiting.future, result)
        if outgoing:
            self._on_outgoing(outgoing)


def _resolve(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
