"""Long computations run beside the event loop, one at a time, and no more wait than there is room for."""

import asyncio
import threading

import pytest

from orchestration.errors import Overloaded
from orchestration.off_loop import LONG, MAX_WAITING, SMALL_CHARS, off_loop


async def test_what_is_small_is_done_at_once_and_what_is_long_in_another_thread() -> None:
    here = threading.get_ident()
    assert await off_loop(SMALL_CHARS, threading.get_ident) == here
    assert await off_loop(LONG, threading.get_ident) != here


async def test_an_error_reaches_whoever_waits() -> None:
    with pytest.raises(ZeroDivisionError):
        await off_loop(LONG, lambda: 1 // 0)


async def test_only_so_many_wait_and_room_comes_back() -> None:
    gate = threading.Event()
    waiting = [asyncio.create_task(off_loop(LONG, gate.wait)) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await off_loop(LONG, gate.wait)
    waiting.pop().cancel()
    await asyncio.sleep(0)
    gate.set()
    assert all(await asyncio.gather(*waiting))
    for _ in range(MAX_WAITING + 1):
        assert await off_loop(LONG, lambda: True)
