"""Locust with a master and two workers against a real lane: every order once, and outcomes by durable timestamps."""

import asyncio
import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from lab.embedded import Lab
from lab.experiment.trial_run import products
from lab.scenario import load_scenario
from lab.topology import LabConfig
from loadtests.workload import Shape, plan, write_plan
from tests.free_ports import free_port_base

pytestmark = [pytest.mark.more, pytest.mark.timeout(240)]

LANE = "choreography"
WORKERS = 2
ENDS_WITHIN_S = 120.0
SHAPE = Shape(rate_per_s=10.0, seconds=4.0, large_share=0.0)


@dataclass(frozen=True)
class Drive:
    """A headless master and its workers, each a process."""

    locustfile: str
    options: tuple[str, ...]
    of_master: tuple[str, ...]
    port: int
    folder: Path

    def run(self) -> dict[tuple[str, str], int]:
        """By the master's own count, of each request and event."""
        common = [sys.executable, "-m", "locust", "-f", f"loadtests/{self.locustfile}", *self.options]
        users = [
            "--headless",
            "--expect-workers",
            str(WORKERS),
            "-u",
            "2",
            "-r",
            "2",
            "--csv",
            str(self.folder / "found"),
        ]
        master = [*common, "--master", "--master-bind-port", str(self.port), *users, *self.of_master]
        worker = [*common, "--worker", "--master-port", str(self.port)]
        running = [
            subprocess.Popen(each, stdout=PIPE, stderr=STDOUT, text=True) for each in [master] + [worker] * WORKERS
        ]
        try:
            said = [each.communicate(timeout=ENDS_WITHIN_S)[0] for each in running]
        finally:
            for each in running:
                each.kill()
                each.wait()
        # 1: something failed, which for Locust is also an order that left late; the counts say what.
        assert running[0].returncode in (0, 1), said[0]
        assert [each.returncode for each in running[1:]] == [0] * WORKERS, "\n".join(said)
        rows = csv.DictReader((self.folder / "found_stats.csv").read_text().splitlines())
        return {(row["Type"], row["Name"]): int(row["Request Count"]) for row in rows}


async def test_two_workers_send_every_order_of_a_plan_once_and_close_a_loop(tmp_path: Path) -> None:
    ports = free_port_base()
    config = LabConfig(home=tmp_path / "lab", port_base=ports, lanes=(LANE,), time_scale=0.1, stock_scale=50.0)
    calm = load_scenario("calm").model_copy(update={"load": SHAPE})
    orders = list(plan(1, SHAPE, products(calm)))
    write_plan(tmp_path / "plan.jsonl", orders)
    async with Lab(config) as lab:
        host = ("--host", lab.url(LANE, "door"))
        planned = Drive("on_time.py", (*host, "--plan", str(tmp_path / "plan.jsonl")), (), ports + 58, tmp_path)
        found = await asyncio.to_thread(planned.run)
        assert found["ORDER", "due to accepted"] == found["OUTCOME", "fulfilled"] == len(orders)

        catalogue = ("--catalogue", f"{lab.url(LANE, 'warehouse')}/catalogue")
        closed = Drive("locustfile.py", (*host, *catalogue), ("-t", "6s"), ports + 56, tmp_path)
        found = await asyncio.to_thread(closed.run)
        assert 0 < found["OUTCOME", "fulfilled"] <= found["POST", "/orders"]
        assert ("OUTCOME", "none in time") not in found
