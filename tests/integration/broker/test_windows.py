"""A consumer read in windows: everything comes, in order and once, and as soon as somebody is in a hurry."""

import asyncio

import orjson

from broker.connection import close, connect
from broker.provision import provision
from broker.windows import WindowedPuller
from tests.conftest import RealNats

STREAM = {"name": "S", "subjects": ["s.>"], "storage": "file"}
CONSUMER = {"durable_name": "c", "ack_policy": "all", "deliver_policy": "all"}


async def test_a_window_gathers_what_arrives_and_ends_when_somebody_hurries(nats_url: RealNats) -> None:
    client = await connect(nats_url.url, user=nats_url.user, password=nats_url.password, name="test")
    await provision(client, (STREAM,), (("S", CONSUMER),))

    async def publish(*numbers: int) -> None:
        for number in numbers:
            answer = orjson.loads((await client.request(f"s.{number}", b"", timeout=5)).data)
            assert answer["seq"] == number

    async def within(seconds: float) -> list[int]:
        async with asyncio.timeout(seconds):
            return [delivery.stream_sequence for delivery in await anext(batches)]

    puller = WindowedPuller(client, "S", "c", most=3, window_s=60.0)
    batches = puller.batches()
    try:
        await publish(1, 2, 3, 4, 5, 6)
        assert await within(10) == [1, 2, 3, 4], "no while passes at first"
        assert await within(10) == [5, 6], "nor while more is known to be there"
        gathering = asyncio.create_task(within(30))
        await publish(7, 8, 9)
        assert not gathering.done()
        puller.hurry()
        assert await gathering == [7, 8, 9]
    finally:
        await puller.stop()
        await batches.aclose()
        await close(client)
