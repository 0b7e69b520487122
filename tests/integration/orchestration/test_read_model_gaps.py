"""The read model misses nothing, whoever else the broker hands its records to."""

import asyncio

import orjson
import pytest

from broker.pull import Delivery, Puller
from orchestration.broker_setup import READ_MODEL
from orchestration.runtime import records
from tests.conftest import RealNats
from tests.integration.orchestration.lane import eventually, order, running_lane

pytestmark = pytest.mark.more


async def test_records_that_went_to_another_connection_are_not_acknowledged_unseen(nats_url: RealNats) -> None:
    async with running_lane(nats_url) as lane:
        stolen: list[Delivery] = []
        other = await lane.connect("dead")
        puller = Puller(other, records.STREAM, READ_MODEL, batch=100)

        async def swallow() -> None:
            """As a request of a connection that the broker has not yet found dead does."""
            async for batch in puller.batches():
                stolen.extend(batch)

        swallowing = asyncio.create_task(swallow())
        try:
            number = 0

            async def went_astray() -> bool:
                nonlocal number
                number += 1
                await lane.lane.place(order(f"o-{number}"))
                return bool(stolen)

            await eventually(went_astray)
        finally:
            await puller.stop()
            swallowing.cancel()
            await asyncio.wait((swallowing,))
            await other.close()
        # More behind the gap: acknowledging these acknowledges what was never seen.
        for more in range(5):
            await lane.lane.place(order(f"more-{more}"))
        placed = {f"o-{n}" for n in range(1, number + 1)} | {f"more-{n}" for n in range(5)}

        async def complete() -> bool:
            return {view.order_id for view in await lane.lane.list_orders(None, 1000)} == placed

        await eventually(complete, 25, lambda: orjson.dumps(sorted(placed)).decode())
