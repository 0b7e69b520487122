"""One order's trace on real processes, in each lane: joined up from the client on, whoever dies on the way."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from lab.diagnosis.reading import SpanReader
from lab.diagnosis.seen import SeenSpan
from lab.embedded import Lab
from lab.topology import LANES, LabConfig, name_of
from telemetry.context import TraceContext
from tests.free_ports import free_port_base

pytestmark = [pytest.mark.more, pytest.mark.timeout(150)]

CLIENT = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
ENDS_WITHIN_S = 60.0
SLOW = {
    "seed": 1,
    "rules": [
        {
            "kind": "slow",
            "service": "warehouse",
            "attempts": 1,
            "delay": {"distribution": "constant", "mean_s": 2.0},
        }
    ],
}
# Whoever holds the order while the warehouse is slow; and in both lanes, whoever makes the spans of what is stored.
DECIDERS = {"choreography": "warehouse", "orchestration": "conductor-1"}


def body(order_id: str, sku: str, cents: int) -> dict[str, Any]:
    lines = [{"sku": sku, "quantity": 1, "unit_price_cents": cents}]
    return {
        "order_id": order_id,
        "customer_id": "c",
        "lines": lines,
        "total_cents": cents,
        "currency": "EUR",
        "ship_to": "N, S 1, C",
    }


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + ENDS_WITHIN_S
    while not await holds():
        assert time.monotonic() < deadline, f"it did not come about: {what}"
        await asyncio.sleep(0.1)


async def get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        return await answer.json() if answer.status == 200 else None


async def test_an_orders_trace_is_whole_though_its_decider_was_killed(tmp_path: Path) -> None:
    config = LabConfig(home=tmp_path, port_base=free_port_base(), time_scale=0.3, conductors=1, traces=True)
    async with Lab(config) as lab, aiohttp.ClientSession() as session:
        await asyncio.gather(*(in_lane(lab, lane, session) for lane in LANES))


async def in_lane(lab: Lab, lane: str, session: aiohttp.ClientSession) -> None:
    await lab.put_faults(lane, "warehouse", SLOW)
    door, warehouse = lab.url(lane, "door"), lab.url(lane, "warehouse")
    product = (await get(session, f"{warehouse}/catalogue"))[0]
    order = body("o-1", product["sku"], product["unit_price_cents"])
    async with session.post(f"{door}/orders", json=order, headers={"traceparent": CLIENT.traceparent}) as placed:
        assert placed.status == 202

    async def at_it() -> bool:
        async with session.get(f"{warehouse}/faults/injected") as injected:
            return bool(await injected.text())

    await until(at_it, "the warehouse is at it")
    await asyncio.gather(lab.kill(name_of(lane, DECIDERS[lane])), lab.kill(name_of(lane, "tracer")))

    async def fulfilled() -> bool:
        view = await get(session, f"{door}/orders/o-1")
        return view is not None and view["status"] == "fulfilled"

    await until(fulfilled, "the order is fulfilled")
    trail = await get(session, f"{door}/orders/o-1/trail")
    reader = SpanReader(lab.config.collector_url, session)

    async def told() -> bool:
        spans = await reader.of_order(lane, "o-1")
        return not missing(lane, trail["entries"], spans) and {span.component for span in spans} >= components(lane)

    await until(told, "every span has come")
    joined_up(lane, await reader.of_order(lane, "o-1"))


def missing(lane: str, entries: list[dict[str, Any]], spans: list[SeenSpan]) -> list[str]:
    """What the lane's own story tells and no span does."""
    names = Counter(span.name for span in spans)
    if lane == "orchestration":
        wanted = [each["step"] for each in entries if each["what"].endswith("StateEntered")] + ["order_fulfilment"]
    else:
        wanted = [
            f"{each['service']} on {each['cause'].partition(':')[2]}"
            for each in entries
            if each["cause"] and each["what"] != "AttemptFailed"
        ]
    return [name for name in wanted if names[name] != 1]


def components(lane: str) -> set[str]:
    conductor = ("conductor",) if lane == "orchestration" else ()
    return {f"{lane}-{name}" for name in ("door", "payment", "warehouse", "shipping", *conductor)}


def joined_up(lane: str, spans: list[SeenSpan]) -> None:
    """One trace from the client on: every parent and every link is there, and each process has its part."""
    assert {span.trace_id for span in spans} == {CLIENT.trace_id}
    known = {span.span_id for span in spans}
    assert len(known) == len(spans)
    outside = [span for span in spans if span.parent_id not in known]
    assert [(span.name, span.parent_id) for span in outside] == [("POST /orders", CLIENT.span_id)]
    assert {span.component for span in spans} == components(lane)
    linked = [span for span in spans if span.links]
    assert linked
    assert all(set(span.links) <= known for span in linked)
