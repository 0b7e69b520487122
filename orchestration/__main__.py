"""``python -m orchestration``: the front door or a conductor, chosen by LAB_COMPONENT."""

import sys

from nats.aio.client import Client

from broker.connection import connect
from orchestration import conductor_setup
from orchestration.orders import door_app
from services.serve import run, serve
from services.settings import Settings


def main() -> None:
    settings = Settings()
    if not settings.approval_secret.get_secret_value():
        sys.exit("LAB_APPROVAL_SECRET is not set: callback tokens could be forged")
    if settings.component == "door":
        run(lambda: _door(settings), settings)
    elif settings.component.startswith("conductor"):
        run(lambda: _conductor(settings), settings)
    else:
        sys.exit(f"LAB_COMPONENT is {settings.component!r}; known: door, conductor-<n>")


async def _door(settings: Settings) -> None:
    client = await _connected(settings)
    await serve(door_app.create_app(settings, client), settings)


async def _conductor(settings: Settings) -> None:
    client = await _connected(settings)
    await serve(conductor_setup.create_app(settings, client), settings)


async def _connected(settings: Settings) -> Client:
    return await connect(
        settings.broker_url,
        user=settings.broker_user,
        password=settings.broker_password.get_secret_value(),
        name=settings.component,
    )


if __name__ == "__main__":
    main()
