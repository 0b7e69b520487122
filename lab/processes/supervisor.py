"""Several processes as one: started wave by wave, each owned by one task, stopped in reverse, none left."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from lab.errors import BadInput
from lab.processes.log_file import LogFile
from lab.processes.observe import usage
from lab.processes.process import Process
from lab.processes.spec import ProcessSpec, waves
from lab.processes.state import Event, OnEvent, State, Status

# How often the logs' sizes are looked at: the only thing that the supervisor does while nothing happens.
BOUND_LOGS_EVERY_S = 60.0


def _ignore(event: Event) -> None:
    """Nobody asked to be told."""


class Supervisor:
    """``async with Supervisor(specs, ...) as supervisor: await supervisor.start()``; leaving it stops everything."""

    def __init__(
        self,
        specs: Iterable[ProcessSpec],
        *,
        logs: Path,
        cwd: Path,
        inherited: Mapping[str, str] | None = None,
        restart: bool = True,
        on_event: OnEvent = _ignore,
    ) -> None:
        self.specs = {spec.name: spec for spec in specs}
        self._logs, self._cwd, self._on_event, self._restart = logs, cwd, on_event, restart
        self._inherited = dict(os.environ) if inherited is None else dict(inherited)
        self._processes: dict[str, Process] = {}
        self._session: aiohttp.ClientSession | None = None
        self._owner = asyncio.TaskGroup()  # a failure (a bug) in any task ends the whole lab, loudly
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._owner.__aenter__()
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        for spec in self.specs.values():
            process = Process(
                spec,
                log=LogFile(self._logs / f"{spec.name}.log"),
                inherited=self._inherited,
                cwd=self._cwd,
                session=self._session,
                on_event=self._on_event,
            )
            process.restart_allowed = self._restart
            self._processes[spec.name] = process
            self._tasks.append(self._owner.create_task(process.run(), name=f"process {spec.name}"))
        self._tasks.append(self._owner.create_task(self._bound_logs(), name="bound logs"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        finally:
            for task in self._tasks:
                task.cancel()
            if self._session is not None:
                await self._session.close()
            # The body's own exception is not the group's business, but for the cancellation by which it is told
            # that one of the tasks failed.
            if isinstance(error, asyncio.CancelledError):
                await self._owner.__aexit__(kind, error, trace)
            else:
                await self._owner.__aexit__(None, None, None)

    async def start(self, names: Iterable[str] | None = None) -> None:
        """Start ``names`` (default: all) wave by wave. Raises ``NotReady`` for the first that fails."""
        chosen = list(self.specs) if names is None else list(names)
        for wave in waves(self.specs[name] for name in chosen):
            for name in wave:
                self._processes[name].want()
            try:
                async with asyncio.TaskGroup() as waiting:
                    for name in wave:
                        waiting.create_task(self._processes[name].first_ready())
            except ExceptionGroup as failures:
                raise failures.exceptions[0] from None  # the first one tells; the others were cut short by it

    async def stop(self) -> None:
        """Everything, last wave first; each process gently, then by force."""
        for wave in reversed(waves(self.specs.values())):
            await asyncio.gather(*(self._processes[name].stop() for name in wave))

    # --- single processes; each raises BadInput for an unknown name ----------------------------------------------

    def process(self, name: str) -> Process:
        if name not in self._processes:
            raise BadInput(f"no process {name!r}; there are: {', '.join(self._processes)}")
        return self._processes[name]

    async def kill(self, name: str) -> None:
        await self.process(name).kill()

    def freeze(self, name: str) -> None:
        self.process(name).freeze()

    def thaw(self, name: str) -> None:
        self.process(name).thaw()

    async def restart(self, name: str) -> None:
        await self.process(name).restart()

    def respecify(self, spec: ProcessSpec) -> None:
        """From its next start on, the process of this name is made so."""
        self.process(spec.name).spec = self.specs[spec.name] = spec

    async def wait_ready(self, name: str, timeout_s: float | None = None) -> None:
        await self.process(name).wait_ready(timeout_s)

    def set_restart(self, name: str | None, allowed: bool) -> None:
        """Whether a process that ends by itself is started again; None: all."""
        for process in [self.process(name)] if name is not None else self._processes.values():
            process.restart_allowed = allowed

    def status(self) -> list[Status]:
        return [_status(process) for process in self._processes.values()]

    def pids(self) -> dict[str, int]:
        return {name: each.child.pid for name, each in self._processes.items() if each.child is not None}

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(BOUND_LOGS_EVERY_S)
            for process in self._processes.values():
                process.log.bound()


def _status(process: Process) -> Status:
    child = process.child
    used = usage(child.pid) if child is not None else None
    return Status(
        name=process.spec.name,
        group=process.spec.group,
        # As the system sees it: somebody else may have frozen it.
        state=State.FROZEN if used is not None and used.frozen else process.state,
        pid=child.pid if child is not None else None,
        restarts=max(0, process.starts - 1),
        cpu_s=used.cpu_s if used is not None else 0.0,
        rss_bytes=used.rss_bytes if used is not None else 0,
        ports=process.spec.ports,
        last_exit=process.last_exit,
    )
