"""Advancing an execution without holding up the others of this process: what takes long goes to a thread.

The queries of a machine may take a second for each expression. An advance changes nothing but what it gives, so it is
begun here with little patience, and made again in the thread where that is not enough. From then on all advances of
that machine are made there: its compiled queries serve one thread at a time.
"""

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from orchestration.asl.interpreter import ExecutionState, Impatient, Machine, Step, advance
from orchestration.asl.protocol import Input, Now

PATIENCE_STEPS: Final = 2_000  # about 15 ms
MOST_REMEMBERED: Final = 10_000
# How long the thread may keep the event loop waiting each time that it wakes (Python's default is 5 ms).
SWITCH_S: Final = 0.0005


_thread: Final = ThreadPoolExecutor(1, thread_name_prefix="slow-machines")


class Pacing:
    """``reference`` names the machine as ``Machines.load`` does."""

    def __init__(self) -> None:
        self._slow: OrderedDict[str, None] = OrderedDict()

    async def advance(
        self,
        reference: str,
        machine: Machine,
        state: ExecutionState,
        event: Input,
        now: Now,
        token_of: Callable[[int, int], str],
    ) -> Step:
        """As ``asl.interpreter.advance``, whose arguments the others are."""
        if reference not in self._slow:
            try:
                return advance(machine, state, event, now, token_of, patience=PATIENCE_STEPS)
            except Impatient:
                self._remember(reference)
        return await asyncio.get_running_loop().run_in_executor(_thread, advance, machine, state, event, now, token_of)

    def _remember(self, reference: str) -> None:
        self._slow[reference] = None
        if len(self._slow) > MOST_REMEMBERED:
            self._slow.popitem(last=False)
        sys.setswitchinterval(SWITCH_S)


PACING: Final = Pacing()  # of this process: what its event loop has no time for
