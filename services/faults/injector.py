"""Acting out what the dice gave: waiting, and dying by SIGKILL at a named point. It rolls nothing and records nothing.

A fault is in the ledger before it is acted out, so that a restarted process meets the next attempt and not the same
crash for ever.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from typing import Final

from services.faults.plan import CrashPoint
from services.operations import Operation

log = logging.getLogger(__name__)

# Points that a shell never reaches (a message that is not acknowledged after all) must not pile up.
MAX_ARMED: Final = 1_000


def die() -> None:
    """What a power switch does to a process: no cleanup, no goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)


class Injector:
    """``kill`` can be replaced for tests; it is then expected to raise."""

    def __init__(self, kill: Callable[[], None] = die) -> None:
        self._kill = kill
        self._armed: dict[tuple[str, Operation, CrashPoint], None] = {}

    async def be_slow(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)

    def arm(self, order_id: str, operation: Operation, point: CrashPoint) -> None:
        """The process will die when a shell says that it has come to this point with this command."""
        while len(self._armed) >= MAX_ARMED:
            del self._armed[next(iter(self._armed))]
        self._armed[order_id, operation, point] = None

    def reached(self, order_id: str, operation: Operation, point: CrashPoint) -> None:
        if self._armed and (order_id, operation, point) in self._armed:
            del self._armed[order_id, operation, point]
            self.crash(f"{operation} {point}")

    def crash(self, where: str) -> None:
        log.warning("injected crash: %s", where)
        self._kill()
