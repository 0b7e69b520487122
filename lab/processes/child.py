"""One run of one process: spawn it, wait for its end without polling, signal it. Knows nothing of restarts."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from lab.processes.death_signal import die_with_parent
from lab.processes.log_file import LogFile
from lab.processes.spec import ProcessSpec


class Child:
    """A running process. Its own session, so that Ctrl-C at the terminal reaches the lab alone."""

    def __init__(self, process: "subprocess.Popen[bytes]", log_start: int) -> None:
        self._process = process
        self.log_start = log_start
        self.started_at = time.monotonic()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    async def wait(self) -> int:
        """The exit code, as soon as there is one; costs nothing until then."""
        if hasattr(os, "pidfd_open"):
            await self._pidfd_readable()
        else:
            await asyncio.to_thread(self._process.wait)
        return self._process.wait()

    async def _pidfd_readable(self) -> None:
        if self._process.poll() is not None:
            return
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        pidfd = os.pidfd_open(self.pid)
        loop.add_reader(pidfd, lambda: None if ended.done() else ended.set_result(None))
        try:
            await ended
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)

    def signal(self, number: signal.Signals) -> bool:
        """False when it has ended already. ``Popen`` never signals a reaped pid, so no stranger is ever hit."""
        if self._process.poll() is not None:
            return False
        self._process.send_signal(number)
        return True

    def terminate(self) -> None:
        """SIGTERM, and SIGCONT: a frozen process would never see the former."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)

    def kill_and_reap(self) -> None:
        """At once, without waiting politely: the last resort of a supervisor that is being torn down."""
        self.signal(signal.SIGKILL)
        self._process.wait()


def spawn(spec: ProcessSpec, log: LogFile, inherited: Mapping[str, str], cwd: Path) -> Child:
    """Raises ``OSError`` when the command cannot be run."""
    with log.open() as output:
        log_start = log.size()
        process = subprocess.Popen(
            spec.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**inherited, **spec.env},
            cwd=cwd,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
    return Child(process, log_start)
