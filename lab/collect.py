"""Reading a lane from outside, over its HTTP contracts: ledgers, stock, injected faults, stories, trails, counters.

Only reads. What the answers mean is for ``auditor`` and ``verdict``; how a lane works is none of its business.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from lab.auditor import Effect, StockLevel, effect_of
from lab.errors import OutOfReach
from services.operations import Service

PAGE: Final = 5000
LISTED_AT_ONCE: Final = 1000  # as many as a front door lists at once
ANSWER_TIMEOUT_S: Final = 20.0
# A process that was killed a moment ago is back within seconds; on a machine that is busy with other things, many.
TRIES: Final = 60
PAUSE_S: Final = 0.5
# Questions asked of one front door at a time.
AT_ONCE: Final = 8


@dataclass(frozen=True)
class LaneAddress:
    """Where a lane's components listen, by component; ``door`` and the three services must be there."""

    lane: str
    urls: Mapping[str, str]
    admin_token: str


class LaneReader:
    """Asks one lane. Every method raises ``OutOfReach`` when no answer came after so many tries."""

    def __init__(self, address: LaneAddress, session: aiohttp.ClientSession, *, tries: int = TRIES) -> None:
        self.address = address
        self._tries = tries
        self._session = session
        self._headers = {"Authorization": f"Bearer {address.admin_token}"}

    async def catalogue(self) -> Any:
        return json.loads(await self._text("warehouse", "/catalogue"))

    async def effects(self, service: Service, after: int = 0) -> list[Effect]:
        return [effect_of(row) async for row in self._rows(service, "/ledger", after)]

    async def ledger(self, service: Service) -> list[dict[str, Any]]:
        """The whole rows, with the times that the auditor does not believe in."""
        return [row async for row in self._rows(service, "/ledger", 0)]

    async def stock(self) -> dict[str, StockLevel]:
        answer = json.loads(await self._text("warehouse", "/stock"))
        return {sku: StockLevel(level["seeded"], level["available"]) for sku, level in answer.items()}

    async def injected(self, service: Service) -> list[dict[str, Any]]:
        return [row async for row in self._rows(service, "/faults/injected", 0)]

    async def outcomes(self, after: int = 0) -> list[dict[str, Any]]:
        """Every order that ended after that cursor, as the front door tells it now."""
        return [row async for row in self._rows("door", "/outcomes", after, place="cursor")]

    async def listed(self, status: str) -> list[dict[str, Any]]:
        """Every order of that status, newest first."""
        views: list[dict[str, Any]] = []
        while True:
            query = f"status={status}&limit={LISTED_AT_ONCE}&skip={len(views)}"
            page = json.loads(await self._text("door", f"/orders?{query}"))
            views += page
            if len(page) < LISTED_AT_ONCE:
                return views

    async def stories(self, order_ids: Iterable[str]) -> dict[str, str | None]:
        """The status of each order, None where the lane knows no such order."""
        told = await self.views(order_ids)
        return {order_id: view["status"] if view is not None else None for order_id, view in told.items()}

    async def views(self, order_ids: Iterable[str]) -> dict[str, dict[str, Any] | None]:
        """Each order as the front door shows it: its status, and the reason where it has one."""
        return await self._each(order_ids, "/orders/{}")

    async def trails(self, order_ids: Iterable[str]) -> dict[str, dict[str, Any] | None]:
        return await self._each(order_ids, "/orders/{}/trail")

    async def counters(self, component: str, names: frozenset[str]) -> dict[str, float]:
        """The sums of the named counters over all labels; empty when the process gives no answer now."""
        try:
            url = f"{self.address.urls[component]}/metrics"
            async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=2.0)) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return {}
        sums: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in names:
                    sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
        return sums

    async def _each(self, order_ids: Iterable[str], path: str) -> dict[str, dict[str, Any] | None]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(order_id: str) -> tuple[str, dict[str, Any] | None]:
            async with gate:
                text = await self._text_if_there("door", path.format(order_id))
            return order_id, json.loads(text) if text is not None else None

        return dict(await asyncio.gather(*(ask(order_id) for order_id in order_ids)))

    async def _rows(
        self, component: str, path: str, after: int, *, place: str = "seq"
    ) -> AsyncIterator[dict[str, Any]]:
        """Every line of a paged NDJSON answer, page after page."""
        while True:
            text = await self._text(component, f"{path}?after={after}&limit={PAGE}")
            count = 0
            for line in text.splitlines():
                if line.strip():
                    row: dict[str, Any] = json.loads(line)
                    after, count = row[place], count + 1
                    yield row
            if count < PAGE:
                return

    async def _text(self, component: str, path: str) -> str:
        text = await self._text_if_there(component, path)
        if text is None:
            raise OutOfReach(f"lane {self.address.lane}: {self.address.urls[component]}{path} is not there")
        return text

    async def _text_if_there(self, component: str, path: str) -> str | None:
        problem = ""
        for _ in range(self._tries):
            url = f"{self.address.urls[component]}{path}"  # looked up anew: what is started again may listen elsewhere
            try:
                timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
                async with self._session.get(url, headers=self._headers, timeout=timeout) as answer:
                    text = await answer.text()
                    if answer.status == 200:
                        return text
                    if answer.status == 404:
                        return None
                    problem = f"{answer.status} {text[:200]}"
            except (aiohttp.ClientError, TimeoutError) as error:
                problem = f"{type(error).__name__}: {error}"
            await asyncio.sleep(PAUSE_S)
        raise OutOfReach(f"lane {self.address.lane}: GET {url}: {problem}")
