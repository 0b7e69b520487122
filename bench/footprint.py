"""``make footprint``: what one order costs each lane in processor time, messages, bytes, subjects and memory.

A lab of its own, without faults. Processor time is of the processes themselves, so that other work on the machine
hardly changes it; seconds on the clock are not measured. ``docs/scale.md`` rests on this.
"""

import argparse
import asyncio
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import psutil

from lab.embedded import Lab
from lab.topology import BROKER, LANES, LabConfig, name_of
from loadtests.catalogue import products_of
from loadtests.workload import PlannedOrder, Shape, plan_count

AT_ONCE: Final = 20
QUIET_AFTER_S: Final = 2.0
WITHIN_S: Final = 600.0
MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Seen:
    """A lane at one moment: processor seconds and memory by component; messages, bytes and subjects of its streams."""

    cpu_s: dict[str, float]
    memory: dict[str, int]
    messages: int
    stored: int
    subjects: int


def _processes(lab: Lab, lane: str) -> dict[str, psutil.Process]:
    components = {name_of(lane, component): component for component in (BROKER, *lab.components(lane))}
    return {
        components[each.name]: psutil.Process(each.pid)
        for each in lab.status()
        if each.name in components and each.pid is not None
    }


async def _look(lab: Lab, lane: str, session: aiohttp.ClientSession) -> Seen:
    jsz = await _json(session, f"{lab.config.monitor_url(lane)}/jsz?streams=1")
    states = [stream["state"] for account in jsz["account_details"] for stream in account.get("stream_detail", ())]
    found = _processes(lab, lane)
    return Seen(
        {name: sum(process.cpu_times()[:2]) for name, process in found.items()},
        {name: process.memory_info().rss for name, process in found.items()},
        sum(state["messages"] for state in states),
        sum(state["bytes"] for state in states),
        sum(state.get("num_subjects", 0) for state in states),
    )


async def _json(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        return json.loads(await answer.text())


async def _place(session: aiohttp.ClientSession, door: str, orders: list[PlannedOrder]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def place(order: PlannedOrder) -> None:
        async with gate, session.post(f"{door}/orders", json=order.body) as answer:
            if answer.status != 202:
                raise RuntimeError(f"{door}: {answer.status} {await answer.text()}")

    await asyncio.gather(*(place(order) for order in orders))


async def _ended(session: aiohttp.ClientSession, door: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        for status in ("in_progress", "undoing"):
            open_ones = True
            while open_ones:
                await asyncio.sleep(0.5)
                open_ones = bool(await _json(session, f"{door}/orders?status={status}&limit=1"))
    await asyncio.sleep(QUIET_AFTER_S)  # acknowledgements, and the read model's last window


async def _measure(lab: Lab, lane: str, count: int) -> None:
    door = lab.url(lane, "door")
    async with aiohttp.ClientSession() as session:
        products = products_of(await _json(session, f"{lab.url(lane, 'warehouse')}/catalogue"))
        shape = Shape(large_share=0.0)
        for _ in range(2):  # the second half is the measured one: by then everything is warm
            before = await _look(lab, lane, session)
            prefix = f"f{before.messages}-"
            await _place(session, door, list(plan_count(before.messages, count, shape, products, prefix=prefix)))
            await _ended(session, door)
        after = await _look(lab, lane, session)
    _tell(lane, before, after, count)


def _tell(lane: str, before: Seen, after: Seen, count: int) -> None:
    print(f"{lane}: for each of {count} orders")
    spent = {name: 1000 * (after.cpu_s[name] - before.cpu_s[name]) / count for name in after.cpu_s}
    for name, milliseconds in spent.items():
        print(f"  {name:<14} {milliseconds:6.2f} ms   {after.memory[name] / MIB:6.0f} MiB")
    python_ms = sum(milliseconds for name, milliseconds in spent.items() if name != BROKER)
    print(f"  all but broker {python_ms:6.2f} ms")
    grown = (after.messages - before.messages, after.stored - before.stored, after.subjects - before.subjects)
    print("  streams: {:.2f} messages, {:.0f} bytes, {:.2f} subjects".format(*(each / count for each in grown)))
    broker = (after.memory[BROKER] - before.memory[BROKER]) / count
    print(f"  the broker's memory grew by {broker:.0f} bytes", flush=True)


def _tell_ledgers(home: Path, count: int) -> None:
    """After the lab has ended: only then everything is in the files."""
    for lane in LANES:
        sizes = {path.stem: path.stat().st_size for path in sorted((home / lane).glob("*.db"))}
        told = ", ".join(f"{name} {size / (2 * count):.0f}" for name, size in sizes.items())
        print(f"{lane}: bytes of its databases for each order: {told}")


async def _run(count: int, port_base: int, home: Path) -> None:
    config = LabConfig(home=home, port_base=port_base, conductors=1, stock_scale=2 * count / 100)
    async with Lab(config) as lab:
        for lane in LANES:
            await _measure(lab, lane, count)
    _tell_ledgers(home, count)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.footprint", description=__doc__)
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--port-base", type=int, default=7900)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footprint-") as folder:
        asyncio.run(_run(told.orders, told.port_base, Path(folder) / "lab"))


if __name__ == "__main__":
    main()
