"""How many executions one worker begins at once: the others wait in a line, and what the line cannot hold is refused.

Must not know what a message or an execution is.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from orchestration.errors import Overloaded


class Slots:
    """``at_once`` are taken together; ``line`` more tasks may wait for one, in the order in which they came."""

    def __init__(self, at_once: int, line: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._longest = line
        self._line: set[asyncio.Task[object]] = set()
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Raises ``Overloaded`` when the line is full, or closed."""
        await self._wait()
        try:
            yield
        finally:
            self._free.release()

    async def room(self, within_s: float) -> None:
        """Returns when the line is not full, or after ``within_s`` seconds."""
        if not self._room.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), within_s)

    def close(self) -> None:
        """Nobody gets a slot any more: the tasks that wait for one are cancelled."""
        self._closed = True
        for task in self._line:
            task.cancel()

    async def _wait(self) -> None:
        if self._closed or (self._free.locked() and len(self._line) >= self._longest):
            raise Overloaded("too many executions are being begun")
        task = asyncio.current_task()
        assert task is not None, "it is awaited"
        self._line.add(task)
        if len(self._line) >= self._longest:
            self._room.clear()
        try:
            await self._free.acquire()
        finally:
            self._line.discard(task)
            self._room.set()
