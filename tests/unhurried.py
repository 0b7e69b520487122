"""Times that a test may put a bound on, though others want the processors too."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def unhurried_seconds() -> AsyncIterator[list[float]]:
    """How long the body took, less what this event loop was kept waiting for a processor meanwhile."""
    tick_s, waited, taken = 0.01, 0.0, [0.0]

    async def tick() -> None:
        nonlocal waited
        while True:
            slept = time.monotonic()
            await asyncio.sleep(tick_s)
            waited += max(0.0, time.monotonic() - slept - 2 * tick_s)

    began, ticking = time.monotonic(), asyncio.create_task(tick())
    try:
        yield taken
        await asyncio.sleep(tick_s)
    finally:
        ticking.cancel()
        taken[0] = time.monotonic() - began - waited
