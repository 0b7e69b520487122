"""Follows ``GET /outcomes`` by its cursor: one small question for all orders, instead of one question per order."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp

ASK_EVERY_S = 0.25
PAGE = 1000
ANSWER_TIMEOUT_S = 5.0


class Ended(NamedTuple):
    """An order that ended, with the lane's own durable timestamps (RFC 3339)."""

    order_id: str
    status: str
    accepted_at: str
    finished_at: str


@dataclass
class Outcomes:
    """``ended`` by order id; ``cursor`` is where the next question goes on."""

    cursor: int = 0
    ended: dict[str, Ended] = field(default_factory=dict)


async def follow(
    outcomes: Outcomes,
    front_door_url: str,
    *,
    until: asyncio.Event,
    ask_every_s: float = ASK_EVERY_S,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Collect outcomes until ``until`` is set; a front door out of reach is asked again."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while not until.is_set():
            try:
                more = await read_page(session, outcomes, front_door_url)
            except (aiohttp.ClientError, TimeoutError):
                more = False
            if on_progress is not None:
                on_progress(len(outcomes.ended))
            if not more:
                try:
                    await asyncio.wait_for(until.wait(), ask_every_s)
                except TimeoutError:
                    continue


async def read_page(session: aiohttp.ClientSession, outcomes: Outcomes, front_door_url: str) -> bool:
    """One page; answers whether it was full (more may be there at once). Raises what aiohttp raises."""
    params = {"after": str(outcomes.cursor), "limit": str(PAGE)}
    count = 0
    async with session.get(f"{front_door_url}/outcomes", params=params) as answer:
        answer.raise_for_status()
        text = await answer.text()
    for line in text.splitlines():
        if not line.strip():
            continue
        count += 1
        _take(outcomes, line)
    return count >= PAGE


def _take(outcomes: Outcomes, line: str) -> None:
    row = json.loads(line)
    outcomes.cursor = max(outcomes.cursor, row["cursor"])
    outcomes.ended[row["order_id"]] = Ended(row["order_id"], row["status"], row["accepted_at"], row["finished_at"])
