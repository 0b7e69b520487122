"""A handicap stops real processes now and then, and leaves them running."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from lab.experiment.handicap import hold_back

WITHIN_S = 5.0


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_it_is_stopped_while_held_back_and_goes_on_afterwards(sleeper: "subprocess.Popen[bytes]") -> None:
    seen = psutil.Process(sleeper.pid)
    holding = asyncio.create_task(hold_back(lambda: [sleeper.pid, 2**22 + 1], 5.0))  # the second: long gone
    deadline = time.monotonic() + WITHIN_S
    while seen.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)
    holding.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await holding
    assert seen.status() != psutil.STATUS_STOPPED
