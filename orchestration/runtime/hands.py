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
        """Returns when they have let go of it. True: nothing is left to do about the message that told the event.

        ``again``: the message was delivered before, and whoever held it may have died with work in hand. Raises
        ``HistoryUnreachable``.
        """
        await self._opened.wait()
        told = news = False
        if self.drive is not None:
            with suppress(Lost, NotDriven):
                news = await self.drive.tell(event)
                if again and not self.drive.ended:
                    await self.drive.take_over()
                told = True
        await self._let_go.wait()
        # No news: what follows from it may be under way with another, who was given the same message and may die.
        return told and (self.settled if news and not again else self._settled_whole)

    async def until_let_go(self, *, again: bool = False) -> bool:
        """``tell`` for a message that has no event for an execution which has begun."""
        await self._opened.wait()
        if again and self.drive is not None:
            with suppress(Lost, NotDriven):
                await self.drive.take_over()
        await self._let_go.wait()
        return self._settled_whole

    @property
    def _settled_whole(self) -> bool:
        return self.settled and self.drive is not None and (self.drive.whole or self.drive.ended)
