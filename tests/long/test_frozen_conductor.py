"""A conductor that is frozen for 30 seconds, with executions of every kind in its hands, and then thawed."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.e2e.mixed.running import CONDUCTORS, Mixed, check, mixed

FROZEN_S = 30.0
BEFORE, MEANWHILE, AFTER = range(150), range(150, 300), range(300, 370)
RATE_PER_S = 25.0
END_WITHIN_S = 90.0


def writers(running: Mixed) -> dict[str, list[str]]:
    """By execution: which process wrote each append."""
    return {
        token: [append.append_id.split(".")[-2].rpartition("-")[0] for append in story.appends]
        for token, story in running.follower.stories.items()
    }


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_a_frozen_conductor_appends_nothing_stale(tmp_path: Path) -> None:
    frozen = CONDUCTORS[0]
    async with mixed(tmp_path) as running:
        process = running.processes.processes[frozen]
        await running.load(BEFORE, RATE_PER_S)
        process.send_signal(signal.SIGSTOP)
        thaw_at = asyncio.get_running_loop().time() + FROZEN_S
        await running.load(MEANWHILE, RATE_PER_S)
        await running.all_ended(END_WITHIN_S)
        before = writers(running)
        assert any(frozen in wrote and wrote[-1] != frozen for wrote in before.values()), "nothing was taken over"
        await asyncio.sleep(max(0.0, thaw_at - asyncio.get_running_loop().time()))
        process.send_signal(signal.SIGCONT)
        await running.load(AFTER, RATE_PER_S)
        await running.all_ended(END_WITHIN_S)
        after = writers(running)
        assert {token: after[token] for token in before} == before
        assert any(frozen in wrote for token, wrote in after.items() if token not in before), "the thawed one idles"
        check(running)
