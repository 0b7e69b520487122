"""A service of this lane, wired together in one place: its HTTP shell, and its listener on the bus."""

from choreography.listener import Listener
from choreography.running import connected, running
from services.http import create_app
from services.serve import serve
from services.service import Service
from services.settings import Settings


async def run_service(settings: Settings) -> None:
    """Payment, warehouse or shipping: its HTTP shell, and its listener on the bus."""
    service = await Service.open(settings)
    try:
        async with connected(settings) as client:
            listener = Listener(client, service, settings)

            async def ready() -> str | None:
                return listener.not_ready()

            async with running(listener.run()):
                await serve(create_app(settings, service, ready=ready), settings)
                await listener.stop()
    finally:
        await service.close()
