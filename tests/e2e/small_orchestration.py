"""The orchestration lane in this process: real services behind real HTTP, a conductor, the door, a real nats-server.

Wired as its processes wire themselves, from settings, so that a guard can be taken out by its name. A conductor can be
stopped, and another started on what it left.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from nats.aio.client import Client

from broker.connection import close, connect
from broker.provision import provision
from orchestration.broker_setup import CONDUCTOR, setup
from orchestration.conductor_setup import create_conductor
from orchestration.orders.door import OrchestrationLane
from orchestration.orders.read_model import READERS, Orders
from orchestration.runtime.conductor import Conductor
from orchestration.runtime.records import STREAM
from orchestration.tasks.http import HttpTasks
from orchestration.tasks.http_client import HttpClient
from orchestration.tasks.person import PersonTasks
from orchestration.tasks.registry import Runner, Tasks
from orchestration.visibility.read_model import open_read_model, running
from services.faults.plan import FaultPlan, FaultRule
from services.hot_paths import with_hot_paths
from services.http import create_app
from services.operations import Service as Name
from services.serve import AbortableProtocol
from services.service import Service
from services.settings import Settings
from tests.conftest import RealNats
from tests.e2e.asking import eventually

LANE = "orchestration"


class Server(uvicorn.Server):
    """Leaves the signals to the test."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}"


@dataclass
class SmallOrchestration:
    """``door`` places and decides; ``services`` holds the ledgers."""

    client: Client
    folder: Path
    guards_off: str
    door: OrchestrationLane
    services: dict[Name, Service] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    conductor: Conductor = field(init=False)
    http: HttpClient = field(init=False)
    running: asyncio.Task[None] = field(init=False)

    def settings(self, component: str) -> Settings:
        told: dict[str, Any] = {
            "lane": LANE,
            "component": component,
            "ledger_url": f"sqlite:///{self.folder}/{component}.db",
            "approval_secret": SECRET,
            "time_scale": 0.01,
            "stock_scale": 100.0,
            "guards_off": self.guards_off,
        }
        return Settings(**told)

    async def start_conductor(self) -> None:
        self.http = HttpClient()
        tasks: dict[str, Runner] = {
            "http": HttpTasks(self.http, self.urls),
            "approval": PersonTasks(),
            "person": PersonTasks(),
        }
        self.conductor = create_conductor(self.settings("conductor-1"), self.client, Tasks(tasks))
        self.running = asyncio.create_task(self.conductor.run())

    async def stop_conductor(self) -> None:
        await self.conductor.stop()
        await asyncio.wait((self.running,), timeout=5)
        await self.http.close()

    async def restart_conductor(self) -> None:
        await self.stop_conductor()
        await self.start_conductor()

    async def faults(self, *rules: FaultRule) -> None:
        for service in self.services.values():
            await service.set_plan(FaultPlan(rules=rules))

    async def offered_again(self) -> None:
        """Until a work message has come back undone."""

        async def come_back() -> bool:
            info = await self.client.jetstream().consumer_info(STREAM, CONDUCTOR)
            return bool(info.num_redelivered)

        await eventually(come_back)


SECRET = "secret"


@contextlib.asynccontextmanager
async def small_orchestration(nats: RealNats, folder: Path, guards_off: str) -> AsyncIterator[SmallOrchestration]:
    async with contextlib.AsyncExitStack() as stack:
        client = await connect(nats.url, user=nats.user, password=nats.password, name="test")
        stack.push_async_callback(close, client)
        await provision(client, setup().streams, setup().consumers)
        read_model = open_read_model(client, "", readers=READERS)
        await stack.enter_async_context(running(read_model))
        orders = Orders(LANE, read_model.executions)
        lane = SmallOrchestration(client, folder, guards_off, OrchestrationLane(client, LANE, SECRET, orders))
        for name in Name:
            settings = lane.settings(name)
            service = await Service.open(settings)
            stack.push_async_callback(service.close)
            lane.services[name] = service
            lane.urls[name.value] = await stack.enter_async_context(_served(settings, service))
        await lane.start_conductor()
        stack.push_async_callback(lane.stop_conductor)
        yield lane


@contextlib.asynccontextmanager
async def _served(settings: Settings, service: Service) -> AsyncIterator[str]:
    config = uvicorn.Config(
        with_hot_paths(create_app(settings, service)),
        host="127.0.0.1",
        port=0,
        http=AbortableProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    try:
        yield server.url
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, 10)
