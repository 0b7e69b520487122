"""Samples for tests of task integrations: a task, and a server that answers as it is told."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from orchestration.asl.protocol import RunTask

EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:m:e"


def run_task(resource: str, parameters: Any = None, **more: Any) -> RunTask:
    fields = {"entry": 7, "key": f"{EXECUTION}:7", "attempt": 1, "state": "S", **more}
    return RunTask(resource=resource, parameters={} if parameters is None else parameters, **fields)


@dataclass
class Seen:
    method: str
    path: str  # with its query, as it came
    headers: dict[str, str]
    body: bytes


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[tuple[str, list[Seen]]]:
    """The server's address, and what it was asked."""
    seen: list[Seen] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen.append(Seen(request.method, request.raw_path, headers, await request.read()))
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        await runner.cleanup()


def answering(status: int = 200, content: Any = None, headers: dict[str, str] | None = None) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response(content, status=status, headers=headers)

    return handler
