"""Held messages are kept in progress while they are worked on, and handed back at the end."""

import asyncio

from orchestration.runtime.holding import Holding


class Work:
    def __init__(self) -> None:
        self.progress = 0
        self.naks = 0
        self._told = asyncio.Event()

    async def in_progress(self) -> None:
        self.progress += 1
        self._told.set()

    async def reached(self, times: int) -> None:
        async with asyncio.timeout(5):
            while self.progress < times:
                self._told.clear()
                await self._told.wait()

    async def nak(self, delay_s: float = 0.0) -> None:
        self.naks += 1


async def test_kept_until_let_go() -> None:
    holding = Holding(ack_wait_s=0.06)
    keeping = asyncio.create_task(holding.keep())
    long, short = Work(), Work()
    holding.take(long)
    holding.take(short)
    holding.let_go(short)
    await long.reached(2)
    assert short.progress == 0
    holding.let_go(long)
    done = long.progress
    another = Work()
    holding.take(another)
    await another.reached(2)
    assert long.progress == done
    assert len(holding) == 1
    await holding.hand_back()
    assert (another.naks, long.naks, len(holding)) == (1, 0, 0)
    keeping.cancel()
    await asyncio.wait((keeping,))
