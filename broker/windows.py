"""A durable pull consumer read in windows, for who need not hear of each message at once: far cheaper than ``Puller``.

Each message that arrives alone costs a wake-up, a read of the socket and an acknowledgement of its own. Here one is
waited for, then a while passes, and all that have gathered meanwhile are fetched in one go. Idle, it costs nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from nats.aio.client import Client

from broker.pull import Delivery, Puller

ONE: Final = 1
GATHER_S: Final = 0.005


class WindowedPuller(Puller):
    """Batches of up to ``most`` + 1; no while passes where more is known to be there."""

    def __init__(self, client: Client, stream: str, durable: str, *, most: int, window_s: float) -> None:
        super().__init__(client, stream, durable, batch=ONE)
        self._most = most
        self._window_s = window_s
        self._hurried = asyncio.Event()
        self._behind = True

    def hurry(self) -> None:
        """End the present window, or the next one, now: somebody waits."""
        self._hurried.set()

    async def stop(self) -> None:
        self._hurried.set()
        await super().stop()

    async def batches(self) -> AsyncIterator[list[Delivery]]:
        async for batch in super().batches():
            if not self._behind:
                await self._window()
            batch += await self._burst()
            self._behind = batch[-1].pending > 0
            yield batch

    async def _window(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurried.wait(), self._window_s)
        self._hurried.clear()

    async def _burst(self) -> list[Delivery]:
        taken: list[Delivery] = []
        if not await self._ask(self._most):
            return taken
        while self._outstanding > 0 and not self._stopped.is_set():
            await asyncio.sleep(GATHER_S)
            first = await self._next()
            if first is not None:
                taken += self._gather(first, self._most)
        return taken
