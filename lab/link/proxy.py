"""A TCP proxy on loopback for one link. It passes bytes on and knows nothing of what they say.

``cut`` lets nothing pass and tells nobody: bytes that were under way arrive after the healing, as TCP would send them
again. ``reset`` breaks connections, also new ones. ``slow`` holds every byte back for a while, and keeps their order.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Literal, Self

Condition = Literal["whole", "cut", "reset", "slow"]
READ_BYTES: Final = 64 * 1024
# Bytes that a slow link holds: beyond it, it reads no more, as a full pipe.
HELD_CHUNKS: Final = 1024
CLOSE_WITHIN_S: Final = 1.0

Held = tuple[float, bytes]


@dataclass(eq=False)
class Link:
    """``async with Link(host, port) as link``: connect to ``link.port`` instead. Leaving it breaks every connection."""

    host: str
    target_port: int
    port: int = 0
    condition: Condition = "whole"
    delay_s: float = 0.0
    _server: asyncio.Server | None = None
    _whole: asyncio.Event = field(default_factory=asyncio.Event)
    _connections: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._whole.set()
        self._server = await asyncio.start_server(self._accepted, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self._break()
        if self._connections:
            await asyncio.wait(self._connections, timeout=CLOSE_WITHIN_S)

    def set(self, condition: Condition, delay_s: float = 0.0) -> None:
        """From now on. ``whole`` heals it."""
        self.condition, self.delay_s = condition, delay_s
        if condition == "cut":
            self._whole.clear()
        else:
            self._whole.set()
        if condition == "reset":
            self._break()

    def _break(self) -> None:
        for task, writers in self._connections.items():
            for writer in writers:
                writer.transport.abort()
            task.cancel()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = [writer]
        try:
            if self.condition != "reset":
                await self._join(reader, writer, self._connections[task])
        except (OSError, asyncio.CancelledError):
            return  # either end broke it, or this link did: to both ends it is a broken connection
        finally:
            for each in self._connections.pop(task):
                each.transport.abort()

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, writers: list[asyncio.StreamWriter]
    ) -> None:
        await self._whole.wait()
        far_reader, far_writer = await asyncio.open_connection(self.host, self.target_port)
        writers.append(far_writer)
        ways = [asyncio.create_task(self._pass_on(*way)) for way in ((reader, far_writer), (far_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held: asyncio.Queue[Held] = asyncio.Queue(HELD_CHUNKS)
        writing = asyncio.create_task(self._write(held, writer))
        loop = asyncio.get_running_loop()
        try:
            while data := await reader.read(READ_BYTES):
                await held.put((loop.time() + self.delay_s, data))
            await held.join()
        finally:
            writing.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writing

    async def _write(self, held: "asyncio.Queue[Held]", writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self._whole.wait()
            writer.write(data)
            await writer.drain()
            held.task_done()
