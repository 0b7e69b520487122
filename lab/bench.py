"""``lab bench``: orders per second to a final outcome, of both lanes beside a floor without an engine.

The floor is the same three service calls over HTTP by a plain client, against service processes of its own. Rounds are
interleaved (floor, lane, lane, floor, lane, lane …) so that a slow minute of the machine hits all alike; everything is
up all the time, and only one is under load at a time.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
from rich.console import Console

from lab.bench_figures import FLOOR, Subject, bench_table
from lab.bench_floor import floor_processes
from lab.bench_load import Target, half_rate_round, saturated_round
from lab.bench_profile import hottest, made, profiled
from lab.collect import LaneReader
from lab.embedded import Lab, code_folder, inherited_environment
from lab.errors import BadInput
from lab.processes.state import Status
from lab.processes.supervisor import Supervisor
from lab.results import results_folder
from lab.topology import DEFAULT_PORT_BASE, LANES, LabConfig
from lab.trial import address_of
from loadtests.catalogue import products_of
from loadtests.workload import PlannedOrder, Shape, plan_count

# Stock for every order, no approval: what is measured is an order that goes well.
STOCK_SCALE: Final = 10_000.0
SHAPE: Final = Shape(large_share=0.0)
ENDLESS: Final = 10**9


@dataclass(frozen=True)
class BenchOptions:
    """``round_s`` of load, of which the first ``warm_s`` are not counted. ``profile``: an extra round under py-spy."""

    home: Path = Path(".lab")
    port_base: int = DEFAULT_PORT_BASE
    lanes: tuple[str, ...] = LANES
    rounds: int = 3
    round_s: float = 8.0
    warm_s: float = 2.0
    half_s: float = 8.0
    clients: int = 256
    profile: bool = False

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.clients < 1 or not 0 <= self.warm_s < self.round_s:
            raise BadInput("a benchmark needs rounds, clients, and rounds longer than their warming up")


@dataclass
class _Bench:
    options: BenchOptions
    console: Console
    targets: dict[str, Target]
    statuses: Callable[[], list[Status]]  # of every process of every target
    orders: Iterator[PlannedOrder]
    subjects: dict[str, Subject] = field(default_factory=dict)


async def run_bench(options: BenchOptions, console: Console | None = None) -> int:
    """The exit code: 1 where an order did not end fulfilled. Raises ``LabError``."""
    console = console or Console(highlight=False)
    with (
        _temporary_home(options) as home,
        results_folder(options.home.resolve() / "bench", datetime.now(UTC)) as folder,
    ):
        async with _everything_up(options, home, console) as bench:
            await _measure(bench)
            if options.profile:
                await _profile(bench, folder.path)
        _write(folder.path / "bench.json", options, bench.subjects)
        latest = folder.finish()
    console.print(bench_table(bench.subjects))
    console.print("broker: sync always, one replica; ledgers: SQLite, synchronous FULL")
    console.print(f"written: {latest / 'bench.json'}", markup=False, soft_wrap=True)
    wrong = {name: each.statuses for name, each in bench.subjects.items() if set(each.statuses) - {"fulfilled"}}
    if wrong:
        console.print(f"orders that were not fulfilled: {wrong}", markup=False)
    return 1 if wrong else 0


@contextmanager
def _temporary_home(options: BenchOptions) -> Iterator[Path]:
    options.home.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-", dir=options.home.resolve()))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _write(path: Path, options: BenchOptions, subjects: dict[str, Subject]) -> None:
    about = {
        "clients": options.clients,
        "rounds": options.rounds,
        "broker": {"sync_interval": "always", "replicas": 1},
        "ledgers": {"database": "sqlite", "synchronous": "FULL"},
    }
    told = {name: each.to_json(subjects[FLOOR]) for name, each in subjects.items()}
    path.write_text(json.dumps({"about": about, **told}, indent=2) + "\n", encoding="utf-8")


@asynccontextmanager
async def _everything_up(options: BenchOptions, home: Path, console: Console) -> AsyncIterator[_Bench]:
    config = LabConfig(home=home, port_base=options.port_base, lanes=options.lanes, stock_scale=STOCK_SCALE)
    specs, urls = floor_processes(home / FLOOR, options.port_base, STOCK_SCALE, sys.executable)
    console.print("starting the lanes and the floor's services")
    async with (
        Lab(config) as lab,
        Supervisor(specs, logs=home / FLOOR, cwd=code_folder(), inherited=inherited_environment(os.environ)) as floor,
    ):
        await floor.start()
        targets = {FLOOR: Target(FLOOR, services=urls)}
        targets |= {lane: Target(lane, front_door_url=lab.url(lane, "door")) for lane in options.lanes}
        async with aiohttp.ClientSession() as session:
            reader = LaneReader(address_of(lab, options.lanes[0]), session)
            products = products_of(await reader.catalogue())

        def statuses() -> list[Status]:
            return [*floor.status(), *lab.status()]

        orders = plan_count(time.time_ns(), ENDLESS, SHAPE, products, prefix="b")
        yield _Bench(options, console, targets, statuses, orders, {name: Subject(name) for name in targets})


async def _measure(bench: _Bench) -> None:
    options = bench.options
    for number in range(1, options.rounds + 1):
        for name, target in bench.targets.items():
            subject = bench.subjects[name]
            before = _cpu(bench, name)
            loop = await saturated_round(target, bench.orders, options.clients, options.round_s, options.warm_s)
            after = _cpu(bench, name)
            for process, seconds in after.items():
                subject.cpu_s[process] = subject.cpu_s.get(process, 0.0) + seconds - before.get(process, 0.0)
            subject.orders += sum(loop.statuses.values())
            subject.rates_per_s.append(loop.rate)
            for status, count in loop.statuses.items():
                subject.statuses[status] = subject.statuses.get(status, 0) + count
            bench.console.print(f"round {number}: {name} {loop.rate:.0f} orders/s", markup=False)
    for name, target in bench.targets.items():
        rate = bench.subjects[name].rate_per_s / 2
        await half_rate_round(target, bench.orders, rate, options.half_s, bench.subjects[name])
        bench.console.print(f"half rate: {name} at {rate:.0f} orders/s", markup=False)


def _cpu(bench: _Bench, subject: str) -> dict[str, float]:
    """Processor seconds so far of the subject's processes; the load's own are those of this process."""
    found = {each.name: each.cpu_s for each in bench.statuses() if each.group == subject}
    return {**found, "client": time.process_time()}


async def _profile(bench: _Bench, folder: Path) -> None:
    """A file of collapsed stacks per process, and the functions in which each spends its own time."""
    for name, target in bench.targets.items():
        pids = {each.name: each.pid for each in bench.statuses() if each.group == name and each.pid is not None}
        async with profiled(pids, made(folder / "profiles"), bench.options.round_s) as written:
            await saturated_round(target, bench.orders, bench.options.clients, bench.options.round_s + 1, 0.0)
        for path in written:
            _say_hottest(bench.console, path)


def _say_hottest(console: Console, path: Path) -> None:
    console.print(path.name.removesuffix(".collapsed.txt"), markup=False)
    for function, share in hottest(path.read_text(encoding="utf-8", errors="replace"), 8):
        console.print(f"  {share:6.1%}  {function}", markup=False, soft_wrap=True)
