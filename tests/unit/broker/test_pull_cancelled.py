"""A puller that is cancelled leaves no task behind whose end nobody hears."""

import asyncio
import gc
from typing import Any, cast

import nats.errors
import pytest
from nats.aio.client import Client

from broker import pull
from broker.pull import Puller


class ClosingSubscription:
    """As nats-py's: a cancelled ``next_msg`` of a closed connection ends with another error, some turns later."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def next_msg(self, timeout: float) -> None:
        self.asked.set()
        try:
            await asyncio.sleep(timeout)
        except asyncio.CancelledError:
            raise nats.errors.ConnectionClosedError from None


class ClosingClient:
    def __init__(self) -> None:
        self.subscription = ClosingSubscription()

    def new_inbox(self) -> str:
        return "_INBOX.x"

    async def subscribe(self, *_: Any, **__: Any) -> ClosingSubscription:
        return self.subscription

    async def publish(self, *_: Any, **__: Any) -> None:
        """Nobody answers."""


async def test_being_cancelled_while_the_connection_closes_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "after_reconnect", lambda *_: lambda: None)
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    client = ClosingClient()
    reading = asyncio.ensure_future(_read(cast("Client", client)))
    await client.subscription.asked.wait()
    reading.cancel()
    await asyncio.wait({reading})
    assert reading.cancelled()
    del reading
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert complaints == []


async def _read(client: Client) -> None:
    async for _ in Puller(client, "S", "d", batch=1).batches():
        pass
