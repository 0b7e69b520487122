"""The connections behind ``web.Web``: loaded with its first call, for it brings a full HTTP client along."""

from typing import Final

import aiohttp
from yarl import URL

from orchestration.tasks.http_client import CallFailed
from orchestration.tasks.web import MAX_ANSWER_BYTES, Request, WebAnswer

CONNECTIONS: Final = 500
CONNECT_WITHIN_S: Final = 10.0


class WebSession:
    """Made in a running event loop."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def call(self, request: Request, timeout_s: float | None) -> WebAnswer:
        """Raises ``CallFailed``; ``TimeoutError`` when no whole answer came in time."""
        try:
            url = URL(request.url, encoded=True)
            timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_WITHIN_S)
            async with self._session.request(
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
        await self._session.close()
