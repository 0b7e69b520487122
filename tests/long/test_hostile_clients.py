"""What hostile clients do to others: an AWS error for each attack, bounded memory, and others' p99 within three times.

Each attack is measured in one run against the quiet before and after it; the others are executions with one call over
HTTP. ``LAB_ATTACKS`` chooses the attacks whose names hold it.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from bench.clients import StepFunctions as Api
from orchestration.tasks.http_client import Address
from tests.e2e.mixed.receiver import Receiver
from tests.integration.orchestration.step_functions import StepFunctions, step_functions
from tests.long.attacks import ATTACKS, MACHINES, OTHER, Client, connected, write_dataset

ROOT = Path(__file__).parents[2]
QUIET_S, ATTACK_S = 4.0, 8.0
OTHERS = 4
MOST_TIMES_SLOWER = 3.0
MOST_GROWN_MIB = 300


@contextlib.asynccontextmanager
async def everything_up(folder: Path) -> AsyncIterator[tuple[StepFunctions, Client]]:
    receiver = Receiver()
    await receiver.start()
    await asyncio.to_thread(write_dataset, folder / "datasets")
    environment = {"LAB_PAYMENT_URL": receiver.url, "LAB_TIME_SCALE": "1", "LAB_DATASETS": str(folder / "datasets")}
    entering = step_functions(folder, environment)
    processes = await asyncio.to_thread(entering.__enter__)
    try:
        async with connected(processes.endpoint, processes.nats.url) as client:
            api = Api(client.http, Address.of(client.endpoint))
            for name, definition in {**MACHINES, "other": OTHER}.items():
                await api.create(name, orjson.loads(definition), "STANDARD")
            yield processes, client
    finally:
        await asyncio.to_thread(entering.__exit__, None, None, None)
        await receiver.stop()


async def others(client: Client, for_s: float) -> list[float]:
    """Seconds that each of the others' executions took that began in this time."""
    took: list[float] = []
    until = time.monotonic() + for_s

    async def one_after_another() -> None:
        while time.monotonic() < until:
            began = time.perf_counter()
            assert await client.run("other", {"of": "other", "op": "x"}) == "SUCCEEDED"
            took.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(OTHERS):
            tasks.create_task(one_after_another())
    return sorted(took)


async def under(processes: StepFunctions, client: Client, attack: str) -> tuple[list[float], int]:
    """``others`` meanwhile, and how often the attack was made."""
    command = [sys.executable, "-m", "tests.long.attacks", client.endpoint, processes.nats.url, attack, str(ATTACK_S)]
    attacking = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    took = await others(client, ATTACK_S)
    told, _ = await attacking.communicate()
    assert attacking.returncode == 0, "an attack got another answer than it must"
    return took, int(told)


def peak_mib(processes: StepFunctions) -> dict[str, float]:
    """The most memory that each process has ever had."""
    found = {}
    for name, process in processes.processes.items():
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        found[name] = int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    return found


def p99_ms(took: list[float]) -> float:
    return 1000 * sorted(took)[int(len(took) * 0.99)]


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_attacks_are_refused_and_others_are_undisturbed(tmp_path: Path) -> None:
    worse, chosen = {}, os.environ.get("LAB_ATTACKS", "")
    async with everything_up(tmp_path) as (processes, client):
        quiet = await others(client, QUIET_S)
        before = peak_mib(processes)
        for attack in (name for name in ATTACKS if chosen in name):
            took, made = await under(processes, client, attack)
            after = await others(client, QUIET_S)
            calm, attacked, quiet = p99_ms(quiet + after), p99_ms(took), after
            grown = {name: round(now - before[name]) for name, now in peak_mib(processes).items()}
            median_ms = 1000 * took[len(took) // 2]
            print(
                f"{attack}: made {made}; others' median {median_ms:.0f} ms, p99 {calm:.0f} -> {attacked:.0f} ms,",
                end=" ",
            )
            print(f"grown by {grown} MiB")
            if attacked > MOST_TIMES_SLOWER * calm:
                worse[attack] = (calm, attacked)
            assert made
            assert max(grown.values()) < MOST_GROWN_MIB
    assert not worse
