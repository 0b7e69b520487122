"""Calls to any URL: one request, one bounded answer. Redirects are answers too, and nothing is tried again."""

import asyncio
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

MAX_ANSWER_BYTES: Final = 6 * 1024 * 1024  # Lambda's; a state may hold far less
METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class WebAnswer:
    """``headers`` in their order; a name may come more than once."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)


class Opened(Protocol):
    async def call(self, request: Request, timeout_s: float | None) -> WebAnswer: ...

    async def close(self) -> None: ...


class Web:
    """Owns its connections; ``close()`` it. Opens nothing before the first call, and loads nothing for it.

    A conductor that only calls the lab's services starts without a full HTTP client, as a listener does.
    """

    def __init__(self) -> None:
        self._session: Opened | None = None

    async def call(self, request: Request, timeout_s: float | None = None) -> WebAnswer:
        """Raises ``CallFailed``; ``TimeoutError`` when no whole answer came in time."""
        if self._session is None:
            # In a thread: loading takes a while, in which other executions go on.
            client = await asyncio.to_thread(importlib.import_module, "orchestration.tasks.web_session")
            self._session = self._session or client.WebSession()
        return await self._session.call(request, timeout_s)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
