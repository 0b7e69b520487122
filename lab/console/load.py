"""The load slider's other end: starts the generator process when first wanted, tells it the rate, ends it with us."""

import asyncio
import contextlib
import json
import sys
import time
from types import TracebackType
from typing import Any, Final, Self

from lab.console.backend import Backend
from lab.embedded import code_folder
from lab.errors import BadInput, OutOfReach

MAX_RATE: Final = 200.0
ENDS_WITHIN_S: Final = 3.0


class LoadGenerator:
    """``async with``. ``rate``: orders a second that leave for every lane now."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self.rate = 0.0
        self.sent: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def set_rate(self, rate: float) -> None:
        """Raises ``BadInput`` or ``OutOfReach``."""
        if not 0 <= rate <= MAX_RATE:
            raise BadInput(f"the load is 0 to {MAX_RATE:g} orders a second, not {rate:g}")
        async with self._changing:
            if self._process is None or self._process.returncode is not None:
                if rate == 0:
                    self.rate = 0.0
                    return
                await self._start()
            assert self._process is not None
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(f"{rate}\n".encode())
                await self._process.stdin.drain()
            except OSError as error:
                raise OutOfReach("the load generator has just ended; turn the load again") from error
            self.rate = rate

    async def _start(self) -> None:
        lanes = list(self._backend.lanes.values())
        told: dict[str, Any] = {
            "doors": [lane.urls["door"] for lane in lanes],
            "catalogue": await lanes[0].json("GET", "warehouse", "/catalogue"),
            "seed": int(time.time()),
        }
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "lab.console.generator",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=code_folder(),
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        self._listening = asyncio.create_task(self._listen(self._process))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self.sent = json.loads(line)
        await process.wait()
        self.rate = 0.0

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(ENDS_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
