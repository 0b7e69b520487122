"""What every process of this lane begins with: a connection to the broker, and works that live and die with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from nats.aio.client import Client
from nats.errors import AuthorizationError

from broker.connection import close, connect
from services.errors import CannotStart
from services.settings import Settings


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Client]:
    """Raises ``CannotStart``."""
    try:
        client = await connect(
            settings.broker_url,
            user=settings.broker_user,
            password=settings.broker_password.get_secret_value(),
            name=f"{settings.lane}-{settings.component}",
        )
    except AuthorizationError:
        raise CannotStart(f"the broker does not know user {settings.broker_user} with this password") from None
    except TimeoutError as error:
        raise CannotStart(str(error)) from None
    try:
        yield client
    finally:
        await close(client)


@contextlib.asynccontextmanager
async def running(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run ``works`` while the block does; one that fails ends the block, and so the process, with its error."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
