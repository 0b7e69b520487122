"""One command of ``lab`` at a time, run as a process of its own; its last lines are kept for whoever looks."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from lab.embedded import code_folder
from lab.errors import BadInput

LINES: Final = 300
MAX_LINE_BYTES: Final = 2**20
ENDS_WITHIN_S: Final = 10.0


class Job:
    """``async with``. ``running``: the command now under way, or empty."""

    def __init__(self) -> None:
        self.running = ""
        self.lines: deque[str] = deque(maxlen=LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, arguments: Sequence[str]) -> None:
        """Raises ``BadInput`` while another command is under way."""
        if self.running:
            raise BadInput(f"one at a time: {self.running} is under way")
        self.running = f"lab {' '.join(arguments)}"
        self.lines.clear()
        self.lines.append(f"$ {self.running}")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "lab",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=code_folder(),
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            limit=MAX_LINE_BYTES,
        )
        self._task = asyncio.create_task(self._follow(self._process))

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                self.lines.append(line.decode(errors="replace").rstrip())
            code = await process.wait()
            self.lines.append("done" if code == 0 else f"ended with exit code {code}")
        finally:
            self.running = ""

    async def stop(self) -> None:
        """As Ctrl-C would; an experiment keeps its finished trials."""
        process, task = self._process, self._task
        if process is None or task is None or task.done():
            return
        process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(ENDS_WITHIN_S):
                await asyncio.shield(task)
        except TimeoutError:
            process.kill()
            with contextlib.suppress(asyncio.CancelledError):
                await task
