"""What goes wrong on the bus and in the processes: kills, repeats, poison, silence. Orders end, books stay clean."""

import asyncio
import time
from pathlib import Path

import orjson
import pytest
from nats.aio.client import Client

from broker.connection import close
from broker.publish import Message, publish
from broker.pull import Puller
from choreography.broker_setup import ORDERS
from choreography.clock import now_text
from choreography.cloud_events import compose
from choreography.dead_letters import replay
from choreography.errors import NotReplayable
from choreography.events import EventType, OrderPlaced
from services.faults.plan import CrashPoint, FaultKind, FaultRule
from services.front_door import Decided, NotDurable
from services.operations import Operation
from services.operations import Service as S
from services.trail import OrderStatus
from tests.conftest import RealNats
from tests.integration.choreography.running_lane import THRESHOLD_CENTS, an_order, running_lane, until

ORDER_IDS = [f"o-{n}" for n in range(10)]


@pytest.mark.parametrize("point", list(CrashPoint))
async def test_a_service_dies_at_each_point(nats_url: RealNats, tmp_path: Path, point: CrashPoint) -> None:
    async with running_lane(nats_url, tmp_path, ack_wait_s=1.0) as lane:
        await lane.faults(FaultRule(kind=FaultKind.CRASH, service=S.WAREHOUSE, point=point, attempts=1))
        await lane.door.place(an_order())

        async def killed() -> bool:
            return bool(lane.killed)

        await until(killed)
        await lane.restart(S.WAREHOUSE)
        assert await lane.ends() is OrderStatus.FULFILLED
        await lane.idle()
        assert await lane.anomalies() == []


async def test_services_and_the_broker_die_in_the_middle_of_a_load(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path, ack_wait_s=1.0) as lane:
        order_ids = [f"o-{n}" for n in range(60)]

        async def place(order_id: str) -> None:
            while True:  # as any client would: the same again until it is taken
                try:
                    await lane.door.place(an_order(order_id))
                    return
                except NotDurable:
                    await asyncio.sleep(0.1)

        placing = asyncio.gather(*(place(order_id) for order_id in order_ids))
        for name in (S.PAYMENT, S.SHIPPING, S.WAREHOUSE):
            await asyncio.sleep(0.05)
            await lane.restart(name)
        await nats_url.restart()
        await placing
        for order_id in order_ids:
            assert await lane.ends(order_id) is OrderStatus.FULFILLED
        await lane.idle()
        assert await lane.anomalies(order_ids) == []


async def test_everything_twice_and_out_of_order(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        for order_id in ORDER_IDS:
            await lane.door.place(an_order(order_id))
        for order_id in ORDER_IDS:
            await lane.ends(order_id)
        for order_id in ORDER_IDS:
            await lane.deliver_again(order_id)
        await lane.idle()
        assert await lane.anomalies(ORDER_IDS) == []
        assert await lane.letters() == []


async def test_a_malformed_event_is_parked_and_fixed(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await publish(lane.admin, Message("orders.o-1.OrderPlaced", b'{"order": "none"}'))
        (letter,) = await until(lane.letters)
        assert (letter.reason, letter.consumer, letter.state) == ("malformed", "payment", "parked")
        assert "ce-id" in letter.cause
        with pytest.raises(NotReplayable):
            await replay(lane.door_client, letter.sequence, at=now_text())
        wrong = OrderPlaced(order=an_order("o-2")).model_dump_json().encode()
        with pytest.raises(NotReplayable):
            await replay(lane.door_client, letter.sequence, at=now_text(), data=wrong)
        right = OrderPlaced(order=an_order("o-1")).model_dump_json().encode()
        await replay(lane.door_client, letter.sequence, at=now_text(), data=right)
        assert await lane.ends() is OrderStatus.FULFILLED
        assert [each.state for each in await lane.letters()] == ["replayed"]
        assert await lane.anomalies() == []


async def test_another_order_under_a_used_id_is_parked_though_the_first_went_well(
    nats_url: RealNats, tmp_path: Path
) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.door.place(an_order())
        assert await lane.ends() is OrderStatus.FULFILLED
        other = OrderPlaced(order=an_order(total_cents=2_000))
        made = compose(EventType.ORDER_PLACED, other, source="door", at="", suffix="forged")
        await publish(lane.admin, Message(made.subject, made.body, headers=made.headers))
        (letter,) = await until(lane.letters)
        assert (letter.reason, letter.consumer) == ("key_reused", "payment")
        await lane.idle()
        assert await lane.status() is OrderStatus.FULFILLED
        assert await lane.anomalies() == []


async def test_a_replay_after_the_order_was_undone_does_no_harm(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.faults(FaultRule(kind=FaultKind.BROKEN, service=S.PAYMENT, operation=Operation.CHARGE))
        await lane.door.place(an_order())
        assert await lane.ends() is OrderStatus.ROLLED_BACK
        (letter,) = await until(lane.letters)
        await lane.faults()
        await replay(lane.door_client, letter.sequence, at=now_text())
        await lane.idle()
        assert await lane.status() is OrderStatus.ROLLED_BACK
        assert await lane.anomalies() == []


async def test_an_undo_that_fails_for_good_is_parked_for_a_person(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.faults(
            FaultRule(kind=FaultKind.REFUSAL, service=S.WAREHOUSE, operation=Operation.RESERVE),
            FaultRule(kind=FaultKind.REFUSAL, service=S.PAYMENT, operation=Operation.REFUND),
        )
        await lane.door.place(an_order())

        async def parked() -> bool:
            return await lane.status() is OrderStatus.PARKED

        await until(parked)
        assert [each.order_id for each in await lane.door.list_orders(OrderStatus.PARKED, 10)] == ["o-1"]
        (letter,) = await lane.letters()
        assert letter.reason == "undo_failed"
        await lane.faults()  # a person repairs it, and replays
        await replay(lane.door_client, letter.sequence, at=now_text())
        assert await lane.ends() is OrderStatus.ROLLED_BACK
        assert await lane.anomalies() == []


async def test_poison_is_parked_in_the_end(nats_url: RealNats, tmp_path: Path) -> None:
    """Its listener dies at every delivery, here: takes it and is never heard of again."""
    async with running_lane(nats_url, tmp_path, ack_wait_s=0.3, max_deliver=3) as lane:
        lane.kill(S.PAYMENT)
        client: Client = await lane.client("payment")
        deadly = Puller(client, ORDERS, "payment", batch=1)

        async def die_each_time() -> None:
            async for _batch in deadly.batches():
                pass

        dying = asyncio.create_task(die_each_time())
        await lane.start_watch()
        await lane.door.place(an_order())
        (letter,) = await until(lane.letters)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        await deadly.stop()
        await close(client)
        assert (letter.reason, letter.consumer, letter.attempts) == ("max_deliveries", "payment", 3)
        await lane.restart(S.PAYMENT)
        await replay(lane.door_client, letter.sequence, at=now_text())
        assert await lane.ends() is OrderStatus.FULFILLED
        assert await lane.anomalies() == []


async def test_what_is_no_event_at_all_is_parked_by_the_watch(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.start_watch()
        await publish(lane.admin, Message("orders.o-1.OrderEaten", b"\xff\xfe"))
        (letter,) = await until(lane.letters)
        assert (letter.reason, letter.consumer) == ("malformed", "watch")
        assert letter.as_json()["body_encoding"] == "base64"
        assert await lane.door.view("o-1") is None


async def test_an_order_gone_quiet_expires_and_late_work_is_refused(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await _quickly_expiring(lane)
        lane.kill(S.PAYMENT)
        await lane.door.place(an_order())

        async def expired() -> bool:
            return "OrderExpired" in await lane.types()

        await until(expired)
        await lane.restart(S.PAYMENT)  # and hears of OrderPlaced and of its undoing
        assert await lane.ends() is OrderStatus.ROLLED_BACK
        await lane.idle()
        assert await lane.anomalies() == []


async def test_an_approval_that_nobody_gives_expires_and_then_comes_too_late(
    nats_url: RealNats, tmp_path: Path
) -> None:
    async with running_lane(nats_url, tmp_path, approval_timeout_s=0.2) as lane:
        await lane.door.place(an_order(total_cents=THRESHOLD_CENTS))
        (pending,) = await until(lane.door.pending_approvals)
        await _quickly_expiring(lane)
        assert await lane.ends() is OrderStatus.ROLLED_BACK
        assert await lane.door.decide(pending.token, approve=True, comment="") is Decided.TOO_LATE
        await lane.idle()
        assert await lane.anomalies() == []


async def test_an_order_stuck_in_undoing_is_shown(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path, guards_off="compensation:release") as lane:
        await _quickly_expiring(lane)
        await lane.faults(FaultRule(kind=FaultKind.BROKEN, service=S.SHIPPING, operation=Operation.PRINT_LABEL))
        await lane.door.place(an_order())

        async def stuck() -> bool:
            return any(each.reason == "stuck_undoing" for each in await lane.letters())

        await until(stuck)
        assert await lane.status() is OrderStatus.PARKED
        assert "OrderExpired" not in await lane.types()


async def _quickly_expiring(lane) -> None:  # type: ignore[no-untyped-def]
    from choreography import watch as module

    client = await lane.client("watch")
    watch = module.Watch(client, lane.settings("watch"), enforcing=True)
    watch._grace_s = 0.5
    watch._deadlines._limits[False] = 0.5
    lane._run(watch.run())


async def test_a_broker_out_of_reach_makes_nothing_durable(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        nats_url.kill()
        began = time.monotonic()
        with pytest.raises(NotDurable):
            await lane.door.place(an_order())
        with pytest.raises(NotDurable):
            await lane.door.view("o-1")
        assert time.monotonic() - began < 15
        assert await lane.door.ready() is not None
        await nats_url.start()

        async def ready() -> bool:
            return await lane.door.ready() is None

        await until(ready)
        await lane.door.place(an_order())
        assert await lane.ends() is OrderStatus.FULFILLED


async def test_least_privilege(nats_url: RealNats, tmp_path: Path) -> None:
    """A service can tell neither another's event nor delete anything; what is denied is simply never answered."""
    forbidden = [
        ("payment", "orders.o-1.InventoryReserved"),
        ("payment", "orders.o-1.OrderPlaced"),
        ("warehouse", "orders.o-1.PaymentRefunded"),
        ("shipping", "orders.o-1.ApprovalGranted"),
        ("shipping", "dead_letters.o-1.payment.1"),
        ("shipping", "orders.o-1.LabelPrinted.replay.shipping"),
        ("payment", "orders.o-1.OrderPlaced.replay.warehouse"),
        ("door", "orders.o-1.PaymentCharged"),
        ("watch", "orders.o-1.LabelPrinted"),
        ("payment", f"$JS.API.STREAM.DELETE.{ORDERS}"),
        ("payment", f"$JS.API.STREAM.PURGE.{ORDERS}"),
        ("door", f"$JS.API.STREAM.MSG.DELETE.{ORDERS}"),
        ("shipping", f"$JS.API.CONSUMER.MSG.NEXT.{ORDERS}.payment"),
        ("watch", f"$JS.API.CONSUMER.DELETE.{ORDERS}.payment"),
    ]
    async with running_lane(nats_url, tmp_path) as lane:
        clients = {user: await lane.client(user) for user in ("payment", "warehouse", "shipping", "door", "watch")}

        async def denied(user: str, subject: str) -> bool:
            try:
                await clients[user].request(subject, b"{}", timeout=0.5)
            except TimeoutError:
                return True
            return False

        answers = await asyncio.gather(*(denied(*each) for each in forbidden))
        assert [each for each, no in zip(forbidden, answers, strict=True) if not no] == []
        # Not even an admin deletes from a history.
        answer = await lane.admin.request(f"$JS.API.STREAM.PURGE.{ORDERS}", b"", timeout=5)
        assert "error" in orjson.loads(answer.data)
        made = compose(EventType.ORDER_PLACED, OrderPlaced(order=an_order()), source="door", at="")
        await publish(clients["door"], Message(made.subject, made.body, headers=made.headers))
        assert await lane.ends() is OrderStatus.FULFILLED
