"""Calls and waits under way in one worker: what is taken back does not fire."""

import asyncio

from orchestration.asl.protocol import CancelTimer, Input, RunTask, SetTimer, StopRequested, TimerFired
from orchestration.runtime.performing import Performing

NOW = 1_700_000_000.0


async def never(task: RunTask) -> Input:
    raise AssertionError(task)


async def test_a_lone_timer_can_be_taken_back() -> None:
    mail: asyncio.Queue[Input] = asyncio.Queue()
    performing = Performing(never, lambda: NOW, mail)
    mail.put_nowait(StopRequested(None, None))
    performing.start([SetTimer("first", NOW + 0.05)])
    assert await performing.next() == StopRequested(None, None)
    performing.start([CancelTimer("first"), SetTimer("second", NOW + 0.1)])
    async with asyncio.timeout(5):
        assert await performing.next() == TimerFired("second")
    await performing.stop()
