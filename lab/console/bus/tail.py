"""The newest events, read once for all who watch, and only while somebody does.

It asks the broker a few times a second and never falls behind: what is more than it can show is passed over, and said.
"""

import asyncio
from collections import deque
from typing import Final

from broker.errors import BrokerError
from broker.read import all_of, last
from choreography.broker_setup import ORDERS
from lab.console.bus.connection import BusConnection
from lab.console.bus.heard import Heard, heard
from lab.errors import LabError
from orchestration.vital import vital

EVERY_S: Final = 0.5
A_TURN: Final = 100  # more than anybody reads in half a second
KEPT: Final = 500
ALL: Final = "orders.>"


class Tail:
    """``watch`` when a page opens and ``leave`` when it goes; ``events`` are the newest, oldest first.

    ``trouble`` is why nothing comes, ``passed_over`` how many were too many.
    """

    def __init__(self, bus: BusConnection) -> None:
        self._bus = bus
        self._kept: deque[Heard] = deque(maxlen=KEPT)
        self._watchers = 0
        self._reading: asyncio.Task[None] | None = None
        self._next = 0
        self.passed_over = 0
        self.trouble = ""

    @property
    def events(self) -> list[Heard]:
        return list(self._kept)

    def watch(self) -> None:
        self._watchers += 1
        if self._reading is None or self._reading.done():
            self._reading = vital(self._read_on(), "tail")

    def leave(self) -> None:
        self._watchers -= 1
        if self._watchers <= 0:
            self.close()

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def _read_on(self) -> None:
        while True:
            try:
                await self._turn()
                self.trouble = ""
            except (BrokerError, LabError) as error:
                self.trouble = str(error)
            await asyncio.sleep(EVERY_S)

    async def _turn(self) -> None:
        client = await self._bus.client()
        newest = await last(client, ORDERS, ALL)
        if newest is None or newest.sequence < self._next:
            return
        start = max(self._next, newest.sequence - A_TURN + 1, 1)
        if self._next:
            self.passed_over += start - self._next
        for record in await all_of(client, ORDERS, ALL, start=start, limit=A_TURN):
            self._kept.append(heard(record))
            self._next = record.sequence + 1
