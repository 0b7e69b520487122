"""A closed loop: so many clients, each of which places an order, waits for its final outcome, and places the next.

Finds the rate at saturation; not for latency, since clients that wait for a slow lane send less to it. The floor does
the same three service calls with no engine in between: what a lane's rate is compared with.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from loadtests.open_loop import Patience, Placing, client_session, send
from loadtests.outcomes import Ended, Outcomes, read_page
from loadtests.workload import PlannedOrder

# An order that has no outcome after so long ends the measurement: something is broken.
OUTCOME_WITHIN_S = 60.0
ASK_OUTCOMES_EVERY_S = 0.05
# The three calls of an order that goes well: service, path.
FLOOR_CALLS = (("payment", "/charges"), ("warehouse", "/reservations"), ("shipping", "/labels"))
FLOOR_STATUS = "fulfilled"


class NoOutcome(Exception):
    """An order was not accepted, or had no outcome in time; the text names it."""


@dataclass
class Loop:
    """The finished orders of one round: (started, finished) in seconds since the epoch, and how many ended how."""

    finished: list[tuple[float, float]] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

    def count(self, status: str, started: float, finished: float) -> None:
        self.finished.append((started, finished))
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def rate_per_s(self, since: float, until: float) -> float:
        """Orders finished between two moments, per second."""
        return sum(since <= finished < until for _, finished in self.finished) / (until - since)


Perform = Callable[[PlannedOrder, float], Awaitable[tuple[str, float]]]


async def _drive(perform: Perform, orders: Iterator[PlannedOrder], clients: int, until: float) -> Loop:
    """``perform`` one order after the other from each client, until a moment; answers when the last has ended."""
    loop = Loop()

    async def client() -> None:
        while time.time() < until:
            started = time.time()
            status, finished = await perform(next(orders), started)
            loop.count(status, started, finished)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(clients):
            tasks.create_task(client())
    return loop


async def drive_lane(
    front_door_url: str,
    orders: Iterator[PlannedOrder],
    *,
    clients: int,
    until: float,
    epoch_of: Callable[[str], float],
) -> Loop:
    """Through a front door. ``epoch_of`` reads the lane's durable timestamps. Raises ``NoOutcome``."""
    patience = Patience(in_flight=clients + 2)
    async with client_session(patience) as session, _Listener(session, front_door_url) as listener:

        async def perform(order: PlannedOrder, started: float) -> tuple[str, float]:
            ended = listener.expect(order.order_id)
            placement = await send(session, front_door_url, order, started, patience)
            if placement.placing is not Placing.ACCEPTED:
                raise NoOutcome(f"{order.order_id} was {placement.placing} (HTTP {placement.http_status})")
            try:
                told = await asyncio.wait_for(ended, OUTCOME_WITHIN_S)
            except TimeoutError:
                raise NoOutcome(f"{order.order_id} has no outcome after {OUTCOME_WITHIN_S:g} s") from None
            return told.status, epoch_of(told.finished_at)

        return await _drive(perform, orders, clients, until)


async def drive_floor(
    service_urls: Mapping[str, str], orders: Iterator[PlannedOrder], *, clients: int, until: float
) -> Loop:
    """Through the three services themselves. Raises ``NoOutcome``."""
    async with FloorClient(service_urls, clients) as client:
        return await _drive(client.perform, orders, clients, until)


class FloorClient:
    """The plain client: one service call after the other, nothing written down, nothing undone."""

    def __init__(self, service_urls: Mapping[str, str], in_flight: int = 500) -> None:
        self._urls = service_urls
        self._session = client_session(Patience(in_flight=in_flight))

    async def __aenter__(self) -> "FloorClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def perform(self, order: PlannedOrder, started: float) -> tuple[str, float]:
        """Raises ``NoOutcome``."""
        for service, path in FLOOR_CALLS:
            headers = {"Idempotency-Key": f"{order.order_id}:{path}"}
            url = f"{self._urls[service]}{path}"
            async with self._session.post(url, json=order.body, headers=headers) as answer:
                text = await answer.text()
                if answer.status != 200:
                    raise NoOutcome(f"{order.order_id}: {url} answered {answer.status} {text[:200]}")
        return FLOOR_STATUS, time.time()

    async def send_on_time(self, orders: Sequence[PlannedOrder], starts_at: float) -> dict[str, float]:
        """Every order at its planned moment; when each was finished."""
        performing: dict[str, asyncio.Task[tuple[str, float]]] = {}
        async with asyncio.TaskGroup() as tasks:
            for order in orders:
                planned_at = starts_at + order.at_s
                await asyncio.sleep(max(0.0, planned_at - time.time()))
                performing[order.order_id] = tasks.create_task(self.perform(order, planned_at))
        return {order_id: task.result()[1] for order_id, task in performing.items()}


class _Listener:
    """Reads ``/outcomes`` for all clients at once, and wakes the one whose order has ended."""

    def __init__(self, session: aiohttp.ClientSession, front_door_url: str) -> None:
        self._session, self._url = session, front_door_url
        self._outcomes = Outcomes()
        self._waiting: dict[str, asyncio.Future[Ended]] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "_Listener":
        while await read_page(self._session, self._outcomes, self._url):
            pass  # skip what ended before this round
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()  # it ends only by failing: say why

    def expect(self, order_id: str) -> asyncio.Future[Ended]:
        ended = self._waiting[order_id] = asyncio.get_running_loop().create_future()
        return ended

    async def _listen(self) -> None:
        while True:
            self._outcomes.ended.clear()
            more = await read_page(self._session, self._outcomes, self._url)
            for order_id, ended in self._outcomes.ended.items():
                waiting = self._waiting.pop(order_id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(ended)
            if not more:
                await asyncio.sleep(ASK_OUTCOMES_EVERY_S)
