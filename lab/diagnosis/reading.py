"""Asking the collector. Raises ``OutOfReach`` where it gives no answer."""

from typing import Any, Final
from urllib.parse import quote

import aiohttp

from lab.diagnosis.seen import SeenSpan, span_of
from lab.errors import OutOfReach

TIMEOUT_S: Final = 20.0


class SpanReader:
    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def of_order(self, lane: str, order_id: str) -> list[SeenSpan]:
        return [span_of(row) for row in await self._get(f"/orders/{quote(order_id, safe='')}/spans?lane={lane}")]

    async def bytes_of(self, lane: str) -> int:
        """Of all requests of the lane's processes."""
        figures = await self._get("/figures")
        return int(figures.get(lane, {}).get("bytes", 0))

    async def _get(self, path: str) -> Any:
        try:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            async with self._session.get(self._url + path, timeout=timeout) as answer:
                if answer.status == 200:
                    return await answer.json()
                problem = f"HTTP {answer.status}"
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"
        raise OutOfReach(f"GET {self._url}{path}: {problem}")
