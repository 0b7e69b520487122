"""A handicap for an arm: its processes are stopped for a share of the time. Only a test of the statistics wants it.

A lane that is slowed down on purpose must be found slower, or "no detectable difference" means nothing.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from typing import Final

STOPPED_S: Final = 0.002


async def hold_back(pids: Callable[[], Iterable[int]], share: float) -> None:
    """Until cancelled. An operation takes ``1 + share`` times as long: the pauses follow what the stops really took."""
    while True:
        began = time.monotonic()
        stopped = [pid for pid in pids() if _signal(pid, signal.SIGSTOP)]
        try:
            await asyncio.sleep(STOPPED_S)
        finally:
            for pid in stopped:
                _signal(pid, signal.SIGCONT)
        await asyncio.sleep((time.monotonic() - began) / share)


def _signal(pid: int, number: signal.Signals) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False
