"""Sends a plan on time: every order leaves at its planned moment, however slow the answers to the others are.

An order whose answer was 503, or was lost, is sent again with the same body until it is acknowledged or the patience
ends: sending twice is safe, since an order id placed twice with the same body is one order.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import aiohttp

from loadtests.workload import PlannedOrder

# A departure this much later than planned means that the sender, not the lane, was too slow.
LATE_AFTER_S = 0.1
FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 1.0


class Placing(StrEnum):
    ACCEPTED = "accepted"  # answered with 202
    REFUSED = "refused"  # answered with a 4xx: sending again would not help
    UNANSWERED = "unanswered"  # never acknowledged: the lane may have it or not


@dataclass(frozen=True)
class Placement:
    """What became of one sending. Times are seconds since the epoch."""

    order_id: str
    placing: Placing
    planned_at: float
    sent_at: float
    answered_at: float
    tries: int
    http_status: int | None

    @property
    def late_s(self) -> float:
        """How much later than planned it left."""
        return max(0.0, self.sent_at - self.planned_at)


@dataclass(frozen=True)
class Patience:
    """``answer_s`` for one answer, ``order_s`` for an order in all; ``in_flight`` bounds the open connections."""

    answer_s: float = 5.0
    order_s: float = 30.0
    in_flight: int = 500


OnAnswer = Callable[[Placement], None]


def client_session(patience: Patience) -> aiohttp.ClientSession:
    """A session for one front door; the caller closes it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=patience.in_flight),
        timeout=aiohttp.ClientTimeout(total=patience.answer_s),
    )


async def send_on_time(
    orders: Sequence[PlannedOrder],
    front_door_url: str,
    *,
    starts_at: float,
    patience: Patience | None = None,
    on_answer: OnAnswer | None = None,
) -> list[Placement]:
    """Send every order at ``starts_at`` (epoch) plus its ``at_s``; answers when all were acknowledged or given up."""
    patience = patience or Patience()
    sending: list[asyncio.Task[Placement]] = []
    async with client_session(patience) as session, asyncio.TaskGroup() as tasks:
        for order in orders:
            await _until(starts_at + order.at_s)
            task = tasks.create_task(send(session, front_door_url, order, starts_at + order.at_s, patience))
            if on_answer is not None:
                task.add_done_callback(_reporter(on_answer))
            sending.append(task)
    return [task.result() for task in sending]


def _reporter(on_answer: OnAnswer) -> Callable[["asyncio.Task[Placement]"], None]:
    def report(task: "asyncio.Task[Placement]") -> None:
        if not task.cancelled() and task.exception() is None:
            on_answer(task.result())

    return report


async def send(
    session: aiohttp.ClientSession, front_door_url: str, order: PlannedOrder, planned_at: float, patience: Patience
) -> Placement:
    """One order until it is acknowledged, refused, or the patience ends."""
    sent_at = time.time()
    give_up_at = sent_at + patience.order_s
    pause_s, tries, status = FIRST_PAUSE_S, 0, None
    while True:
        tries += 1
        try:
            async with session.post(f"{front_door_url}/orders", json=order.body) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = None
        now = time.time()
        placing = placing_of(status)
        if placing is not Placing.UNANSWERED or now + pause_s >= give_up_at:
            return Placement(order.order_id, placing, planned_at, sent_at, now, tries, status)
        await asyncio.sleep(pause_s)
        pause_s = min(MAX_PAUSE_S, pause_s * 2)


def placing_of(status: int | None) -> Placing:
    """What an HTTP status means; None: no answer came."""
    if status == 202:
        return Placing.ACCEPTED
    return Placing.REFUSED if status is not None and 400 <= status < 500 else Placing.UNANSWERED


async def _until(moment: float) -> None:
    wait_s = moment - time.time()
    if wait_s > 0:
        await asyncio.sleep(wait_s)
