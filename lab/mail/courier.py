"""Writes to the manager about every order that waits, once for each wait, for as long as the process runs.

What was sent is remembered in memory: after a restart, those who still wait are written about again, with the same
Message-ID. No mail is better lost than sent twice; none is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from lab.errors import LabError
from lab.mail.catcher import Catcher
from lab.mail.letters import Wait, letter
from lab.mail.sending import send
from lab.mail.settings import MailSettings
from orchestration.vital import vital

EVERY_S: Final = 1.0
# A crowd that waits at once is written about in turns, so that it does not take all of the process.
A_TURN: Final = 50

# All who wait now in one lane. Raises ``LabError`` while it gives no answer.
WhoWaits = Callable[[], Awaitable[Sequence[Wait]]]


class Courier:
    """``async with`` runs it. ``lanes``: who waits in each.

    ``catcher`` None: the mail server of ``settings`` gets it all.
    """

    def __init__(self, settings: MailSettings, lanes: Mapping[str, WhoWaits], *, secret: str, base: str) -> None:
        self.settings = settings
        self.catcher = None if settings.smtp_host else Catcher()
        self.trouble = ""
        self._waiting: dict[str, tuple[Wait, ...]] = {}
        self._lanes = lanes
        self._secret = secret
        self._base = settings.link_base or base
        self._sent: set[tuple[str, str]] = set()
        self._stack = AsyncExitStack()

    @property
    def waiting(self) -> list[Wait]:
        """As last heard, the longest waiting first."""
        return sorted((wait for waits in self._waiting.values() for wait in waits), key=lambda wait: wait.since)

    async def __aenter__(self) -> Self:
        if self.catcher is not None:
            await self._stack.enter_async_context(self.catcher)
        task = vital(self._run(), "courier")

        async def end() -> None:
            task.cancel()
            await asyncio.wait((task,))

        self._stack.push_async_callback(end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _run(self) -> None:
        while True:
            self.trouble = "; ".join(await self.turn())
            await asyncio.sleep(EVERY_S)

    async def turn(self) -> list[str]:
        """Once around the lanes: a mail for each who waits and was not written about. What hindered it."""
        troubles: list[str] = []
        for lane, who_waits in self._lanes.items():
            try:
                await self._turn(lane, tuple(await who_waits()))
            except LabError as error:
                troubles.append(f"{lane}: {error}")
        return troubles

    async def _turn(self, lane: str, waits: tuple[Wait, ...]) -> None:
        self._waiting[lane] = waits
        known = {(wait.lane, wait.token) for each in self._waiting.values() for wait in each}
        self._sent &= known  # who waits no more need not be remembered
        for wait in [each for each in waits if (lane, each.token) not in self._sent][:A_TURN]:
            await self._write(wait)
            self._sent.add((lane, wait.token))

    async def _write(self, wait: Wait) -> None:
        settings = self.settings
        message = letter(
            wait,
            sender=settings.sender,
            manager=settings.manager,
            base=self._base,
            secret=self._secret,
            now=datetime.now(UTC),
        )
        if self.catcher is not None:
            await send(message, settings, "127.0.0.1", self.catcher.port)
        else:
            await send(message, settings, settings.smtp_host, settings.smtp_port)
