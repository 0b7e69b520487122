"""The rows of one order in a ledger that can only be read from a place on: found by time, without reading it whole.

Rows are numbered without gaps and are about in order of time, so the place is found by halving.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from lab.story import instant

SLACK_S: Final = 2.0  # clocks of two processes, and rows that overtook each other
PAGE: Final = 2_000
MAX_ROWS: Final = 40_000

Row = dict[str, Any]
Fetch = Callable[[int, int], Awaitable[list[Row]]]  # after, limit


async def rows_of_order(fetch: Fetch, order_id: str, since: float, until: float) -> list[Row]:
    """``since`` and ``until`` (epoch): from its acceptance to when something may still have been done for it."""
    after = await _place_of(fetch, since - SLACK_S)
    found: list[Row] = []
    read = 0
    while read < MAX_ROWS:
        page = await fetch(after, PAGE)
        found += [row for row in page if row["order_id"] == order_id]
        if len(page) < PAGE or instant(page[-1]["at"]) > until + SLACK_S:
            break
        after, read = int(page[-1]["seq"]), read + len(page)
    return found


async def _place_of(fetch: Fetch, at: float) -> int:
    """A number before the first row that is not earlier than ``at``."""
    low, step = 0, 1_000
    while await _is_before(fetch, low + step, at):
        low, step = low + step, step * 2
    high = low + step
    while high - low > PAGE // 2:
        middle = (low + high) // 2
        if await _is_before(fetch, middle, at):
            low = middle
        else:
            high = middle
    return low


async def _is_before(fetch: Fetch, after: int, at: float) -> bool:
    rows = await fetch(after, 1)
    return bool(rows) and instant(rows[0]["at"]) < at
