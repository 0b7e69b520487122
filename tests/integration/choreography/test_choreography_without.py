"""What each guard and practice is for: with it the look at the books finds nothing, without it something."""

import asyncio
from pathlib import Path

import pytest

from services.faults.plan import FaultKind, FaultRule
from services.operations import Operation
from services.operations import Service as S
from services.trail import OrderStatus
from tests.conftest import RealNats
from tests.integration.choreography.running_lane import THRESHOLD_CENTS, RunningLane, an_order, running_lane, until

LOST = FaultRule(kind=FaultKind.LOST_REPLY, service=S.PAYMENT, operation=Operation.CHARGE, attempts=1)
OUT_OF_STOCK = FaultRule(kind=FaultKind.REFUSAL, service=S.WAREHOUSE, operation=Operation.RESERVE)
ONE_ERROR = FaultRule(kind=FaultKind.ERROR, service=S.WAREHOUSE, operation=Operation.RESERVE, attempts=1)


async def _settled(lane: RunningLane, *rules: FaultRule) -> None:
    """One order, until nothing more happens to it."""
    await lane.faults(*rules)
    await lane.door.place(an_order())

    async def quiet() -> bool:
        # Services are asked one after the other, so a first look may miss what passes between them; an unacknowledged
        # delivery counts as pending until it has come again.
        await lane.idle()
        before = len(await lane.events())
        await lane.idle()
        return before == len(await lane.events())

    await until(quiet)


@pytest.mark.parametrize(
    ("guards_off", "clean"), [("", True), ("idempotency", True), ("inbox", True), ("inbox,idempotency", False)]
)
async def test_inbox_and_idempotency_record(nats_url: RealNats, tmp_path: Path, guards_off: str, clean: bool) -> None:
    """Against repeats either is enough; each has to hold alone, and without both money is taken twice."""
    async with running_lane(nats_url, tmp_path, ack_wait_s=0.5, guards_off=guards_off) as lane:
        await _settled(lane, LOST)
        anomalies = await lane.anomalies()
        assert (anomalies == []) is clean
        assert clean or "o-1 double charge" in anomalies


@pytest.mark.parametrize(("guards_off", "status"), [("", "rolled_back"), ("compensation:refund", "undoing")])
async def test_a_compensation_row(nats_url: RealNats, tmp_path: Path, guards_off: str, status: str) -> None:
    async with running_lane(nats_url, tmp_path, guards_off=guards_off) as lane:
        await _settled(lane, OUT_OF_STOCK)
        assert await lane.status() == status
        assert (await lane.anomalies() == []) is (guards_off == "")


@pytest.mark.parametrize(("guards_off", "ends"), [("", "fulfilled"), ("retries", "rolled_back")])
async def test_retries(nats_url: RealNats, tmp_path: Path, guards_off: str, ends: str) -> None:
    async with running_lane(nats_url, tmp_path, guards_off=guards_off) as lane:
        await _settled(lane, ONE_ERROR)
        assert await lane.status() == ends


@pytest.mark.parametrize(("guards_off", "ends"), [("", "fulfilled"), ("outbox", "in_progress")])
async def test_outbox(nats_url: RealNats, tmp_path: Path, guards_off: str, ends: str) -> None:
    crash = FaultRule(kind=FaultKind.CRASH, service=S.PAYMENT, point="before_publish", attempts=1)  # type: ignore[arg-type]
    async with running_lane(nats_url, tmp_path, ack_wait_s=0.5, guards_off=guards_off) as lane:
        await lane.faults(crash)
        await lane.door.place(an_order())

        async def killed() -> bool:
            return bool(lane.killed)

        await until(killed)
        await lane.restart(S.PAYMENT)
        await lane.idle()  # the redelivery included
        if ends == "fulfilled":
            await lane.ends()
        assert await lane.status() == ends


@pytest.mark.parametrize(("guards_off", "decisions"), [("", 1), ("compare_and_set", 2)])
async def test_compare_and_set(nats_url: RealNats, tmp_path: Path, guards_off: str, decisions: int) -> None:
    async with running_lane(nats_url, tmp_path, guards_off=guards_off) as lane:
        await lane.door.place(an_order(total_cents=THRESHOLD_CENTS))
        (pending,) = await until(lane.door.pending_approvals)
        await asyncio.gather(*(lane.door.decide(pending.token, approve=yes, comment="") for yes in (True, False)))
        types = await lane.types()
        assert sum(each in ("ApprovalGranted", "ApprovalRejected") for each in types) == decisions


async def test_naive_charges_twice_and_leaves_money_behind(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path, ack_wait_s=0.5, LAB_PRACTICES="naive") as lane:
        await _settled(lane, LOST, FaultRule(kind=FaultKind.BROKEN, service=S.SHIPPING))
        assert await lane.status() is OrderStatus.IN_PROGRESS
        assert "o-1 double charge" in await lane.anomalies()
        assert await lane.letters() == []


async def test_without_dead_letters_a_failing_order_is_dropped(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path, LAB_PRACTICES="hardened,-dead_letters") as lane:
        await _settled(lane, FaultRule(kind=FaultKind.BROKEN, service=S.SHIPPING))
        assert await lane.status() is OrderStatus.IN_PROGRESS
        assert await lane.letters() == []
