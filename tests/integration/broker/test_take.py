"""Taking single messages from a durable consumer, by many who come and go."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from broker.connection import close, connect
from broker.errors import NotStored
from broker.provision import provision
from broker.publish import Message, publish
from broker.take import take
from tests.conftest import RealNats

STREAM = {"name": "WORK", "subjects": ["work.>"], "storage": "file", "retention": "workqueue"}
CONSUMER = {
    "durable_name": "takers",
    "ack_policy": "explicit",
    "ack_wait": 500_000_000,
    "max_deliver": -1,
    "filter_subject": "work.>",
}


@pytest.fixture
async def client(nats_url: RealNats) -> AsyncIterator[Client]:
    made = await connect(nats_url.url, user=nats_url.user, password=nats_url.password, name="taker")
    await provision(made, (STREAM,), (("WORK", CONSUMER),))
    yield made
    await close(made)


async def test_nothing_is_none_in_time(client: Client) -> None:
    began = time.monotonic()
    assert await take(client, "WORK", "takers", 0.2) is None
    assert 0.1 < time.monotonic() - began < 2.0


async def test_who_waits_gets_what_comes(client: Client) -> None:
    waiting = asyncio.create_task(take(client, "WORK", "takers", 20.0))
    await publish(client, Message("work.a", b"1"))
    found = await waiting
    assert found is not None
    assert found.body == b"1"
    await found.ack()
    assert await take(client, "WORK", "takers", 0.2) is None


async def test_each_of_many_gets_another(client: Client) -> None:
    waiting = [asyncio.create_task(take(client, "WORK", "takers", 20.0)) for _ in range(20)]
    for number in range(20):
        await publish(client, Message(f"work.{number}", str(number).encode()))
    found = [await each for each in waiting]
    for each in found:
        assert each is not None
        await each.ack()
    assert sorted(int(each.body) for each in found if each) == list(range(20))


async def test_one_who_gave_up_keeps_nothing_from_the_next(client: Client) -> None:
    gone = asyncio.create_task(take(client, "WORK", "takers", 20.0))
    await asyncio.wait((gone,), timeout=0.1)
    gone.cancel()
    await asyncio.wait((gone,))
    await publish(client, Message("work.a", b"1"))
    found = await take(client, "WORK", "takers", 5.0)
    assert found is not None
    assert found.body == b"1"


async def test_a_consumer_that_is_not_there_is_told(client: Client) -> None:
    with pytest.raises(NotStored):
        await take(client, "WORK", "nobody", 5.0)
