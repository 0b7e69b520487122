"""What runs beside the pages for as long as the console does: the manager's mail and the ear on the bus."""

import secrets
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Final, Self

from lab.console.backend import Backend
from lab.console.bus.connection import BusConnection
from lab.console.bus.tail import Tail
from lab.console.desk import waits_in
from lab.console.settings import ConsoleSettings, is_loopback
from lab.mail.courier import Courier
from lab.mail.letters import Wait
from lab.mail.settings import MailSettings

BUS_LANE: Final = "choreography"
CONDUCTED_LANE: Final = "orchestration"


class Rooms:
    """``async with``, after the backend. ``secret`` signs the links in mails."""

    def __init__(self, settings: ConsoleSettings, backend: Backend, mail: MailSettings) -> None:
        self.secret = settings.approval_secret.get_secret_value() or secrets.token_urlsafe(32)
        self.bus = BusConnection(settings.brokers.get(BUS_LANE))
        self.tail = Tail(self.bus)
        self._backend = backend
        lanes = {name: partial(_waits, backend, name) for name in settings.lanes}
        self.courier = Courier(mail, lanes, secret=self.secret, base=_own_address(settings))
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.courier)
        self._stack.push_async_callback(self.bus.close)
        self._stack.callback(self.tail.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()


async def _waits(backend: Backend, lane: str) -> list[Wait]:
    return await waits_in(backend.lane(lane))


def _own_address(settings: ConsoleSettings) -> str:
    host = settings.host if is_loopback(settings.host) else next(iter(settings.names), "127.0.0.1")
    return f"http://{host}:{settings.port}"
