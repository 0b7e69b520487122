"""Running an app as a process: uvicorn on uvloop, plain logging, a graceful stop within three seconds of SIGTERM."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import uvicorn
import uvloop
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services import spans
from services.errors import CannotStart, LedgerUnavailable
from services.hot_paths import with_hot_paths
from services.settings import Settings
from services.withholding import ABORT
from telemetry import recording

log = logging.getLogger(__name__)

# The supervisor kills after 3 s: requests get 1 s, the app's own shutdown the next, then the process ends regardless.
GRACE_FOR_REQUESTS_S: Final = 1
LAST_RESORT_S: Final = 2.8
# Above what the clients keep idle connections for, so that the server is never the one to close a connection in use.
KEEP_ALIVE_S: Final = 75

Main = Callable[[], Awaitable[None]]


def set_up_logging(component: str) -> None:
    """Lines on stderr; the supervisor collects them."""
    logging.basicConfig(
        level=os.environ.get("LAB_LOG_LEVEL", "INFO"),
        format=f"%(asctime)s.%(msecs)03d %(levelname)s {component} %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
        stream=sys.stderr,
        force=True,
    )


def run(main: Main, settings: Settings) -> None:
    """The whole life of a process. What a person can mend ends it with a line, a bug with a traceback; exit code 1."""
    set_up_logging(settings.component)
    if settings.otlp_endpoint:
        whose = {spans.COMPONENT: f"{settings.lane}-{settings.component}", spans.LANE: settings.lane}
        recording.start(settings.otlp_endpoint, whose, settings.trace_sample)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_awaited(main))
        except (CannotStart, LedgerUnavailable) as error:
            log.error("%s could not start: %s", settings.component, " ".join(str(error).split()))
            sys.exit(1)


async def _awaited(main: Main) -> None:
    await main()


async def serve(app: FastAPI, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; returns after the app's own lifespan has shut down."""
    config = uvicorn.Config(
        with_hot_paths(app),
        host=settings.host,
        port=settings.port,
        http=AbortableProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # who a client says that it speaks for must not make it local
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_FOR_REQUESTS_S,
    )
    server = GentleServer(config)
    collect_seldom()
    try:
        await server.serve()
    except SystemExit:
        # uvicorn's way to say that it could not bind or that the lifespan failed; its own log line says which.
        log.error("%s could not start on %s:%s", settings.component, settings.host, settings.port)
        raise


def collect_seldom() -> None:
    """Whatever is there was imported and stays. Of the rest, these processes make many objects and few cycles."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # cycles are looked for 30 times less often than by default
    gc.enable()  # see ``starting``


class GentleServer(uvicorn.Server):
    """Stops on a signal and lets ``serve`` return, where uvicorn would send the signal to itself once more.

    A second signal, or a stop that takes too long, ends the process at once.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            if self.should_exit:
                _end_now("a second signal")
            self.should_exit = True
            # Never cancelled: what is left to close after the server is held to it too. It goes with the loop.
            loop.call_later(LAST_RESORT_S, _end_now, "the stop took too long")

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def _end_now(why: str) -> None:
    log.error("ended at once: %s", why)
    logging.shutdown()
    os._exit(1)


class AbortableProtocol(HttpToolsProtocol):
    """Lets an app cut its connection: ``scope["extensions"]["lab.abort"]()``. ASGI has no word for that."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {ABORT: self.transport.abort}
        self.scope["extensions"] = extensions
