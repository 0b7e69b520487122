"""Where the tasks of the executions have their effects: an HTTP server of the test's own that acts once a key."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from tests.e2e.mixed.machines import answer_to


@dataclass
class Receiver:
    """``effects``: idempotency key -> whose effect it was, and what of."""

    effects: dict[str, tuple[str, str]] = field(default_factory=dict)
    calls: int = 0
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/do", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        server: Any = site._server
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def effects_of(self) -> dict[str, Counter[str]]:
        """By execution: how often an effect of each operation came about."""
        found: dict[str, Counter[str]] = {}
        for of, op in self.effects.values():
            found.setdefault(of, Counter())[op] += 1
        return found

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        asked = orjson.loads(await request.read())
        self.calls += 1
        status, answer, acts = answer_to(asked)
        if acts:
            self.effects.setdefault(request.headers["Idempotency-Key"], (asked["of"], asked["op"]))
        return web.json_response(answer, status=status)
