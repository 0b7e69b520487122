"""One service over HTTP, chosen by LAB_COMPONENT."""

from services.http import create_app
from services.serve import run, serve
from services.service import Service
from services.settings import Settings


def main() -> None:
    settings = Settings()

    async def live() -> None:
        service = await Service.open(settings)
        try:
            await serve(create_app(settings, service), settings)
        finally:
            await service.close()

    run(live, settings)
