"""Calls and waits under way in one worker: what is taken back does not fire, and what is done is told at once."""

import asyncio

import pytest

from orchestration.asl.protocol import CancelTimer, Input, RunTask, SetTimer, TaskSucceeded, TimerFired
from orchestration.runtime.performing import Performing

NOW = 1_700_000_000.0


def call(entry: int) -> RunTask:
    return RunTask(entry, f"k{entry}", "http://x/y", {}, 1)


async def at_once(task: RunTask) -> Input:
    return TaskSucceeded(task.entry, None)


async def never(task: RunTask) -> Input:
    await asyncio.Event().wait()
    raise AssertionError(task)


async def test_a_lone_timer_can_be_taken_back() -> None:
    performing = Performing(at_once, lambda: NOW)
    performing.start([SetTimer("first", NOW + 0.02)])
    performing.start([CancelTimer("first"), SetTimer("second", NOW + 0.04)])
    async with asyncio.timeout(5):
        assert await performing.next() == [TimerFired("second", NOW + 0.04)]
    assert not performing.busy


async def test_a_timer_that_has_fired_can_still_be_taken_back() -> None:
    performing = Performing(at_once, lambda: NOW)
    performing.start([SetTimer("first", NOW), SetTimer("second", NOW)])
    await asyncio.sleep(0.01)
    performing.start([CancelTimer("first")])
    assert await performing.next() == [TimerFired("second", NOW)]


async def test_calls_that_are_done_together_are_told_together() -> None:
    performing = Performing(at_once, lambda: NOW)
    performing.start([call(n) for n in range(3)])
    assert await performing.next() == [TaskSucceeded(n, None) for n in range(3)]
    assert await performing.next() == []


async def test_whoever_listens_is_woken_from_a_lone_call() -> None:
    performing = Performing(never, lambda: NOW)
    performing.start([call(1)])
    asyncio.get_running_loop().call_later(0.01, performing.wake)
    async with asyncio.timeout(5):
        assert await performing.next(listening=True) == []
    assert performing.busy
    await performing.stop()


async def test_a_call_that_breaks_breaks_its_execution() -> None:
    async def broken(task: RunTask) -> Input:
        raise RuntimeError("bug")

    for listening in (False, True):
        performing = Performing(broken, lambda: NOW)
        performing.start([call(1)])
        with pytest.raises(RuntimeError, match="bug"):
            await performing.next(listening=listening)
