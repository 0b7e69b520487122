"""Workers die, freeze and meet: every order ends once, under one history without gap or duplicate."""

import asyncio
import itertools
import signal
import time
from collections import Counter

import pytest
from aiohttp import web
from nats.aio.client import Client

from broker.connection import connect
from broker.provision import provision
from broker.read import last
from orchestration.broker_setup import setup
from orchestration.runtime import records
from orchestration.runtime.history import DurableHistory, Timer
from services.trail import OrderStatus
from tests.conftest import RealNats
from tests.integration.orchestration.lane import ACK_WAIT_S, TestLane, eventually, machine, order, running_lane

HAPPY = ["/charges", "/reservations", "/labels"]


async def check_clean(lane: TestLane, ids: list[str]) -> None:
    """Every order fulfilled, each effect there once, every history whole."""
    for order_id in ids:
        assert (await lane.until(order_id, within_s=60)).status is OrderStatus.FULFILLED
        assert lane.stubs.paths_of(order_id) == HAPPY
        await lane.check_history(order_id)


async def two_workers_on_one_execution(lane: TestLane, *, compare_and_set: bool) -> None:
    """The first one's heartbeats fail, so that its message is delivered to the second while both are at work."""

    both_at_work = asyncio.Event()

    async def slow_charge(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
        if path == "/charges" and attempt == 1:
            await both_at_work.wait()
        elif path == "/charges":
            both_at_work.set()
            await asyncio.sleep(ACK_WAIT_S * 0.5)
        return None

    lane.stubs.behave = slow_charge

    def history(client: Client) -> DurableHistory:
        return DurableHistory(client, compare_and_set=compare_and_set)

    for name in ("a", "b"):
        worker = await lane.worker(name, history=history)
        worker.conductor.holding = _Heartless(ACK_WAIT_S)
    await lane.lane.place(order("o-1"))
    await lane.until("o-1")

    async def both_gone() -> bool:
        return all(len(worker.conductor.holding) == 0 for worker in lane.workers)

    await eventually(both_gone)


class _Heartless:
    """Stands in for ``Holding``: holds, but never says so."""

    def __init__(self, ack_wait_s: float) -> None:
        self._held: set[int] = set()

    def __len__(self) -> int:
        return len(self._held)

    def take(self, work: object) -> None:
        self._held.add(id(work))

    def let_go(self, work: object) -> None:
        self._held.discard(id(work))

    async def keep(self) -> None:
        await asyncio.Event().wait()

    async def hand_back(self) -> None:
        self._held.clear()


async def test_of_two_workers_on_one_execution_one_wins(nats_url: RealNats) -> None:
    async with running_lane(nats_url, machine(call_timeout_s=10.0)) as lane:
        await two_workers_on_one_execution(lane, compare_and_set=True)
        assert len([call for call in lane.stubs.calls if call.path == "/charges"]) == 2
        await check_clean(lane, ["o-1"])
        assert len(await lane.records("o-1")) == 4


async def test_without_compare_and_set_both_write(nats_url: RealNats) -> None:
    async with running_lane(nats_url, machine(call_timeout_s=10.0)) as lane:
        await two_workers_on_one_execution(lane, compare_and_set=False)
        with pytest.raises(AssertionError):
            await lane.check_history("o-1")


async def test_a_killed_conductor_is_replaced(nats_url: RealNats) -> None:
    async def slow(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
        await asyncio.sleep(0.1)
        return None

    async with running_lane(nats_url, ack_wait_s=3.0) as lane:
        lane.stubs.behave = slow
        victim, _ = await asyncio.gather(lane.process("conductor-1"), lane.process("conductor-2"))
        ids = [f"o-{n}" for n in range(40)]
        await asyncio.gather(*(lane.lane.place(order(order_id)) for order_id in ids))

        async def in_the_middle() -> bool:
            return len(lane.stubs.calls) > 20

        await eventually(in_the_middle)
        victim.kill()
        await check_clean(lane, ids)


async def test_a_frozen_conductor_appends_nothing_stale(nats_url: RealNats) -> None:
    async def slow(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
        await asyncio.sleep(0.2)
        return None

    async with running_lane(nats_url, ack_wait_s=3.0) as lane:
        lane.stubs.behave = slow
        frozen, _ = await asyncio.gather(lane.process("conductor-1"), lane.process("conductor-2"))
        ids = [f"o-{n}" for n in range(40)]
        await asyncio.gather(*(lane.lane.place(order(order_id)) for order_id in ids))

        async def in_the_middle() -> bool:
            return len(lane.stubs.calls) > 50

        await eventually(in_the_middle)
        frozen.send_signal(signal.SIGSTOP)
        for order_id in ids:
            await lane.until(order_id, within_s=60)
        before = {order_id: len(await lane.records(order_id)) for order_id in ids}
        calls = len(lane.stubs.calls)
        frozen.send_signal(signal.SIGCONT)
        await lane.lane.place(order("after"))
        await lane.until("after")

        # The thawed worker has met its conflicts once it has let go of everything: its next order shows it alive.
        async def quiet() -> bool:
            now = Counter({order_id: len(await lane.records(order_id)) for order_id in ids})
            return now == Counter(before)

        await eventually(quiet)
        assert len(lane.stubs.calls) >= calls
        await check_clean(lane, [*ids, "after"])
        for order_id in ids:
            wrote = [r.headers["Nats-Msg-Id"].split(".")[2] for r in (await lane.records(order_id))[1:]]
            changes = sum(1 for one, following in itertools.pairwise(wrote) if one != following)
            assert changes <= 1, f"{order_id} went back to a worker that had lost it: {wrote}"


async def test_orders_survive_a_killed_broker(nats_url: RealNats) -> None:
    async def slow(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
        await asyncio.sleep(0.05)
        return None

    async with running_lane(nats_url) as lane:
        lane.stubs.behave = slow
        await lane.worker("a")
        await lane.worker("b")
        ids = [f"o-{n}" for n in range(40)]
        await asyncio.gather(*(lane.lane.place(order(order_id)) for order_id in ids))

        async def in_the_middle() -> bool:
            return len(lane.stubs.calls) > 20

        await eventually(in_the_middle)
        nats_url.kill()
        await asyncio.sleep(0.3)
        await nats_url.start()
        await check_clean(lane, ids)


async def test_a_stopped_conductor_hands_its_work_back_at_once(nats_url: RealNats) -> None:
    hanging = asyncio.Event()

    async def hang_once(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
        if path == "/reservations" and attempt == 1:
            hanging.set()
            await asyncio.sleep(30)
        return None

    async with running_lane(nats_url, ack_wait_s=30.0) as lane:
        lane.stubs.behave = hang_once
        first = await lane.worker("a")
        await lane.lane.place(order("o-1"))
        await asyncio.wait_for(hanging.wait(), 10)
        stopping = asyncio.create_task(first.stop())
        await lane.worker("b")
        view = await lane.until("o-1", within_s=10)
        assert view.status is OrderStatus.FULFILLED
        await stopping


async def test_one_who_was_frozen_takes_back_no_timer_that_another_has_set(nats_url: RealNats) -> None:
    client = await connect(nats_url.url, user=nats_url.user, password=nats_url.password, name="test")
    try:
        await provision(client, (setup().streams[0],), ())
        frozen, other = DurableHistory(client), DurableHistory(client)
        for execution, stale in (("e-good", False), ("e-stale", True)):
            timer = Timer("timeout:2", time.time() + 600)
            first = await frozen.append(execution, b"a0", after=0, append_id=f"{execution}0", timers=[timer])
            failed = await frozen.append(execution, b"a1", after=first, append_id=f"{execution}1")
            if stale:
                anew = await other.append(execution, b"b2", after=failed, append_id=f"{execution}2", timers=[timer])
                assert anew > failed
            await frozen.cancel(execution, ("timeout:2",), after=failed)
            await client.flush()
            await other.append(f"{execution}-after", b"x", after=0, append_id=f"{execution}3")
            kept = await last(client, records.STREAM, records.timer_subject(execution, "timeout:2"))
            assert kept is not None
            assert ("Nats-Schedule" in kept.headers) is stale
    finally:
        await client.close()
