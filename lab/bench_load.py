"""One round of a benchmark against one target: saturated by a closed loop, or at a given rate by an open one."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

import aiohttp

from lab.bench_figures import Subject
from loadtests.closed_loop import FloorClient, NoOutcome, drive_floor, drive_lane
from loadtests.open_loop import LATE_AFTER_S, Placing, send_on_time
from loadtests.outcomes import Outcomes, read_page
from loadtests.workload import PlannedOrder

OUTCOMES_WITHIN_S: Final = 30.0
ASK_EVERY_S: Final = 0.1
LEAD_S: Final = 0.2


@dataclass(frozen=True)
class Target:
    """A lane by its front door, or the floor by its services."""

    name: str
    front_door_url: str = ""
    services: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Saturated:
    rate: float
    statuses: dict[str, int]


def epoch_of(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


async def saturated_round(
    target: Target, orders: Iterator[PlannedOrder], clients: int, seconds: float, warm_s: float
) -> Saturated:
    """Orders finished per second between the warming up and the end of the round."""
    started = time.time()
    until = started + seconds
    try:
        if target.services:
            loop = await drive_floor(target.services, orders, clients=clients, until=until)
        else:
            loop = await drive_lane(target.front_door_url, orders, clients=clients, until=until, epoch_of=epoch_of)
    except* NoOutcome as failures:
        raise failures.exceptions[0] from None
    return Saturated(loop.rate_per_s(started + warm_s, until), loop.statuses)


async def half_rate_round(
    target: Target, orders: Iterator[PlannedOrder], rate_per_s: float, seconds: float, subject: Subject
) -> None:
    """Latency from the planned arrival to the outcome, arrivals as planned by the workload but at ``rate_per_s``."""
    subject.half_rate_per_s = round(rate_per_s, 1)
    chosen = _timed(list(islice(orders, max(1, round(rate_per_s * seconds)))), rate_per_s)
    starts_at = time.time() + LEAD_S
    if target.services:
        async with FloorClient(target.services) as client:
            finished = await client.send_on_time(chosen, starts_at)
        subject.latencies_s += [finished[order.order_id] - starts_at - order.at_s for order in chosen]
        return
    outcomes = Outcomes()
    async with aiohttp.ClientSession() as session:
        while await read_page(session, outcomes, target.front_door_url):
            pass
        outcomes.ended.clear()
        placements = await send_on_time(chosen, target.front_door_url, starts_at=starts_at)
        wanted = {each.order_id for each in placements if each.placing is Placing.ACCEPTED}
        deadline = time.monotonic() + OUTCOMES_WITHIN_S
        while not wanted <= outcomes.ended.keys() and time.monotonic() < deadline:
            await read_page(session, outcomes, target.front_door_url)
            await asyncio.sleep(ASK_EVERY_S)
    subject.late_departures += sum(each.late_s > LATE_AFTER_S for each in placements)
    for order in chosen:
        ended = outcomes.ended.get(order.order_id)
        if ended is None:
            subject.unfinished += 1
        else:
            subject.latencies_s.append(epoch_of(ended.finished_at) - starts_at - order.at_s)


def _timed(orders: list[PlannedOrder], rate_per_s: float) -> list[PlannedOrder]:
    """The plan's own gaps between arrivals, stretched to the rate."""
    first, last = orders[0].at_s, orders[-1].at_s
    factor = (len(orders) - 1) / rate_per_s / (last - first) if last > first else 1.0
    return [order.model_copy(update={"at_s": (order.at_s - first) * factor}) for order in orders]
