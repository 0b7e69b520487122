"""Which executions are in this worker's hands: one drive each, however many messages concern it.

So a thousand answers to one execution at once are told to the one drive, which stores them in few appends, instead of a
thousand workers' getting in each other's way.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from orchestration.asl.protocol import Input
from orchestration.errors import Lost, NotDriven
from orchestration.runtime.drive import Drive


@dataclass(eq=False)
class Hand:
    """One execution being opened (``drive`` is None), driven, or just let go. ``settled``: nothing is left to drive."""

    drive: Drive | None = None
    settled: bool = False
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self, drive: Drive) -> None:
        self.drive = drive
        self._opened.set()

    def let_go(self) -> None:
        self._opened.set()
        self._let_go.set()

    async def tell(self, event: Input, *, again: bool = False) -> bool:
        """True: stored, or of no concern. False: it is in nobody's hands any more. Raises ``HistoryUnreachable``.

        ``again``: the message was delivered before, and whoever held it may have died with work in hand.
        """
        await self._opened.wait()
        if self.drive is not None:
            try:
                await self.drive.tell(event)
                if again and not self.drive.ended:
                    await self.drive.take_over()
            except (Lost, NotDriven):
                pass
            else:
                return True
        await self._let_go.wait()
        return False

    async def until_settled(self) -> bool:
        """Whether nothing is left to drive once they have let go of it."""
        await self._let_go.wait()
        return self.settled

    async def until_let_go(self, *, again: bool = False) -> bool:
        """Whether it is settled. ``again`` as in ``tell``."""
        await self._opened.wait()
        if again and self.drive is not None:
            with suppress(Lost, NotDriven):
                await self.drive.take_over()
        await self._let_go.wait()
        return self.settled and self.drive is not None and (self.drive.whole or self.drive.ended)
