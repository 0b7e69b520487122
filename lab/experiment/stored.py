"""What a lane has stored: its broker by the server's own monitoring, its ledgers by the size of their files."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Final

import aiohttp

from lab.errors import OutOfReach
from lab.experiment.measuring import Stored
from lab.messages import WORK

ANSWER_WITHIN_S: Final = 5.0
ASKED: Final = "/jsz?streams=true&consumers=true"


async def stored(monitor_url: str, lane: str) -> Stored:
    """Raises ``OutOfReach``."""
    try:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(monitor_url + ASKED) as answer:
            return stored_in(await answer.json(), lane)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise OutOfReach(f"{monitor_url}: {type(error).__name__}: {error}") from error


def stored_in(page: dict[str, Any], lane: str) -> Stored:
    """From a server's ``/jsz``. Messages are counted by sequence, so that those that left again count too."""
    streams = [each for account in page.get("account_details", ()) for each in account.get("stream_detail", ())]
    deliveries = sum(
        consumer["delivered"]["consumer_seq"]
        for stream in streams
        for consumer in stream.get("consumer_detail") or ()
        if consumer["name"] in WORK[lane].consumers
    )
    return Stored(
        messages=sum(stream["state"]["last_seq"] for stream in streams),
        bytes=sum(stream["state"]["bytes"] for stream in streams),
        deliveries=deliveries,
    )


def more(before: Stored, after: Stored) -> Stored:
    return Stored(after.messages - before.messages, after.bytes - before.bytes, after.deliveries - before.deliveries)


def ledger_bytes(lane_home: Path) -> int:
    """What the lane's SQLite databases hold; a write-ahead log that is written over and over does not count."""
    return sum(_held(path) for path in lane_home.glob("*.db"))


def _held(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{path.as_posix()}?mode=ro", uri=True)) as database:
        pages, free, size = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)
