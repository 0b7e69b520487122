"""The containers of ``compose.yaml`` as a ``Target``: ``async with ComposeTarget() as lab: ...``.

It starts and stops nothing of its own: ``docker compose`` does. What containers cost is looked at in the background,
so that asking for it never waits.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from lab import fault_plans
from lab.embedded import BrokerAccess
from lab.errors import BadInput, LabError, NotReady
from lab.processes.readiness import until_ready
from lab.processes.state import State, Status
from lab.target.containers import Container, find
from lab.target.described import config_of, lanes_of, urls
from lab.target.engine import Engine
from lab.topology import DOOR, HOST, LANES, LabConfig

LOOK_EVERY_S: Final = 2.0
LIST_EVERY_S: Final = 0.5
ASK_AGAIN_AFTER_S: Final = 0.3
READY_WITHIN_S: Final = 120.0


class ComposeTarget:
    """``lanes``: only these, where more are up. Raises ``NotUp``, ``NoEngine`` or ``BadInput`` on entering."""

    def __init__(self, project: str | None = None, lanes: Sequence[str] = LANES) -> None:
        self._project = project
        self._lanes = lanes
        self._known: list[Container] = []
        self._statuses: list[Status] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._engine = await asyncio.to_thread(Engine, self._project)
        self._known = await asyncio.to_thread(self._engine.containers)
        doors = {each.lane: each for each in self._known if each.component == DOOR}
        lanes = [lane for lane in lanes_of(self._known) if lane in self._lanes]
        told = {lane: await asyncio.to_thread(self._engine.environment, doors[lane]) for lane in lanes}
        if not told:
            raise BadInput(f"these containers have no front door of {' or '.join(self._lanes)}")
        self._config = replace(config_of(self._known, told), lanes=tuple(lanes))
        self._token = next(iter(told.values()))["LAB_ADMIN_TOKEN"]
        self._statuses = await asyncio.to_thread(self._engine.statuses)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        self._tasks = [asyncio.create_task(self._keep_listing()), asyncio.create_task(self._keep_looking())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._session.close()
        await asyncio.to_thread(self._engine.close)

    async def _keep_listing(self) -> None:
        while True:
            await asyncio.sleep(LIST_EVERY_S)
            with suppress(LabError):
                self._known = await asyncio.to_thread(self._engine.containers)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            with suppress(LabError):
                self._statuses = await asyncio.to_thread(self._engine.statuses)

    # --- what it offers; see ``protocol.Target`` -------------------------------------------------------------------

    @property
    def config(self) -> LabConfig:
        return self._config

    @property
    def admin_token(self) -> str:
        return self._token

    def components(self, lane: str) -> Sequence[str]:
        return tuple(each.component for each in self._known if each.lane == lane and each.port is not None)

    def url(self, lane: str, component: str) -> str:
        """Of one that is just being started again: an address where nobody listens."""
        found = urls(self._known, lane)
        if component not in found:
            find([each for each in self._known if each.lane == lane], f"{lane}-{component}")
            return f"http://{HOST}:1"
        return found[component]

    def broker(self, lane: str) -> BrokerAccess:
        raise BadInput("brokers in containers are out of reach from here: this scenario needs an embedded lab")

    def status(self) -> list[Status]:
        return self._statuses

    async def kill(self, name: str) -> None:
        await asyncio.to_thread(self._engine.kill, name)

    async def freeze(self, name: str) -> None:
        await asyncio.to_thread(self._engine.freeze, name)

    async def thaw(self, name: str) -> None:
        await asyncio.to_thread(self._engine.thaw, name)

    async def restart(self, name: str) -> None:
        await asyncio.to_thread(self._engine.restart, name)

    async def wait_ready(self, name: str, timeout_s: float | None = None) -> None:
        within_s = READY_WITHIN_S if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(within_s):
                await self._become_ready(name)
        except TimeoutError:
            said = await asyncio.to_thread(self._engine.logs, name, 5)
            raise NotReady(f"{name} was not ready within {within_s:g} s; its last lines:\n{said}") from None

    async def _become_ready(self, name: str) -> None:
        """A process with an HTTP face is asked itself: the engine looks at its health only now and then."""
        while True:
            container = find(await asyncio.to_thread(self._engine.containers), name)
            if container.state is State.READY and container.port is None:
                return
            if container.port is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(ASK_AGAIN_AFTER_S * 10):
                        await until_ready(self._session, f"http://{HOST}:{container.port}/readyz")
                        return
            await asyncio.sleep(ASK_AGAIN_AFTER_S)

    async def put_faults(self, lane: str, service: str, plan: Mapping[str, Any]) -> dict[str, Any]:
        """One process of the service is told; the others hear of it from the ledger that they share."""
        return await fault_plans.ask(self._session, "PUT", self.url(lane, service), self.admin_token, plan)
