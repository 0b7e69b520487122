"""Asking a process over HTTP whether it is ready. Only at starts: a ready process is not asked again."""

import asyncio

import aiohttp

FIRST_PAUSE_S = 0.05
MAX_PAUSE_S = 0.5
ASK_TIMEOUT_S = 2.0


async def until_ready(session: aiohttp.ClientSession, url: str) -> None:
    """Returns when ``url`` answers 200. Has no deadline of its own: the caller cancels it."""
    pause_s = FIRST_PAUSE_S
    while not await _answers(session, url):
        await asyncio.sleep(pause_s)
        pause_s = min(MAX_PAUSE_S, pause_s * 1.2)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=ASK_TIMEOUT_S)) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False  # not listening yet, or just gone: both mean "not ready"
