"""``make bench-conductor``: the saga under Standard and Express executions, beside the same calls without an engine.

Rounds are interleaved (floor, Standard, Express, floor …), everything is up all the time, and one is under load at a
time. Every run is checked: each order's end, and what the services saw of it.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import uvloop

from bench.clients import Express, Floor, Standard, StepFunctions, Submitter
from bench.saga import definition, expected_counts, expected_status, orders
from broker.connection import close, connect
from lab.embedded import Lab, code_folder
from lab.processes.spec import ProcessSpec
from lab.processes.supervisor import Supervisor
from lab.topology import API, SERVICES, STEP_FUNCTIONS, LabConfig
from orchestration.tasks.http_client import Address, HttpClient

STUB = "stub"
# Charge, Reserve, Ship, Shipped; an order that is undone enters Release, Refund and Undone instead of Shipped.
STATES_ENTERED = 0.9 * 4 + 0.1 * 6


@dataclass
class Subject:
    rates: list[float] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=dict)
    orders: int = 0

    def figures(self, floor: "Subject | None") -> dict[str, Any]:
        ordered = sorted(self.latencies_s)
        engine = sum(seconds for name, seconds in self.cpu_s.items() if name not in (STUB, "client"))
        return {
            "executions_per_s": round(median(self.rates), 1),
            "by_round": [round(rate, 1) for rate in self.rates],
            **({} if floor is None else {"share_of_floor": round(self._share_of(floor), 3)}),
            "transitions_per_s": round(median(self.rates) * STATES_ENTERED, 1),
            "p50_ms": round(1000 * ordered[len(ordered) // 2], 2),
            "p99_ms": round(1000 * ordered[int(len(ordered) * 0.99)], 2),
            "engine_cpu_s_per_1000": round(1000 * engine / self.orders, 2),
            "cpu_ms_by_process": {
                name: round(1000 * seconds / self.orders, 3) for name, seconds in sorted(self.cpu_s.items())
            },
        }

    def _share_of(self, floor: "Subject") -> float:
        return median(ours / theirs for ours, theirs in zip(self.rates, floor.rates, strict=True))


@dataclass
class Bench:
    lab: Lab
    stub: Supervisor
    stub_url: str
    subjects: dict[str, Submitter]

    def cpu(self) -> dict[str, float]:
        found = {status.name: status.cpu_s for status in (*self.stub.status(), *self.lab.status())}
        return {**found, "client": time.process_time()}


async def measure(bench: Bench, name: str, subject: Subject, count: int, clients: int) -> None:
    """One round. Raises ``RuntimeError`` where an order ended otherwise than it must, or an effect came about twice."""
    await _reset(bench.stub_url)
    todo = iter(orders(count, f"{name}{time.time_ns():x}"))
    latencies: list[float] = []
    submitter = bench.subjects[name]

    async def client() -> None:
        for order in todo:
            began = time.perf_counter()
            status = await submitter.submit(order)
            latencies.append(time.perf_counter() - began)
            if status != expected_status(order):
                raise RuntimeError(f"{name}: {order} ended {status}")

    before, began = bench.cpu(), time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(clients):
            tasks.create_task(client())
    took, after = time.perf_counter() - began, bench.cpu()
    await _check(bench.stub_url, name, count)
    subject.rates.append(count / took)
    subject.latencies_s += latencies
    subject.orders += count
    for process, seconds in after.items():
        subject.cpu_s[process] = subject.cpu_s.get(process, 0.0) + seconds - before.get(process, 0.0)


async def _reset(stub_url: str) -> None:
    async with aiohttp.request("POST", f"{stub_url}/reset") as answer:
        answer.raise_for_status()


async def _check(stub_url: str, name: str, count: int) -> None:
    async with aiohttp.request("GET", f"{stub_url}/counts") as answer:
        counts = await answer.json()
    if counts != expected_counts(count):
        raise RuntimeError(f"{name}: the services saw {counts} of {count} orders")


@asynccontextmanager
async def everything_up(home: Path, port: int, conductors: int) -> AsyncIterator[Bench]:
    stub_url = f"http://127.0.0.1:{port + 1}"
    spec = ProcessSpec(
        name=STUB,
        group=STUB,
        argv=(sys.executable, "-m", "bench.stub", str(port + 1)),
        ports=(port + 1,),
        ready_url=f"{stub_url}/counts",
    )
    config = LabConfig(
        home=home / "lab",
        port_base=port - 2,
        lanes=(STEP_FUNCTIONS,),
        conductors=conductors,
        service_urls=dict.fromkeys(SERVICES, stub_url),
    )
    async with (
        Supervisor([spec], logs=home, cwd=code_folder(), inherited=dict(os.environ)) as stub,
        Lab(config) as lab,
    ):
        await stub.start()
        access = lab.broker(STEP_FUNCTIONS)
        client = await connect(access.url, user=access.user, password=access.password, name="bench")
        http = HttpClient()
        api = StepFunctions(http, Address.of(lab.url(STEP_FUNCTIONS, API)))
        machines = {
            kind: await api.create(f"saga-{kind.lower()}", definition(), kind) for kind in ("STANDARD", "EXPRESS")
        }
        try:
            async with Standard(api, machines["STANDARD"], client) as standard:
                subjects: dict[str, Submitter] = {
                    "floor": Floor(http, Address.of(stub_url)),
                    "standard": standard,
                    "express": Express(api, machines["EXPRESS"]),
                }
                yield Bench(lab, stub, stub_url, subjects)
        finally:
            await http.close()
            await close(client)


async def main(options: argparse.Namespace) -> None:
    home = Path(tempfile.mkdtemp(prefix="bench-conductor-"))
    try:
        async with everything_up(home, options.port, options.conductors) as bench:
            names = [name for name in bench.subjects if name in options.only or not options.only]
            found = {name: Subject() for name in names}
            for name in names:
                await measure(bench, name, Subject(), options.orders // 10, options.clients)
            for number in range(1, options.rounds + 1):
                for name in names:
                    await measure(bench, name, found[name], options.orders, options.clients)
                    print(f"round {number}: {name} {found[name].rates[-1]:.0f}/s", file=sys.stderr)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    about = {"clients": options.clients, "orders": options.orders, "conductors": options.conductors}
    figures = {name: each.figures(found.get("floor")) for name, each in found.items()}
    print(json.dumps({"about": about} | figures, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.conductor", description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--orders", type=int, default=2000, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--conductors", type=int, default=1)
    parser.add_argument("--port", type=int, default=9183, help="of the API; the stub takes the next")
    parser.add_argument("--only", nargs="*", default=[], choices=("floor", "standard", "express"))
    return parser.parse_args()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(_options()))
