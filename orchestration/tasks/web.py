"""Calls to any URL: one request, one bounded answer. Redirects are answers too, and nothing is tried again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from orchestration.tasks.http_client import CallFailed

MAX_ANSWER_BYTES: Final = 6 * 1024 * 1024  # Lambda's; a state may hold far less
CONNECTIONS: Final = 500
CONNECT_WITHIN_S: Final = 10.0


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


class Web:
    """Owns its connections; ``close()`` it. Opens nothing before the first call."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def call(self, request: Request, timeout_s: float | None = None) -> WebAnswer:
        """Raises ``CallFailed``; ``TimeoutError`` when no whole answer came in time."""
        try:
            url = URL(request.url, encoded=True)
            timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_WITHIN_S)
            async with self._opened().request(
                request.method, url, headers=request.headers, data=request.body, timeout=timeout, allow_redirects=False
            ) as answer:
                body = await answer.content.read(MAX_ANSWER_BYTES + 1)
                while not answer.content.at_eof() and len(body) <= MAX_ANSWER_BYTES:
                    body += await answer.content.read(MAX_ANSWER_BYTES + 1 - len(body))
                if len(body) > MAX_ANSWER_BYTES:
                    raise CallFailed(f"the answer of {url.host} is larger than {MAX_ANSWER_BYTES} bytes")
                headers = tuple((name.decode(), value.decode(errors="replace")) for name, value in answer.raw_headers)
                return WebAnswer(answer.status, answer.reason or "", headers, body)
        except aiohttp.ConnectionTimeoutError as error:
            raise CallFailed(str(error) or "no connection in time") from error
        except (aiohttp.ClientError, ValueError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise CallFailed(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session
