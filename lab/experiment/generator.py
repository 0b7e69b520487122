"""The load generator as a process of its own: Locust with ``loadtests/on_time.py``, started early, told when to begin.

What it sent is read from the file that it writes. It can be used for one plan and one front door, once.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import loadtests
from lab.errors import LabError
from lab.processes.death_signal import die_with_parent
from loadtests.open_loop import OnAnswer, Patience, Placement, Placing
from loadtests.workload import PlannedOrder

LOCUSTFILE: Final = Path(loadtests.__file__).with_name("on_time.py")
LOG: Final = "generator.log"
READ_EVERY_S: Final = 0.2
END_WITHIN_S: Final = 10.0
SAID_LINES: Final = 5
AHEAD: Final = -10  # niceness


@dataclass
class Generator:
    """A ``Sender``. ``cpu_share``: its processor time over the time that the plan took, of one core; None before."""

    process: asyncio.subprocess.Process
    go: Path
    placements: Path
    log: Path
    cpu_share: float | None = None

    async def __call__(
        self,
        orders: Sequence[PlannedOrder],
        front_door_url: str,
        *,
        starts_at: float,
        patience: Patience,
        on_answer: OnAnswer,
    ) -> list[Placement]:
        """Raises ``LabError`` when the generator dies. ``front_door_url`` and ``patience`` it knows since its start."""
        self._say_go(starts_at)
        found: dict[str, Placement] = {}
        partial = ""
        with self.placements.open(encoding="utf-8") as file:
            while True:
                *lines, partial = (partial + file.read()).split("\n")
                for row in map(json.loads, lines):
                    if "cpu_s" in row:
                        self.cpu_share = row["cpu_s"] / row["wall_s"]
                        return self._all(orders, found)
                    placement = Placement(**{**row, "placing": Placing(row["placing"])})
                    found[placement.order_id] = placement
                    on_answer(placement)
                if self.process.returncode is not None:
                    raise LabError(f"the load generator ended too early: {self._last_words()}")
                await asyncio.sleep(READ_EVERY_S)

    def _all(self, orders: Sequence[PlannedOrder], found: dict[str, Placement]) -> list[Placement]:
        missing = [order.order_id for order in orders if order.order_id not in found]
        if missing:
            raise LabError(f"the load generator says nothing of {len(missing)} orders: {self._last_words()}")
        return [found[order.order_id] for order in orders]

    def _say_go(self, starts_at: float) -> None:
        fresh = self.go.with_suffix(".new")
        fresh.write_text(repr(starts_at), encoding="ascii")
        fresh.replace(self.go)

    def _last_words(self) -> str:
        return " / ".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-SAID_LINES:])

    async def end(self) -> None:
        if self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), END_WITHIN_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def generator(plan: Path, front_door_url: str, folder: Path, patience: Patience) -> AsyncIterator[Generator]:
    """A generator that loads its plan while the lane is still starting; ended on leaving."""
    go, placements, log = folder / "go", folder / "placements.jsonl", folder / LOG
    argv = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--users", "1", "--spawn-rate", "1"]
    argv += ["--host", front_door_url, "--only-summary", "--loglevel", "WARNING", "--stop-timeout", "0"]
    argv += ["--plan", str(plan), "--go", str(go), "--placements", str(placements)]
    argv += ["--patience", str(patience.order_s)]
    placements.touch()
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # Ctrl-C reaches the lab alone
            preexec_fn=die_with_parent(),
        )
    _put_ahead(process.pid)
    found = Generator(process, go, placements, log)
    try:
        yield found
    finally:
        await found.end()


def _put_ahead(pid: int) -> None:
    """Where the system allows: who loads must not stand in line behind what it loads.

    Linux shares a processor between sessions first, and by niceness only inside of each; a session has its own.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, AHEAD)
        Path(f"/proc/{pid}/autogroup").write_text(str(AHEAD), encoding="ascii")
