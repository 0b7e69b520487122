"""A lane in miniature for tests: stub services in this process, conductors as tasks, a real nats-server.

The stubs keep what a ledger would: one effect for each idempotency key, and every call that was made.
"""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from nats.aio.client import Client

from broker.connection import close, connect
from broker.provision import provision
from broker.read import Record, all_of
from orchestration.asl.interpreter import Machine
from orchestration.asl.protocol import HistoryEvent, RunTask
from orchestration.broker_setup import CONDUCTOR, setup
from orchestration.orders.definition import load_order_machine
from orchestration.orders.door import OrchestrationLane
from orchestration.orders.order_story import MACHINE
from orchestration.orders.read_model import READERS, Orders
from orchestration.runtime import records
from orchestration.runtime.conductor import Conductor
from orchestration.runtime.express import Result
from orchestration.runtime.history import DurableHistory, History
from orchestration.runtime.machines import FixedMachines
from orchestration.runtime.progress import Tools
from orchestration.runtime.tokens import token_maker
from orchestration.tasks.http import HttpTasks
from orchestration.tasks.http_client import HttpClient
from orchestration.tasks.person import PersonTasks
from orchestration.tasks.registry import Tasks
from orchestration.visibility.read_model import ReadModel, open_read_model, running
from services.front_door import NotDurable
from services.operations import PATH_OF, SERVICE_OF
from services.order import Line, Order
from services.practices import parse_practices
from services.trail import ENDED, OrderStatus, OrderView
from tests.conftest import USER, RealNats, free_port

SECRET = "test-secret"
ACK_WAIT_S = 1.0

# What a stub does with a call: an answer, or None to go on to the next rule.
Behaviour = Callable[[str, str, int], Awaitable[web.StreamResponse | None]]


def order(order_id: str, total_cents: int = 1000) -> Order:
    line = Line(sku="SKU-1", quantity=1, unit_price_cents=total_cents)
    return Order(
        order_id=order_id, customer_id="c", lines=(line,), total_cents=total_cents, currency="EUR", ship_to="Here 1"
    )


@dataclass
class Call:
    path: str
    order_id: str
    key: str
    attempt: int
    traceparent: str


@dataclass
class Stubs:
    """All three services on one port. ``behave`` is asked first and may fail, hang or delay a call."""

    calls: list[Call] = field(default_factory=list)
    effects: dict[str, tuple[str, str]] = field(default_factory=dict)  # key -> (path, order)
    behave: Behaviour | None = None
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        for path in PATH_OF.values():
            app.router.add_post(path, self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        server: Any = site._server
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def base_urls(self) -> dict[str, str]:
        return {service.value: self.url for service in SERVICE_OF.values()}

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        key, path, order_id = request.headers["Idempotency-Key"], request.path, body["order_id"]
        attempt = 1 + sum(1 for call in self.calls if (call.path, call.order_id) == (path, order_id))
        self.calls.append(Call(path, order_id, key, attempt, request.headers["traceparent"]))
        if self.behave is not None:
            answer = await self.behave(path, order_id, attempt)
            if answer is not None:
                return answer
        replayed = key in self.effects
        self.effects.setdefault(key, (path, order_id))
        return web.json_response({"operation": path, "result": "done", "detail": {}, "replayed": replayed})

    def paths_of(self, order_id: str) -> list[str]:
        """The effects for one order, in order."""
        return [path for path, of in self.effects.values() if of == order_id]


def refused(error: str) -> web.StreamResponse:
    return web.json_response({"error": error, "cause": "no", "operation": "x", "result": "refused"}, status=409)


def unavailable() -> web.StreamResponse:
    return web.json_response({"error": "Unavailable", "cause": "broken"}, status=503)


class Silent:
    """An observer that remembers how executions ended."""

    def __init__(self) -> None:
        self.endings: list[str] = []

    def advanced(self, events: list[HistoryEvent]) -> None: ...

    def ended(self, status: str, began_at: str) -> None:
        self.endings.append(status)

    def calling(self, task: RunTask) -> None: ...

    def stepped(self, seconds: float) -> None: ...

    def express_ended(self, result: Result) -> None:
        self.endings.append(result.status)


@dataclass
class Worker:
    """A conductor with a connection of its own."""

    conductor: Conductor
    client: Client
    http: HttpClient
    running: asyncio.Task[None]

    async def stop(self) -> None:
        await self.conductor.stop()
        await asyncio.wait((self.running,), timeout=5)
        await self.http.close()
        await close(self.client)


@dataclass
class TestLane:
    """``worker()`` starts a conductor; ``lane`` is the front door."""

    __test__ = False

    nats: RealNats
    stubs: Stubs
    machine: Machine
    client: Client
    read_model: ReadModel
    lane: OrchestrationLane
    workers: list[Worker] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def connect(self, name: str, user: str | None = None) -> Client:
        user = user or self.nats.user
        return await connect(self.nats.url, user=user, password=self.nats.users[user][0], name=name)

    async def worker(
        self,
        name: str = "w",
        *,
        history: Callable[[Client], History] = DurableHistory,
        sit_out_s: float = 5.0,
        user: str | None = None,
    ) -> Worker:
        client = await self.connect(name, user)
        http = HttpClient()
        tools = Tools(
            machines=FixedMachines({MACHINE: self.machine}),
            tasks=Tasks(
                {
                    "http": HttpTasks(http, self.stubs.base_urls),
                    "approval": PersonTasks(),
                    "person": PersonTasks(),
                }
            ),
            history=history(client),
            token_of=token_maker(SECRET),
            observer=Silent(),
            writer=f"{name}-{random.randrange(10**9)}",
            clock=time.time,
            random=random.random,
            sit_out_s=sit_out_s,
        )
        conductor = Conductor(client, tools, ack_wait_s=ACK_WAIT_S, consumer=CONDUCTOR)
        worker = Worker(conductor, client, http, asyncio.create_task(conductor.run()))
        self.workers.append(worker)
        return worker

    async def process(self, component: str) -> subprocess.Popen[bytes]:
        """A conductor as a process of its own, ready to work."""
        port = free_port()
        environment = {
            "LAB_COMPONENT": component,
            "LAB_PORT": str(port),
            "LAB_BROKER_URL": self.nats.url,
            "LAB_BROKER_USER": self.nats.user,
            "LAB_BROKER_PASSWORD": self.nats.password,
            "LAB_APPROVAL_SECRET": SECRET,
            "LAB_TIME_SCALE": "0.01",
            **{f"LAB_{service.upper()}_URL": url for service, url in self.stubs.base_urls.items()},
        }
        log_file = self.nats.folder / f"{component}.log"
        with log_file.open("ab") as log:
            command = [sys.executable, "-m", "orchestration"]
            process = await asyncio.to_thread(
                subprocess.Popen, command, env={**os.environ, **environment}, stdout=log, stderr=log
            )
        self.processes.append(process)

        async def ready() -> bool:
            assert process.poll() is None, log_file.read_text()
            with contextlib.suppress(aiohttp.ClientError):
                async with aiohttp.request("GET", f"http://127.0.0.1:{port}/readyz") as answer:
                    return answer.status == 200
            return False

        await eventually(ready, 60, lambda: log_file.read_text())
        return process

    async def records(self, order_id: str) -> list[Record]:
        return await all_of(self.client, records.STREAM, records.story_subject(order_id))

    async def view(self, order_id: str) -> OrderView:
        view = await self.lane.view(order_id)
        assert view is not None
        return view

    async def until(self, order_id: str, *statuses: OrderStatus, within_s: float = 20.0) -> OrderView:
        """The order's view once it has one of these statuses (default: any that ends it)."""
        wanted = frozenset(statuses) or ENDED
        found: list[OrderView] = []

        async def reached() -> bool:
            with contextlib.suppress(NotDurable):  # a door whose connection is being made again
                found[:] = [await self.view(order_id)]
            return bool(found) and found[0].status in wanted

        await eventually(reached, within_s, lambda: f"{order_id}: {found}")
        return found[0]

    async def check_history(self, order_id: str) -> list[HistoryEvent]:
        """All events, which must be numbered without gap or duplicate, with at most one end."""
        events = [
            event
            for record in await self.records(order_id)
            if record.subject.startswith(records.LOG)
            for event in records.decode_append(record.body).events
        ]
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        ends = [event.type for event in events if event.type.startswith("Execution")]
        assert len(ends) <= 2, ends  # its start and its end
        return events


async def eventually(
    holds: Callable[[], Awaitable[bool]], within_s: float = 20.0, what: Callable[[], str] = lambda: ""
) -> None:
    """Poll until it holds, or fail."""
    deadline = time.monotonic() + within_s
    while not await holds():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what()}"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running_lane(
    nats: RealNats,
    order_machine: Machine | None = None,
    *,
    ack_wait_s: float = ACK_WAIT_S,
    door_user: str = USER,
) -> AsyncIterator[TestLane]:
    stubs = Stubs()
    await stubs.start()
    client = await connect(nats.url, user=nats.user, password=nats.password, name="test")
    configured = setup(ack_wait_s=ack_wait_s)
    await provision(client, configured.streams, configured.consumers)
    door_client = await connect(nats.url, user=door_user, password=nats.users[door_user][0], name="door")
    read_model = open_read_model(door_client, "", readers=READERS)
    lane = OrchestrationLane(door_client, "orchestration", SECRET, Orders("orchestration", read_model.executions))
    made = TestLane(nats, stubs, order_machine or machine(), client, read_model, lane)

    async def built() -> bool:
        return read_model.projector.ready

    try:
        async with running(read_model):
            await eventually(built)
            yield made
    finally:
        for worker in made.workers:
            await worker.stop()
        for process in made.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            await asyncio.to_thread(process.wait, 10)
        await close(door_client)
        await close(client)
        await stubs.stop()


def machine(*, approval_timeout_s: float = 3600.0, call_timeout_s: float = 1.0, practices: str = "hardened") -> Machine:
    """The order's own machine; scaled so that its retries wait some hundredths of a second."""
    return load_order_machine(
        parse_practices(practices),
        time_scale=0.01,
        approval_threshold_cents=50_000,
        approval_timeout_s=approval_timeout_s,
        call_timeout_s=call_timeout_s,
    )
