"""The console as a process: the guard outside, routes and pages inside, one feed and one backend for all browsers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI
from nicegui import app as nicegui_app
from nicegui import ui
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles

from lab.console import shell
from lab.console.backend import Backend
from lab.console.context import Console
from lab.console.decide import add_decide
from lab.console.feed import Feed
from lab.console.guard import Guard
from lab.console.jobs import Job
from lab.console.load import LoadGenerator
from lab.console.rooms import Rooms
from lab.console.settings import ConsoleSettings
from lab.console.theme import lane_css
from lab.mail.settings import MailSettings
from services.serve import GentleServer

STATIC: Final = Path(__file__).parent / "static"
RECONNECT_WITHIN_S: Final = 10.0
HISTORY: Final = 200  # messages kept for each browser, for when its connection comes back
GRACE_S: Final = 1
MAX_MESSAGE_BYTES: Final = 1_000_000


def create_app(settings: ConsoleSettings) -> FastAPI:
    """The app without its guard; ``serve`` puts that around it."""
    backend = Backend(settings)
    feed = Feed(backend)
    load = LoadGenerator(backend)
    jobs = Job()
    rooms = Rooms(settings, backend, MailSettings())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with backend, feed, load, jobs, rooms:
            yield

    app = FastAPI(title="Saga Lab console", lifespan=lifespan, openapi_url=None)

    @app.get("/healthz")
    @app.get("/readyz")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok", "component": "console"})

    app.mount("/static", StaticFiles(directory=STATIC))
    for sheet in sorted(STATIC.glob("*.css")):
        ui.add_head_html(f'<link rel="stylesheet" href="/static/{sheet.name}">', shared=True)
    ui.add_css(lane_css(settings.lanes), shared=True)
    add_decide(app, backend, rooms.secret)
    # Quasar's bar for requests under way has no name that a screen reader could say; the pages tell by themselves.
    nicegui_app.config.quasar_config["loadingBar"]["skipHijack"] = True
    shell.mount(Console(settings, backend, feed, load, jobs, rooms, app))
    ui.run_with(
        app,
        title="Saga Lab",
        dark=None,
        language="en-GB",
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_WITHIN_S,
        message_history_length=HISTORY,
        show_welcome_message=False,
    )
    return app


async def serve(settings: ConsoleSettings) -> None:
    """Until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        Guard(create_app(settings), settings),
        host=settings.host,
        port=settings.port,
        ws_max_size=MAX_MESSAGE_BYTES,
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    await GentleServer(config).serve()


def run(settings: ConsoleSettings) -> None:
    asyncio.run(serve(settings))
