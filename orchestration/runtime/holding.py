"""Work messages in a worker's hands: kept in progress while they are worked on, handed back when it stops."""

import asyncio
from typing import Protocol


class Work(Protocol):
    """A delivered message, as far as its keeper cares."""

    async def in_progress(self) -> None: ...

    async def nak(self, delay_s: float = 0.0) -> None: ...


class Holding:
    """Tells the broker, every third of ``ack_wait_s``, which messages are still worked on. Costs nothing when idle."""

    def __init__(self, ack_wait_s: float) -> None:
        self._every_s = ack_wait_s / 3
        self._held: dict[int, tuple[Work, float]] = {}
        self._something = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    def take(self, work: Work) -> None:
        self._held[id(work)] = (work, asyncio.get_running_loop().time())
        self._something.set()

    def let_go(self, work: Work) -> None:
        self._held.pop(id(work), None)

    async def keep(self) -> None:
        """Runs for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            await self._something.wait()
            await asyncio.sleep(self._every_s)
            if not self._held:
                self._something.clear()
            now = clock()
            # Most messages are done before they are due for the first time: those of this turn are left out.
            for work, since in tuple(self._held.values()):
                if now - since >= self._every_s * 0.9 and id(work) in self._held:
                    await work.in_progress()

    async def hand_back(self) -> None:
        """What is still held goes to another worker at once, not after ``ack_wait``."""
        for work, _ in tuple(self._held.values()):
            await work.nak()
        self._held.clear()
