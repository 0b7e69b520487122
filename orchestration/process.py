"""``python -m orchestration``: the front door, the API alone, a conductor or the tracer, chosen by LAB_COMPONENT.

Each component imports only what it needs: a process that was killed should be back soon.
"""

import sys

from nats.aio.client import Client
from nats.errors import AuthorizationError

from broker.connection import connect
from orchestration.errors import OrchestrationError
from orchestration.settings import TaskSettings
from services.errors import CannotStart
from services.serve import run
from services.settings import Settings


def main() -> None:
    settings = Settings()
    if settings.component == "tracer":
        _run_tracer(settings)
        return
    if not settings.approval_secret.get_secret_value():
        sys.exit("LAB_APPROVAL_SECRET is not set: callback tokens could be forged")
    try:
        TaskSettings().check()
    except OrchestrationError as error:
        sys.exit(str(error))
    if settings.component == "door":
        run(lambda: _door(settings), settings)
    elif settings.component == "api":
        run(lambda: _api(settings), settings)
    elif settings.component.startswith("conductor"):
        run(lambda: _conductor(settings), settings)
    else:
        sys.exit(f"LAB_COMPONENT is {settings.component!r}; known: door, api, conductor-<n>, tracer")


def _run_tracer(settings: Settings) -> None:
    if not settings.otlp_endpoint:
        sys.exit("LAB_OTLP_ENDPOINT is not set: a tracer needs somebody to send its spans to")
    # Its spans are made of what is stored; it has none of its own.
    run(lambda: _tracer(settings), settings.model_copy(update={"otlp_endpoint": ""}))


async def _door(settings: Settings) -> None:
    from orchestration.door_setup import serve_door

    await serve_door(settings, await _connected(settings))


async def _api(settings: Settings) -> None:
    from orchestration.door_setup import serve_api

    await serve_api(settings, await _connected(settings))


async def _conductor(settings: Settings) -> None:
    from orchestration.conductor_setup import serve_conductor

    await serve_conductor(settings, await _connected(settings))


async def _tracer(settings: Settings) -> None:
    from orchestration.tracer_setup import serve_tracer

    await serve_tracer(settings, await _connected(settings))


async def _connected(settings: Settings) -> Client:
    """Raises ``CannotStart``."""
    try:
        return await connect(
            settings.broker_url,
            user=settings.broker_user,
            password=settings.broker_password.get_secret_value(),
            name=settings.component,
        )
    except AuthorizationError:
        raise CannotStart(f"the broker does not know user {settings.broker_user} with this password") from None
    except TimeoutError as error:
        raise CannotStart(str(error)) from None
