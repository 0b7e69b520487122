"""``python -m lab.diagnosis.collector``: a small OTLP/HTTP collector for the embedded lab, and whom to ask for a trace.

Takes protobuf at ``POST /v1/traces``; tells an order's spans at ``GET /orders/{id}/spans?lane=…`` and what it cost at
``GET /figures``. Must not know a lane: whose spans they are they say themselves.
"""

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from lab.diagnosis.decoding import decode
from lab.diagnosis.store import SpanStore
from lab.errors import BadInput

PREFIX: Final = "LAB_COLLECTOR_"
MAX_BYTES: Final = 16 * 1024 * 1024
PROTOBUF: Final = "application/x-protobuf"


@dataclass(frozen=True)
class Collector:
    """All of the store's work is done by one thread."""

    store: SpanStore
    worker: ThreadPoolExecutor

    async def take(self, request: web.Request) -> web.Response:
        if request.content_type != PROTOBUF:
            return web.Response(status=415, text=f"only {PROTOBUF} is taken here")
        body = await request.read()
        try:
            await asyncio.get_running_loop().run_in_executor(self.worker, self._add, body)
        except BadInput as error:
            return web.Response(status=400, text=str(error))
        return web.Response(body=b"", content_type=PROTOBUF)

    async def of_order(self, request: web.Request) -> web.Response:
        lane, order_id = request.query.get("lane", ""), request.match_info["order"]
        spans = await asyncio.get_running_loop().run_in_executor(self.worker, self.store.of_order, lane, order_id)
        return web.json_response([span.as_json() for span in spans])

    async def figures(self, request: web.Request) -> web.Response:
        return web.json_response(await asyncio.get_running_loop().run_in_executor(self.worker, self.store.figures))

    async def ready(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    def _add(self, body: bytes) -> None:
        self.store.add(decode(body), len(body))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BYTES)
        app.router.add_post("/v1/traces", self.take)
        app.router.add_get("/orders/{order}/spans", self.of_order)
        app.router.add_get("/figures", self.figures)
        for path in ("/readyz", "/healthz"):
            app.router.add_get(path, self.ready)
        return app


async def serve(host: str, port: int, path: Path) -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with ThreadPoolExecutor(1, thread_name_prefix="spans") as worker:
        store = SpanStore(path)
        runner = web.AppRunner(Collector(store, worker).app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            await stop.wait()
        finally:
            await runner.cleanup()
            store.close()


def main() -> None:
    told = {name: os.environ[PREFIX + name] for name in ("HOST", "PORT", "STORE")}
    asyncio.run(serve(told["HOST"], int(told["PORT"]), Path(told["STORE"])))


if __name__ == "__main__":
    main()
