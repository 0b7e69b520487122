"""A small HTTP/1.1 client for many small POSTs to few hosts: kept-alive connections, one request on each at a time.

A call costs about a quarter of what a full client takes, and a conductor does little else than such calls. It knows no
redirects, cookies, proxies, compression or TLS; whoever needs these takes a full client.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

import httptools

MAX_ANSWER_BYTES: Final = 1024 * 1024
# Shorter than the services' own: who closes an idle connection must be who sends, or requests get lost in the gap.
IDLE_S: Final = 30.0


class CallFailed(Exception):
    """The connection was lost, refused, or brought no HTTP: the call may have had its effect or not."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens: ``http://host:port/prefix``. Raises ``ValueError`` for anything else."""

    host: str
    port: int
    prefix: str

    @classmethod
    def of(cls, url: str) -> "Address":
        parsed = urlsplit(url)
        if parsed.scheme != "http" or not parsed.hostname:
            raise ValueError(f"not an http:// URL: {url!r}")
        return cls(parsed.hostname, parsed.port or 80, parsed.path.rstrip("/"))


class HttpClient:
    """Owns its connections; ``close()`` it. A cancelled call closes the connection that it used."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int], list[_Connection]] = {}
        self._closed = False

    async def post(
        self, address: Address, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float | None
    ) -> Answer:
        """Raises ``CallFailed``, or ``TimeoutError`` when no whole answer came in time."""
        lines = [f"POST {address.prefix}{path} HTTP/1.1", f"Host: {address.host}:{address.port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1")
        async with asyncio.timeout(timeout_s):
            connection = await self._connection(address)
            try:
                answer = await connection.exchange(head + body)
            except BaseException:
                connection.close()
                raise
        self._give_back(address, connection)
        return answer

    @property
    def usable_connections(self) -> int:
        return sum(connection.usable for connections in self._idle.values() for connection in connections)

    async def close(self) -> None:
        self._closed = True
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _connection(self, address: Address) -> "_Connection":
        idle = self._idle.get((address.host, address.port))
        now = asyncio.get_running_loop().time()
        while idle:
            connection = idle.pop()
            if connection.usable and now - connection.idle_since < IDLE_S:
                return connection
            connection.close()
        try:
            _, connection = await asyncio.get_running_loop().create_connection(_Connection, address.host, address.port)
        except OSError as error:
            raise CallFailed(f"cannot connect to {address.host}:{address.port}: {error}") from error
        return connection

    def _give_back(self, address: Address, connection: "_Connection") -> None:
        if self._closed or not connection.usable:
            connection.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.setdefault((address.host, address.port), []).append(connection)


class _Connection(asyncio.Protocol):
    """One connection; the methods named ``on_…`` are called by the parser."""

    def __init__(self) -> None:
        self.usable = True
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._body: list[bytes] = []
        self._size = 0

    async def exchange(self, request: bytes) -> Answer:
        if self._transport is None or not self.usable:
            raise CallFailed("the connection was closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._body, self._size = [], 0
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # bytes that nobody asked for
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"not an HTTP answer: {error}")

    def eof_received(self) -> None:
        self._fail("the connection was closed before the answer's end")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {exc or 'closed'}")

    def _fail(self, why: str) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(CallFailed(why))

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > MAX_ANSWER_BYTES:
            self._fail(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
            self.close()
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(self._parser.get_status_code(), b"".join(self._body)))
