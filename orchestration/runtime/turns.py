"""How many items of map runs advance at once in one worker: a run brings a thousand, and others must not wait for all.

Must not know what an execution is.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

# Measured on two processors, one worker: alone, 4 at once end 280 items a second, 16 end 570, all of them 700. Beside
# them others take 30 ms at p90 with 2 at once, and 210 ms with all.
ALONE: Final = 16
BESIDE_OTHERS: Final = 2
OTHERS_STAY_S: Final = 0.25


class Turns:
    """``alone`` items at once, and ``beside`` from the moment that another execution advances until some time after."""

    def __init__(self, alone: int = ALONE, beside: int = BESIDE_OTHERS, stay_s: float = OTHERS_STAY_S) -> None:
        self._alone = alone
        self._beside = beside
        self._stay_s = stay_s
        self._others_until = 0.0
        self._under_way = 0
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """Items in line."""
        return len(self._line)

    def of_another(self) -> None:
        """An execution that is no item advances."""
        self._others_until = time.monotonic() + self._stay_s

    @asynccontextmanager
    async def of_item(self) -> AsyncIterator[None]:
        """In the order in which they came."""
        await self._wait()
        try:
            yield
        finally:
            self._under_way -= 1
            self._let_in()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._under_way -= 1
                self._let_in()
            raise

    def _let_in(self) -> None:
        most = self._beside if time.monotonic() < self._others_until else self._alone
        while self._line and self._under_way < most:
            turn = self._line.popleft()
            if not turn.done():
                self._under_way += 1
                turn.set_result(None)
