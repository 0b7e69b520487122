"""Orders through the whole lane: what happens to them, and what can be told of it afterwards."""

import asyncio
from pathlib import Path

import pytest

from broker.group import GroupPublisher
from broker.publish import Message, publish
from services.faults.plan import Delay, FaultKind, FaultRule
from services.front_door import Decided, Placed
from services.operations import Operation
from services.operations import Service as S
from services.trail import OrderStatus
from tests.conftest import RealNats
from tests.integration.choreography.running_lane import THRESHOLD_CENTS, RunningLane, an_order, running_lane, until
from tests.unhurried import unhurried_seconds

HAPPY = ["OrderPlaced", "PaymentCharged", "InventoryReserved", "LabelPrinted"]
LARGE = an_order(total_cents=THRESHOLD_CENTS)


async def test_the_happy_path_and_its_trail(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        assert await lane.door.place(an_order()) is Placed.ACCEPTED
        assert await lane.ends() is OrderStatus.FULFILLED
        assert await lane.types() == HAPPY
        assert await lane.anomalies() == []
        trail = await lane.door.trail("o-1")
        assert trail is not None
        assert [entry.what for entry in trail.entries] == HAPPY
        assert trail.entries[1].step == "OrderPlaced → charge"
        assert trail.entries[1].cause == trail.entries[0].id
        headers = [record.headers for record in await lane.events()]
        assert len({each["ce-traceparent"].split("-")[1] for each in headers}) == 1


async def test_an_order_placed_twice_is_one_order(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        placed = await asyncio.gather(*(lane.door.place(an_order()) for _ in range(5)))
        assert sorted(placed) == [Placed.ACCEPTED, *[Placed.REPEATED] * 4]
        assert await lane.door.place(an_order(total_cents=2_000)) is Placed.CONFLICT
        assert await lane.ends() is OrderStatus.FULFILLED
        assert await lane.door.place(an_order()) is Placed.REPEATED
        assert await lane.anomalies() == []


async def test_many_at_once_share_batches_and_each_is_one_order(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        ids = [f"o-{number}" for number in range(80)]
        await lane.door.place(an_order("o-0", total_cents=2_000))
        lane.door._publisher = GroupPublisher(lane.door._client, under_way=1, least=2)  # however slowly they come
        placed = await asyncio.gather(*(lane.door.place(an_order(order_id)) for order_id in ids))
        assert placed == [Placed.CONFLICT if order_id == "o-0" else Placed.ACCEPTED for order_id in ids]
        assert lane.door._publisher.batches > 0
        assert {await lane.ends(order_id) for order_id in ids} == {OrderStatus.FULFILLED}


async def test_the_read_model_and_a_view_without_it_agree(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.door.place(an_order("o-1"))
        await lane.door.place(an_order("o-2", total_cents=THRESHOLD_CENTS))
        await lane.ends("o-1")
        waiting = await until(lane.door.pending_approvals)
        assert [(each.order_id, each.total_cents) for each in waiting] == [("o-2", THRESHOLD_CENTS)]
        await until(lambda: lane.door.outcomes(0, 10))
        tracked = lane.door
        untracked = type(tracked)(lane.door_client, lane.settings("door"), None)
        assert await tracked.list_orders(None, 10) == await untracked.list_orders(None, 10)
        assert await tracked.outcomes(0, 10) == await untracked.outcomes(0, 10)
        assert await tracked.pending_approvals() == await untracked.pending_approvals()
        assert await tracked.ready() is None
        assert await tracked.view("no-such-order") is None


@pytest.mark.parametrize(
    ("rule", "ends_with", "compensated"),
    [
        (FaultRule(kind=FaultKind.REFUSAL, service=S.PAYMENT), ["PaymentDeclined"], []),
        (
            FaultRule(kind=FaultKind.REFUSAL, service=S.WAREHOUSE, operation=Operation.RESERVE),
            ["InventoryRejected", "InventoryReleased", "PaymentRefunded"],
            [("o-1", "refund")],
        ),
    ],
)
async def test_a_refusal_is_an_outcome(
    nats_url: RealNats, tmp_path: Path, rule: FaultRule, ends_with: list[str], compensated: list[tuple[str, str]]
) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.faults(rule)
        await lane.door.place(an_order())
        assert await lane.ends() is OrderStatus.ROLLED_BACK
        assert (await lane.types())[-len(ends_with) :] == ends_with
        assert await lane.anomalies() == []
        assert await lane.letters() == []
        effects = await lane.effects()
        assert all(each in effects for each in compensated)


async def test_a_passing_error_is_retried_and_told(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.faults(FaultRule(kind=FaultKind.ERROR, service=S.WAREHOUSE, attempts=2))
        await lane.door.place(an_order())
        assert await lane.ends() is OrderStatus.FULFILLED
        assert await lane.anomalies() == []
        trail = await lane.door.trail("o-1")
        assert trail is not None
        failed = [entry for entry in trail.entries if entry.what == "AttemptFailed"]
        assert [(each.service, each.operation, each.attempt) for each in failed] == [
            ("warehouse", "reserve", 1),
            ("warehouse", "reserve", 2),
        ]
        assert "Unavailable" in str(failed[0].error)


async def test_a_broken_printer_undoes_the_order_and_leaves_a_dead_letter(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.faults(FaultRule(kind=FaultKind.BROKEN, service=S.SHIPPING, operation=Operation.PRINT_LABEL))
        await lane.door.place(an_order())
        assert await lane.ends() is OrderStatus.ROLLED_BACK
        assert await lane.types() == [
            *HAPPY[:3],
            "ShippingFailed",
            "LabelVoided",
            "InventoryReleased",
            "PaymentRefunded",
        ]
        assert await lane.anomalies() == []
        (letter,) = await until(lane.letters)
        assert (letter.reason, letter.consumer, letter.attempts) == ("retries_used_up", "shipping", 4)
        view = await lane.door.view("o-1")
        assert view is not None
        assert "broken" in str(view.reason)


async def test_an_undo_is_tried_until_it_succeeds(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path, time_scale=0.001) as lane:
        await lane.faults(
            FaultRule(kind=FaultKind.REFUSAL, service=S.WAREHOUSE, operation=Operation.RESERVE),
            FaultRule(kind=FaultKind.ERROR, service=S.PAYMENT, operation=Operation.REFUND, attempts=60),
        )
        await lane.door.place(an_order())
        assert await lane.ends(timeout_s=30) is OrderStatus.ROLLED_BACK
        assert await lane.anomalies() == []
        renewed = [record for record in await lane.events() if ".replay.payment" in record.subject]
        assert renewed, "beyond the broker's maximum of deliveries, a copy must have taken over"


async def test_lost_acknowledgements_and_hangs_do_no_harm(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path, ack_wait_s=1.0) as lane:
        await lane.faults(
            FaultRule(kind=FaultKind.LOST_REPLY, service=S.PAYMENT, attempts=1),
            FaultRule(kind=FaultKind.HANG, service=S.WAREHOUSE, attempts=1),
            FaultRule(kind=FaultKind.LOST_REPLY, service=S.SHIPPING, attempts=2),
        )
        await lane.door.place(an_order())
        assert await lane.ends() is OrderStatus.FULFILLED
        await lane.idle()
        assert await lane.anomalies() == []


async def test_a_slow_one_delays_no_other(nats_url: RealNats, tmp_path: Path) -> None:
    slow = FaultRule(
        kind=FaultKind.SLOW,
        service=S.PAYMENT,
        probability=0.3,
        attempts=1,
        delay=Delay(distribution="constant", mean_s=3.0),
    )
    async with running_lane(nats_url, tmp_path, ack_wait_s=1.0) as lane:
        await lane.faults(slow)
        order_ids = [f"o-{n}" for n in range(20)]

        async def some_ended() -> bool:
            return len(await lane.door.outcomes(0, 100)) >= 5

        async with unhurried_seconds() as taken:
            await asyncio.gather(*(lane.door.place(an_order(order_id)) for order_id in order_ids))
            await until(some_ended)
        assert taken[0] < 2.5
        for order_id in order_ids:
            await lane.ends(order_id)
        await lane.idle()
        assert await lane.anomalies(order_ids) == []


async def test_slower_than_a_call_may_be_is_a_failed_try(nats_url: RealNats, tmp_path: Path) -> None:
    """As in the other lane: the caller does not wait for ever, tries again, and the late work does no harm."""
    delay = Delay(distribution="constant", mean_s=4.0)
    slow = FaultRule(kind=FaultKind.SLOW, service=S.PAYMENT, operation=Operation.CHARGE, attempts=1, delay=delay)
    async with running_lane(nats_url, tmp_path, ack_wait_s=1.0) as lane:
        await lane.faults(slow)
        await lane.door.place(an_order())
        assert await lane.ends(timeout_s=3.5) is OrderStatus.FULFILLED
        trail = await lane.door.trail("o-1")
        assert trail is not None
        failed = [(entry.operation, entry.attempt) for entry in trail.entries if entry.what == "AttemptFailed"]
        assert failed == [("charge", 1)]
        calls = lane.rooms[S.PAYMENT].listener._calls

        async def nothing_late() -> bool:
            return not calls._late

        await until(nothing_late)
        assert await lane.anomalies() == []
        assert await lane.types() == HAPPY


@pytest.mark.parametrize("approve", [True, False])
async def test_a_manager_decides_once(nats_url: RealNats, tmp_path: Path, approve: bool) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.door.place(LARGE)
        (pending,) = await until(lane.door.pending_approvals)
        forged = pending.token[:-1] + ("0" if pending.token[-1] != "0" else "1")
        assert await lane.door.decide(forged, approve=approve, comment="") is Decided.UNKNOWN
        assert await lane.door.decide(pending.token, approve=approve, comment="so be it") is Decided.ACCEPTED
        assert await lane.door.decide(pending.token, approve=approve, comment="") is Decided.REPEATED
        assert await lane.door.decide(pending.token, approve=not approve, comment="") is Decided.CONFLICT
        assert await lane.ends() is (OrderStatus.FULFILLED if approve else OrderStatus.ROLLED_BACK)
        assert await lane.anomalies() == []
        await until(lambda: _none(lane))
        view = await lane.door.view("o-1")
        assert view is not None
        assert view.reason == (None if approve else "approval rejected so be it")


async def test_a_message_that_nobody_can_read_bars_no_decision(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.door.place(LARGE)
        (pending,) = await until(lane.door.pending_approvals)
        await publish(lane.admin, Message("orders.o-1.Garbage", b"?"))
        assert await lane.door.decide(pending.token, approve=True, comment="") is Decided.ACCEPTED
        assert await lane.ends() is OrderStatus.FULFILLED


async def _none(lane: RunningLane) -> bool:
    return await lane.door.pending_approvals() == []


async def test_the_simple_reactions_heard_it_all(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        await lane.door.place(an_order("o-1"))
        await lane.ends("o-1")
        await lane.start_watch()  # it begins late, and hears the past as well

        async def heard() -> bool:
            made = lane.reactions.made()
            return bool(
                made["notification"]["sent"] == made["analytics"].get("LabelPrinted", {}).get("orders") == 2
                and made["loyalty"]["points"] == 20
            )

        await lane.door.place(an_order("o-2"))
        await until(heard)
        await lane.deliver_again("o-2")
        await lane.idle()
        assert lane.reactions.made()["notification"]["sent"] == 2
