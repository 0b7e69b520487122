"""``python -m lab.live``: the live auditor as a process that serves ``/metrics`` for every lane it is told of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from fastapi import FastAPI

from lab.collect import LaneAddress, LaneReader
from lab.live.exporter import LaneMeter
from lab.live.follow import LaneFollower
from lab.live.settings import LiveSettings
from orchestration.vital import vital
from services.operational_http import create_operational_app
from services.serve import run, serve
from services.settings import Settings


def create_app(settings: LiveSettings, process: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        token = settings.admin_token.get_secret_value()
        async with aiohttp.ClientSession() as session:
            following = []
            for lane, urls in settings.lanes.items():
                reader = LaneReader(LaneAddress(lane, urls, token), session, tries=1)
                meter = LaneMeter(lane, LaneFollower(reader, settings.quiet_after_s))
                following.append(vital(meter.run(settings.every_s), f"following {lane}"))
            try:
                yield
            finally:
                for task in following:
                    task.cancel()
                await asyncio.wait(following)

    return create_operational_app(process, lifespan=lifespan)


def main() -> None:
    settings = LiveSettings()
    process = Settings(lane="all", component="auditor", host=settings.host, port=settings.port)

    async def serve_figures() -> None:
        await serve(create_app(settings, process), process)

    run(serve_figures, process)


if __name__ == "__main__":
    main()
