"""The whole lab as one object: ``async with Lab(config) as lab: ...`` — what ``lab up``, demo and tests run on.

Prepares the home (lock, secrets, broker configuration), starts the brokers, provisions them, starts the rest.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

import services
from broker.connection import close, connect
from broker.errors import BrokerError
from broker.provision import provision
from broker.server import server_config
from lab import fault_plans, topology, wirings
from lab.credentials import LAB_USER, Credentials, load_or_create
from lab.errors import BadInput, NotReady
from lab.home import Home, HomeLock, clear_orphans, record_children
from lab.ports import OTHER_PORTS, require_free
from lab.processes.spec import ProcessSpec
from lab.processes.state import Event, OnEvent, State, Status
from lab.processes.supervisor import Supervisor
from lab.topology import BROKER, HOST, STEP_FUNCTIONS, LabConfig, name_of
from services.practices import Practices


@dataclass(frozen=True)
class BrokerAccess:
    """How to connect to a lane's broker with all permissions."""

    url: str
    user: str
    password: str


def _ignore(event: Event) -> None:
    """Nobody asked to be told."""


class Lab:
    """Leaving it stops every process; a lab that cannot start leaves nothing running either.

    It goes on with the books and fault rules that an earlier lab left in its home, unless ``fresh``: then all that the
    lanes wrote is removed. The secrets stay.
    Raises ``AlreadyUp``, ``PortInUse``, ``BadInput`` or ``NotReady`` on entering.
    """

    def __init__(self, config: LabConfig, *, on_event: OnEvent = _ignore, fresh: bool = False) -> None:
        self.config = replace(config, home=config.home.resolve())
        self.home = Home(self.config.home)
        self._fresh = fresh
        self._tell = on_event
        self._stack = AsyncExitStack()
        self._credentials: Credentials | None = None
        self._supervisor: Supervisor | None = None
        self._session: aiohttp.ClientSession | None = None
        self._changing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self.home.make()
            stack.enter_context(HomeLock(self.home))
            for name in clear_orphans(self.home):
                self._tell(Event(name, State.STOPPED, "was left over from an earlier lab; ended"))
            self._credentials = load_or_create(
                self.home.secrets, {lane: wirings.users(lane) for lane in self.config.lanes}
            )
            specs = self._specs()
            require_free(specs, "--port N" if STEP_FUNCTIONS in self.config.lanes else OTHER_PORTS)
            if self._fresh:
                self._remove_what_is_left()
            self._write_broker_configs()
            supervisor = Supervisor(
                specs,
                logs=self.home.logs,
                cwd=code_folder(),
                inherited=inherited_environment(os.environ),
                restart=self.config.restart,
                on_event=self._on_event,
            )
            self._supervisor = supervisor
            await stack.enter_async_context(supervisor)
            await self._start(supervisor)
            self._session = await stack.enter_async_context(aiohttp.ClientSession())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)
        self.home.pids.unlink(missing_ok=True)

    def _specs(self) -> tuple[ProcessSpec, ...]:
        return topology.processes(
            self.config, self.credentials, python=sys.executable, nats_server=str(wirings.nats_server())
        )

    async def _start(self, supervisor: Supervisor) -> None:
        brokers = [name_of(lane, BROKER) for lane in self.config.lanes]
        await supervisor.start(brokers)
        await asyncio.gather(*(self._provision(lane) for lane in self.config.lanes))
        await supervisor.start(name for name in supervisor.specs if name not in brokers)

    async def _provision(self, lane: str) -> None:
        access = self.broker(lane)
        client = await connect(access.url, user=access.user, password=access.password, name="lab", give_up_after_s=10.0)
        try:
            streams, consumers = wirings.streams_and_consumers(lane)
            await provision(client, streams, consumers)
        except BrokerError as error:
            raise NotReady(f"the broker of lane {lane} did not take its streams: {error}") from error
        finally:
            await close(client)

    def _remove_what_is_left(self) -> None:
        kept = [self.config.lane_home(lane) for lane in self.config.lanes]
        for folder in (*kept, topology.spans_path(self.config).parent):
            if folder.exists():
                shutil.rmtree(folder)

    def _write_broker_configs(self) -> None:
        for lane in self.config.lanes:
            path = topology.broker_config_path(self.config, lane)
            path.parent.mkdir(parents=True, exist_ok=True)
            permissions = {LAB_USER: None, **wirings.users(lane)}
            text = server_config(
                host=HOST,
                port=self.config.broker_port(lane),
                monitor_port=self.config.broker_port(lane) + 1,
                store_dir=str(topology.broker_store_path(self.config, lane)),
                server_name=name_of(lane, BROKER),
                users={
                    user: (self.credentials.broker_password(lane, user), allowed)
                    for user, allowed in permissions.items()
                },
            )
            path.touch(mode=0o600)
            path.write_text(text)

    def _on_event(self, event: Event) -> None:
        if event.state is State.STARTING and self._supervisor is not None:
            record_children(self.home, self._supervisor.pids())
        self._tell(event)

    # --- what it offers ------------------------------------------------------------------------------------------

    @property
    def credentials(self) -> Credentials:
        if self._credentials is None:
            raise RuntimeError("the lab has not been entered")
        return self._credentials

    @property
    def supervisor(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("the lab has not been entered")
        return self._supervisor

    @property
    def admin_token(self) -> str:
        return self.credentials.admin_token

    def url(self, lane: str, component: str) -> str:
        return self.config.url(lane, component)

    def components(self, lane: str) -> Sequence[str]:
        """All that listen over HTTP."""
        return tuple(part.component for part in self.config.parts(lane))

    def broker(self, lane: str) -> BrokerAccess:
        return BrokerAccess(self.config.url(lane, BROKER), LAB_USER, self.credentials.broker_password(lane, LAB_USER))

    def status(self) -> list[Status]:
        return self.supervisor.status()

    async def kill(self, name: str) -> None:
        """SIGKILL; returns when it is gone. It is started again unless restarts are off."""
        await self.supervisor.kill(name)

    async def freeze(self, name: str) -> None:
        self.supervisor.freeze(name)

    async def thaw(self, name: str) -> None:
        self.supervisor.thaw(name)

    async def restart(self, name: str) -> None:
        await self.supervisor.restart(name)

    async def wait_ready(self, name: str, timeout_s: float | None = None) -> None:
        await self.supervisor.wait_ready(name, timeout_s)

    async def set_practices(self, lane: str, practices: Practices) -> list[str]:
        """Start the lane's processes anew with other practices; the names of those that were. All are ready again.

        They end together, so that no order meets both settings at once. Raises ``BadInput`` or ``NotReady``.
        """
        if lane not in self.config.lanes:
            raise BadInput(f"lane {lane!r} is not up; up: {', '.join(self.config.lanes)}")
        async with self._changing:
            self.config = replace(self.config, practices={**self.config.practices, lane: practices})
            before, restarted = dict(self.supervisor.specs), []
            for spec in self._specs():
                if spec != before[spec.name]:
                    self.supervisor.respecify(spec)
                    restarted += [spec.name] if spec.group == lane else []
            await asyncio.gather(*(self.restart(name) for name in restarted))
            await asyncio.gather(*(self.wait_ready(name) for name in restarted))
        return restarted

    async def put_faults(self, lane: str, service: str, plan: Mapping[str, Any]) -> dict[str, Any]:
        """Replace a service's fault plan; the service's answer. Raises ``BadInput`` or ``OutOfReach``."""
        return await self._faults("PUT", lane, service, plan)

    async def get_faults(self, lane: str, service: str) -> dict[str, Any]:
        return await self._faults("GET", lane, service, None)

    async def _faults(self, method: str, lane: str, service: str, plan: Mapping[str, Any] | None) -> dict[str, Any]:
        if self._session is None:
            raise RuntimeError("the lab has not been entered")
        return await fault_plans.ask(self._session, method, self.url(lane, service), self.admin_token, plan)


def code_folder() -> Path:
    """Where children run, so that ``python -m`` finds the packages, installed or not."""
    return Path(services.__file__).parent.parent


# Of ``LAB_*``, what a user tells the processes themselves; the rest is the lab's to say.
INHERITED: Final = frozenset({"LAB_LOG_LEVEL", "LAB_PYTHON_TASKS", "LAB_HTTP_CONNECTIONS", "LAB_DATASETS"})
MAIL: Final = "LAB_MAIL_"  # the console's mail server


def inherited_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What children get from the lab's own environment."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("LAB_") or name.startswith(MAIL) or name in INHERITED
    }
