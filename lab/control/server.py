"""Serves the control API of a running lab: status, faults on the machinery, stop."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from lab.control.address import reachable
from lab.embedded import Lab
from lab.errors import BadInput, LabError
from lab.topology import BROKER
from services.practices import format_practices, parse_practices


class ControlServer:
    """``async with``; ``stop_asked`` is set by ``POST /stop``."""

    def __init__(self, lab: Lab) -> None:
        self.stop_asked = asyncio.Event()
        self._lab = lab
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[_errors_as_json])
        app.add_routes(
            [
                web.get("/status", self._status),
                web.post("/processes/{name}/{action}", self._act),
                web.post("/lanes/{lane}/practices", self._set_practices),
                web.post("/stop", self._stop),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        path = self._lab.home.socket
        path.unlink(missing_ok=True)  # left by a lab that was killed: we hold the home's lock
        with reachable(path) as address:
            await web.UnixSite(self._runner, address).start()
        path.chmod(0o600)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lab.home.socket.unlink(missing_ok=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response(describe(self._lab))

    async def _act(self, request: web.Request) -> web.Response:
        lab, name, action = self._lab, request.match_info["name"], request.match_info["action"]
        process = lab.supervisor.process(name)
        actions: dict[str, Callable[[str], Awaitable[None]]] = {
            "kill": lab.kill,
            "freeze": lab.freeze,
            "thaw": lab.thaw,
            "restart": lab.restart,
        }
        if action not in actions:
            return web.json_response({"error": f"no action {action!r}; there are: {', '.join(actions)}"}, status=404)
        if "stay_down" in request.query:
            process.restart_allowed = request.query["stay_down"] != "true"
        await actions[action](name)
        return web.json_response({"name": name, "state": process.state})

    async def _set_practices(self, request: web.Request) -> web.Response:
        """The body: ``{"practices": "hardened,-outbox"}``."""
        try:
            practices = parse_practices(str((await request.json())["practices"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"practices: {error}") from None
        restarted = await self._lab.set_practices(request.match_info["lane"], practices)
        return web.json_response({"practices": format_practices(practices), "restarted": restarted})

    async def _stop(self, request: web.Request) -> web.Response:
        self.stop_asked.set()
        return web.json_response({"stopping": True})


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except LabError as error:
        return web.json_response({"error": str(error)}, status=400)


def describe(lab: Lab) -> dict[str, Any]:
    """The status document."""
    config = lab.config
    return {
        "pid": os.getpid(),
        "home": str(config.home),
        "port_base": config.port_base,
        "time_scale": config.time_scale,
        "restart": config.restart,
        "lanes": {
            lane: {
                "practices": format_practices(config.practices_of(lane)),
                "urls": {
                    BROKER: config.url(lane, BROKER),
                    **{part.component: config.url(lane, part.component) for part in config.parts(lane)},
                },
                "monitor_url": config.monitor_url(lane),
            }
            for lane in config.lanes
        },
        "collector_url": config.collector_url if config.traces else None,
        "processes": [asdict(status) for status in lab.status()],
    }
