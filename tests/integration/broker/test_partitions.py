"""What docs/scale.md says of partitions: the server spreads orders over streams, and no order is in two of them."""

import asyncio
import re
import signal
from pathlib import Path

import pytest

from broker.connection import close, connect
from broker.errors import Conflict, NotStored
from broker.provision import provision
from broker.publish import Message, publish
from broker.read import all_of
from tests.conftest import RealNats

PARTITIONS = 8
STREAMS = tuple(
    {"name": f"ORDERS-{number}", "subjects": [f"p.{number}.orders.>"], "storage": "file", "allow_direct": True}
    for number in range(PARTITIONS)
)
ORDERS = [f"o{number}" for number in range(60)]


def mappings_of_the_page() -> str:
    text = (Path(__file__).parents[3] / "docs" / "scale.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```\n(mappings = \{.*?\n\})\n```", text, re.DOTALL)
    return re.sub(r" +#.*", "", str(block))


async def test_every_order_is_in_one_partition_and_compare_and_set_works_there(nats_url: RealNats) -> None:
    # Connected before: a server that reads its configuration anew knows no user for a moment.
    client = await connect(nats_url.url, user=nats_url.user, password=nats_url.password, name="test")
    with (nats_url.folder / "nats.conf").open("a") as config:
        config.write(mappings_of_the_page())
    nats_url.signal(signal.SIGHUP)
    try:
        await provision(client, STREAMS, ())
        async with asyncio.timeout(10):
            while True:  # until the server has read its new configuration
                try:
                    await publish(client, Message("orders.first.OrderPlaced", b"", "first"))
                    break
                except NotStored:
                    await asyncio.sleep(0.05)
        for order in ORDERS:
            for event in ("OrderPlaced", "PaymentCharged"):
                await publish(client, Message(f"orders.{order}.{event}", b"", f"{order}:{event}", expected_last=0))
        with pytest.raises(Conflict):
            await publish(client, Message("orders.o1.OrderPlaced", b"", "again", expected_last=0))
        on_another = Message(
            "orders.o1.PaymentDeclined", b"", "x", expected_last=0, expected_on="orders.o1.OrderPlaced"
        )
        await publish(client, on_another)  # a subject named in a header is not mapped: this compares with nothing
        found = [await all_of(client, str(stream["name"]), ">") for stream in STREAMS]
    finally:
        await close(client)
    partitions = [{record.subject.split(".")[3] for record in records} for records in found]
    assert sum(map(len, partitions)) == len(ORDERS) + 1
    assert all(partitions), "each partition has its share"
