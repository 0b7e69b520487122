"""One supervised process through all its runs: spawn, become ready, end, start again, until nobody wants it."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp

from lab.errors import NotReady
from lab.processes.child import Child, spawn
from lab.processes.log_file import LogFile
from lab.processes.readiness import until_ready
from lab.processes.restarting import backoff_s
from lab.processes.spec import ProcessSpec
from lab.processes.state import Event, OnEvent, State, describe_exit

REPORT_LINES = 20
END_WITHIN_S = 10.0  # after a SIGKILL only the kernel is waited for


class Process:
    """``run`` is its one owner task; the other methods only wish and signal, then wait for what ``run`` sees."""

    def __init__(
        self,
        spec: ProcessSpec,
        *,
        log: LogFile,
        inherited: Mapping[str, str],
        cwd: Path,
        session: aiohttp.ClientSession,
        on_event: OnEvent,
    ) -> None:
        self.spec = spec
        self.log = log
        self.state = State.STOPPED
        self.restart_allowed = True
        self.starts = 0
        self.last_exit: str | None = None
        self.child: Child | None = None
        self._inherited, self._cwd, self._session, self._on_event = inherited, cwd, session, on_event
        self._wanted = False
        self._again = False  # asked for by ``restart``: the end of this run is no crash
        self._failed_starts = 0
        self._changed = asyncio.Event()

    # --- wishes --------------------------------------------------------------------------------------------------

    def want(self) -> None:
        if not self._wanted:
            self._wanted, self._failed_starts = True, 0
            self.state = State.STOPPED  # also one that was down: its new life begins here
            self._wake()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after the spec's time. Returns when it is gone."""
        self._wanted = False
        self._wake()
        await self._end()
        await self._until(lambda: self.state in (State.STOPPED, State.DOWN), END_WITHIN_S)

    async def restart(self) -> None:
        """A gentle stop and a new start; ``wait_ready`` tells when it is back."""
        before = self.starts
        self._again = True
        await self._end()
        self.want()
        await self._until(lambda: self.starts > before, END_WITHIN_S)

    async def kill(self) -> None:
        """SIGKILL, as a fault: what happens next is the restart policy's matter."""
        child = self.child
        if child is not None and child.signal(signal.SIGKILL):
            await self._until(lambda: self.child is not child, END_WITHIN_S)

    def freeze(self) -> None:
        if self.child is not None and self.child.signal(signal.SIGSTOP):
            self._note(State.FROZEN, "frozen")

    def thaw(self) -> None:
        if self.state is State.FROZEN and self.child is not None and self.child.signal(signal.SIGCONT):
            self._note(State.READY if self._was_ready else State.STARTING, "thawed")

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Raises ``NotReady`` with the last output lines when it ended for good, or is not ready in time."""
        deadline_s = self.spec.ready_within_s if timeout_s is None else timeout_s
        try:
            await self._until(lambda: self.state in (State.READY, State.DOWN, State.STOPPED), deadline_s)
        except TimeoutError:
            raise NotReady(self.report(f"was not ready within {deadline_s:g} s")) from None
        if self.state is not State.READY:
            raise NotReady(self.report(f"ended ({self.last_exit})" if self.last_exit else "is stopped"))

    async def first_ready(self) -> None:
        """Like ``wait_ready`` at the lab's start, when a process that ends has failed: no second try hides it."""
        try:
            await self._until(lambda: self.state not in (State.STARTING, State.STOPPED), self.spec.ready_within_s)
        except TimeoutError:
            raise NotReady(self.report(f"was not ready within {self.spec.ready_within_s:g} s")) from None
        if self.state is not State.READY:
            raise NotReady(self.report(f"ended before it was ready ({self.last_exit})"))

    def report(self, what: str) -> str:
        since = self.child.log_start if self.child else self._log_start
        lines = self.log.tail(REPORT_LINES, since)
        return "\n  ".join([f"{self.spec.name} {what}; its last output, from {self.log.path}:", *(lines or ["(none)"])])

    # --- the one task --------------------------------------------------------------------------------------------

    _log_start = 0
    _was_ready = False

    async def run(self) -> None:
        """For ever, until cancelled; a cancelled one leaves no child behind."""
        try:
            while True:
                await self._until(lambda: self._wanted)
                await self._one_run()
                if not self._wanted:
                    self._note(State.STOPPED, "stopped")
                elif not self._again and not self.restart_allowed:
                    self._wanted = False
                    self._note(State.DOWN, f"ended ({self.last_exit}); restarts are switched off")
                elif not self._again:
                    await self._back_off()
        finally:
            if self.child is not None:
                self.child.kill_and_reap()

    async def _one_run(self) -> None:
        self._again = False
        try:
            self.child = spawn(self.spec, self.log, self._inherited, self._cwd)
        except OSError as error:
            self.last_exit = f"cannot be run: {error}"
            self._failed_starts += 1
            return
        child, self._log_start, self._was_ready = self.child, self.child.log_start, False
        self.starts += 1
        self._note(State.STARTING, f"started (pid {child.pid})")
        async with asyncio.TaskGroup() as tasks:
            becoming_ready = tasks.create_task(self._become_ready(child))
            self.last_exit = describe_exit(await child.wait())
            becoming_ready.cancel()
        self.child = None
        self._failed_starts = 0 if self._was_ready else self._failed_starts + 1

    async def _become_ready(self, child: Child) -> None:
        if self.spec.ready_url is not None:
            await until_ready(self._session, self.spec.ready_url)
        if child.exit_code is None:
            self._was_ready = True
            self._note(State.READY, "ready")

    async def _back_off(self) -> None:
        wait_s = backoff_s(self._failed_starts)
        self._note(State.BACKOFF, f"ended ({self.last_exit}); starting again in {wait_s:g} s")
        with contextlib.suppress(TimeoutError):
            await self._until(lambda: not self._wanted, wait_s)
        if not self._wanted:  # also where the wish came together with the end of the wait
            self._note(State.STOPPED, "stopped")

    async def _end(self) -> None:
        child = self.child
        if child is None:
            return
        child.terminate()
        try:
            await self._until(lambda: self.child is not child, self.spec.stop_within_s)
        except TimeoutError:
            child.signal(signal.SIGKILL)
            await self._until(lambda: self.child is not child, END_WITHIN_S)

    # --- telling and waiting -------------------------------------------------------------------------------------

    def _note(self, state: State, text: str) -> None:
        self.state = state
        self._on_event(Event(self.spec.name, state, text))
        self._wake()

    def _wake(self) -> None:
        """Every waiter looks again; a fresh event serves the next change."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _until(self, holds: Callable[[], bool], timeout_s: float | None = None) -> None:
        async with asyncio.timeout(timeout_s):
            while not holds():
                await self._changed.wait()
