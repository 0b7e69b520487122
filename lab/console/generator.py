"""``python -m lab.console.generator``: a load generator that is told its rate on stdin, and ends when stdin ends.

The first line is JSON: ``{"doors": [...], "catalogue": ..., "seed": 1}``; every later one a rate in orders a second, 0
to pause. Every order leaves at its planned moment, for every door at once. A process of its own, so that a page that is
being drawn delays no order. About once a second it prints how many orders it has sent, and how many failed.
"""

import asyncio
import contextlib
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

from loadtests.catalogue import Product, products_of
from loadtests.open_loop import Patience, Placing, client_session, send
from loadtests.workload import PlannedOrder, Shape, plan

FOR_EVER_S: Final = 1e9
TELL_EVERY_S: Final = 1.0
MAX_UNDER_WAY: Final = 2_000  # of more, orders are left out rather than piled up
NO_MANAGER: Final = 0.0  # no order of this load is so dear that a person must be asked


@dataclass
class Sent:
    left: int = 0
    failed: int = 0
    left_out: int = 0


@dataclass
class Generator:
    doors: list[str]
    products: tuple[Product, ...]
    seed: int
    sent: Sent = field(default_factory=Sent)
    round: int = 0

    async def run(self, rates: "asyncio.Queue[float | None]") -> None:
        """Until None comes instead of a rate."""
        running: asyncio.Task[None] | None = None
        while (rate := await rates.get()) is not None:
            await _cancelled(running)
            running = asyncio.create_task(self._send(rate)) if rate > 0 else None
        await _cancelled(running)

    async def _send(self, rate: float) -> None:
        self.round += 1
        shape = Shape(rate_per_s=rate, seconds=FOR_EVER_S, large_share=NO_MANAGER)
        orders = plan(self.seed, shape, self.products, prefix=f"load-{self.round}-")
        starts_at = time.time()
        patience = Patience(order_s=5.0)
        async with client_session(patience) as session, asyncio.TaskGroup() as tasks:
            under_way: set[asyncio.Task[None]] = set()

            async def one(door: str, order: PlannedOrder) -> None:
                placed = await send(session, door, order, starts_at + order.at_s, patience)
                self.sent.failed += placed.placing is not Placing.ACCEPTED

            for order in orders:
                await asyncio.sleep(max(0.0, starts_at + order.at_s - time.time()))
                if len(under_way) >= MAX_UNDER_WAY:
                    self.sent.left_out += 1
                    continue
                self.sent.left += 1
                for door in self.doors:
                    task = tasks.create_task(one(door, order))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _tell(generator: Generator) -> None:
    while True:
        sys.stdout.write(json.dumps(vars(generator.sent)) + "\n")
        sys.stdout.flush()
        await asyncio.sleep(TELL_EVERY_S)


async def main() -> None:
    reader = asyncio.StreamReader(limit=2**24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    told: dict[str, Any] = json.loads(await reader.readline())
    generator = Generator(told["doors"], products_of(told["catalogue"]), told["seed"])
    rates: asyncio.Queue[float | None] = asyncio.Queue()
    telling = asyncio.create_task(_tell(generator))
    running = asyncio.create_task(generator.run(rates))
    while line := await reader.readline():
        rates.put_nowait(float(line))
    rates.put_nowait(None)
    await running
    await _cancelled(telling)


if __name__ == "__main__":
    asyncio.run(main())
