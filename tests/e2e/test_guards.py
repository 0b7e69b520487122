"""Every guard is there for something: taken out alone, a test or the auditor goes red where the hardened lane is clean.

| guard | choreography | orchestration |
| --- | --- | --- |
| inbox | ``test_a_message_is_acted_upon_once_whatever_its_key``; *without* | has no bus |
| idempotency | ``test_idempotency_on_the_bus``; *without* | ``test_idempotency_of_calls`` |
| outbox | *without* | ``test_outbox_is_the_history`` |
| retries | ``test_an_undo_is_retried_by_its_service``; *without* | ``test_retries``, ``…_by_the_conductor`` |
| compare_and_set | *without* | *take over* |
| tombstone | ``test_tombstone_on_the_bus`` | ``test_tombstone_of_calls`` |
| compensation:refund, :release, :void_label | ``test_a_row_of_the_table``; *without* | ``test_an_undo_state`` |

Against a plain repeat on the bus the inbox and the idempotency record are each enough (*without* shows both away); here
each is shown by what only it can stop.

*without* is ``tests/integration/choreography/test_choreography_without.py``, *take over* is
``tests/integration/orchestration/test_take_over.py``. The lanes here run in this process, wired from settings as their
processes are, on a real nats-server, real ledgers and (where services are called) real HTTP.
"""

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from broker.publish import Message, publish
from choreography.cloud_events import again, compose
from choreography.events import EventType, OrderExpired
from lab.auditor import Anomaly, Audit, Evidence, StockLevel, accepted_order, audit, effect_of
from services.commands import Answer, Command, Inbox, Refusal
from services.faults.plan import Delay, FaultKind, FaultRule
from services.guards import GUARDS
from services.operations import Operation
from services.operations import Service as Name
from services.order import Order
from services.service import Service
from services.settings import Settings
from services.trail import ENDED, OrderStatus
from tests.conftest import RealNats
from tests.e2e.asking import eventually
from tests.e2e.small_orchestration import SmallOrchestration, small_orchestration
from tests.integration.choreography.running_lane import RunningLane, an_order, running_lane
from tests.services_orders import order

LOST_CHARGE = FaultRule(kind=FaultKind.LOST_REPLY, service=Name.PAYMENT, operation=Operation.CHARGE, attempts=1)
ONE_ERROR = FaultRule(kind=FaultKind.ERROR, service=Name.PAYMENT, operation=Operation.CHARGE, attempts=1)
ONE_UNDO_ERROR = FaultRule(kind=FaultKind.ERROR, service=Name.WAREHOUSE, operation=Operation.RELEASE, attempts=1)
NO_LABEL = FaultRule(
    kind=FaultKind.REFUSAL, service=Name.SHIPPING, operation=Operation.PRINT_LABEL, refusal=Refusal.OUT_OF_STOCK
)
# The label is printed, but nobody hears of it, and every further try fails: it must be voided.
LABEL_UNHEARD = (
    FaultRule(kind=FaultKind.LOST_REPLY, service=Name.SHIPPING, operation=Operation.PRINT_LABEL, attempts=1),
    FaultRule(kind=FaultKind.ERROR, service=Name.SHIPPING, operation=Operation.PRINT_LABEL),
)
A_SECOND = Delay(distribution="constant", mean_s=1.0)
A = Anomaly


async def answered(ledger: Path, operation: Operation) -> bool:
    """Whether this ledger has answered such a command, be it with a refusal."""
    with contextlib.closing(sqlite3.connect(ledger)) as database:
        rows = database.execute("SELECT answer FROM idempotency").fetchall()
    return any(orjson.loads(text)[0] == operation for (text,) in rows)


async def judged(services: Mapping[Name, Service], placed: Order, story: OrderStatus | None) -> Audit:
    effects = {
        name.value: [effect_of(orjson.loads(line)) async for page in service.effects() for line in page.splitlines()]
        for name, service in services.items()
    }
    levels = await services[Name.WAREHOUSE].stock()
    stock = {sku: StockLevel(level["seeded"], level["available"]) for sku, level in levels.items()}
    stories = {placed.order_id: str(story) if story is not None else None}
    return audit(Evidence([accepted_order(placed.model_dump(mode="json"))], effects, stock, stories=stories))


async def orchestrated(lane: SmallOrchestration, *rules: FaultRule, until: frozenset[str] = ENDED) -> tuple[Order, str]:
    """One order, until it has one of these statuses."""
    placed = an_order()
    await lane.faults(*rules)
    await lane.door.place(placed)
    return placed, await status_in(lane, placed, until)


async def status_in(lane: SmallOrchestration, placed: Order, wanted: frozenset[str] = ENDED) -> str:
    async def reached() -> str | None:
        view = await lane.door.view(placed.order_id)
        return view.status if view is not None and view.status in wanted else None

    return str(await eventually(reached))


def services_of(lane: RunningLane) -> dict[Name, Service]:
    return {name: room.service for name, room in lane.rooms.items()}


def assert_found(found: Audit, guards_off: str, *anomalies: Anomaly) -> None:
    """Clean with every guard in its place; without the guard, at least these anomalies."""
    assert found.clean is (guards_off == ""), found.to_json()
    assert guards_off == "" or set(anomalies) <= found.tallies.keys(), found.to_json()


def both(guard: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("guards_off", ["", guard])


def test_the_table_names_every_guard() -> None:
    assert __doc__ is not None
    for guard in GUARDS:
        kind, _, operation = guard.partition(":")
        assert kind in __doc__
        assert operation in __doc__


# --- the services' own guards ----------------------------------------------------------------------------------------


@both("inbox")
async def test_a_message_is_acted_upon_once_whatever_its_key(tmp_path: Path, guards_off: str) -> None:
    """Else one event could be answered twice, and differently: once with a refusal, and then with a reservation."""
    settings = Settings(component="warehouse", ledger_url=f"sqlite:///{tmp_path}/w.db", guards_off=guards_off)
    warehouse = await Service.open(settings)
    try:
        sku, level = next(iter((await warehouse.stock()).items()))

        async def reserve(order_id: str, key: str, quantity: int, message: str) -> Answer:
            wanted = order(order_id, sku=sku, quantity=quantity)
            return await warehouse.execute(Command(Operation.RESERVE, wanted, key, Inbox("warehouse", message)))

        await reserve("o-1", "k-1", level["available"], "m-1")
        refused = await reserve("o-2", "k-2", 1, "m-2")
        assert refused.refusal is Refusal.OUT_OF_STOCK
        await warehouse.execute(Command(Operation.RELEASE, order("o-1", sku=sku), "k-3", Inbox("warehouse", "m-3")))
        again = await reserve("o-2", "another key", 1, "m-2")
        assert (again.refusal is Refusal.OUT_OF_STOCK) is (guards_off == "")
    finally:
        await warehouse.close()


# --- choreography ----------------------------------------------------------------------------------------------------


@both("idempotency")
async def test_idempotency_on_the_bus(nats_url: RealNats, tmp_path: Path, guards_off: str) -> None:
    """The same event under another id, from a producer that forgot what it had sent: no inbox knows it."""
    async with running_lane(nats_url, tmp_path, guards_off=guards_off) as lane:
        placed = an_order()
        await lane.door.place(placed)
        await lane.ends()
        event = (await lane.events())[0]
        await publish(lane.admin, Message(event.subject, event.body, headers=again(event.headers, "another-id")))
        await lane.idle()
        assert_found(await judged(services_of(lane), placed, await lane.status()), guards_off, A.DOUBLE_CHARGE)


@both("tombstone")
async def test_tombstone_on_the_bus(nats_url: RealNats, tmp_path: Path, guards_off: str) -> None:
    """The order expires while its charge is under way, and the charge comes after the refund."""
    slow = FaultRule(kind=FaultKind.SLOW, service=Name.PAYMENT, operation=Operation.CHARGE, delay=A_SECOND)
    async with running_lane(nats_url, tmp_path, guards_off=guards_off) as lane:
        placed = an_order()
        await lane.faults(slow)
        await lane.door.place(placed)
        expired = OrderExpired(order=placed, quiet_s=1.0, last_event="OrderPlaced")
        event = compose(EventType.ORDER_EXPIRED, expired, source="watch", at="2026-01-01T00:00:00Z")
        await publish(lane.admin, Message(event.subject, event.body, event.id, headers=event.headers))
        assert await lane.ends() is OrderStatus.ROLLED_BACK
        await lane.idle()
        assert_found(await judged(services_of(lane), placed, await lane.status()), guards_off, A.STORY_MISMATCH)


@both("retries")
async def test_an_undo_is_retried_by_its_service(nats_url: RealNats, tmp_path: Path, guards_off: str) -> None:
    async with running_lane(nats_url, tmp_path, guards_off=guards_off) as lane:
        placed = an_order()
        await lane.faults(NO_LABEL, ONE_UNDO_ERROR)
        await lane.door.place(placed)

        async def at_rest() -> OrderStatus | None:
            status = await lane.status()
            return status if status in (*ENDED, OrderStatus.PARKED) else None

        story = await eventually(at_rest)
        found = await judged(services_of(lane), placed, story)
        assert_found(found, guards_off, A.STUCK, A.STOCK_LEAKED, A.CHARGED_NOT_SHIPPED)


@pytest.mark.parametrize(
    ("guards_off", "anomalies"),
    [
        ("", ()),
        ("compensation:refund", (A.CHARGED_NOT_SHIPPED, A.STUCK)),
        ("compensation:release", (A.STOCK_LEAKED, A.CHARGED_NOT_SHIPPED, A.STUCK)),
        ("compensation:void_label", (A.STOCK_LEAKED, A.CHARGED_NOT_SHIPPED, A.STUCK)),
    ],
)
async def test_a_row_of_the_table(
    nats_url: RealNats, tmp_path: Path, guards_off: str, anomalies: tuple[Anomaly, ...]
) -> None:
    """The chain ends where the row is missing: nobody tells what the next one waits for."""
    async with running_lane(nats_url, tmp_path, guards_off=guards_off) as lane:
        placed = an_order()
        await lane.faults(NO_LABEL)
        await lane.door.place(placed)
        heard = {
            "": "PaymentRefunded",
            "compensation:refund": "InventoryReleased",
            "compensation:release": "LabelVoided",
        }

        async def told() -> bool:
            return heard.get(guards_off, "ShippingFailed") in await lane.types()

        await eventually(told)
        await lane.idle()
        assert_found(await judged(services_of(lane), placed, await lane.status()), guards_off, *anomalies)


# --- orchestration ---------------------------------------------------------------------------------------------------


@both("idempotency")
async def test_idempotency_of_calls(nats_url: RealNats, tmp_path: Path, guards_off: str) -> None:
    """The answer to a charge is lost, and the conductor calls again."""
    async with small_orchestration(nats_url, tmp_path, guards_off) as lane:
        placed, story = await orchestrated(lane, LOST_CHARGE)
        assert story == OrderStatus.FULFILLED
        assert_found(await judged(lane.services, placed, OrderStatus(story)), guards_off, A.DOUBLE_CHARGE)


@both("tombstone")
async def test_tombstone_of_calls(nats_url: RealNats, tmp_path: Path, guards_off: str) -> None:
    """A charge is given up and undone while its first call is still under way."""
    slow = FaultRule(
        kind=FaultKind.SLOW,
        service=Name.PAYMENT,
        operation=Operation.CHARGE,
        attempts=1,
        delay=Delay(distribution="constant", mean_s=2.0),
    )
    errors = FaultRule(kind=FaultKind.ERROR, service=Name.PAYMENT, operation=Operation.CHARGE)
    async with small_orchestration(nats_url, tmp_path, guards_off) as lane:
        placed, story = await orchestrated(lane, slow, errors)
        assert story == OrderStatus.ROLLED_BACK
        await eventually(lambda: answered(tmp_path / "payment.db", Operation.CHARGE))
        found = await judged(lane.services, placed, OrderStatus(story))
        assert_found(found, guards_off, A.CHARGED_NOT_SHIPPED, A.STORY_MISMATCH)


@both("retries")
async def test_retries(nats_url: RealNats, tmp_path: Path, guards_off: str) -> None:
    """A passing error costs no order."""
    async with small_orchestration(nats_url, tmp_path, guards_off) as lane:
        _, story = await orchestrated(lane, ONE_ERROR)
        assert story == (OrderStatus.ROLLED_BACK if guards_off else OrderStatus.FULFILLED)


@both("retries")
async def test_an_undo_is_retried_by_the_conductor(nats_url: RealNats, tmp_path: Path, guards_off: str) -> None:
    async with small_orchestration(nats_url, tmp_path, guards_off) as lane:
        placed, story = await orchestrated(lane, NO_LABEL, ONE_UNDO_ERROR, until=ENDED | {OrderStatus.PARKED})
        found = await judged(lane.services, placed, OrderStatus(story))
        assert_found(found, guards_off, A.STUCK, A.STOCK_LEAKED, A.CHARGED_NOT_SHIPPED)


@both("outbox")
async def test_outbox_is_the_history(nats_url: RealNats, tmp_path: Path, guards_off: str) -> None:
    """The conductor is replaced while a manager thinks; only what was stored can go on."""
    async with small_orchestration(nats_url, tmp_path, guards_off) as lane:
        placed = an_order(total_cents=60_000)
        await lane.door.place(placed)
        await status_in(lane, placed, frozenset({OrderStatus.WAITING_FOR_APPROVAL}))
        (pending,) = await eventually(lane.door.pending_approvals)
        await lane.restart_conductor()
        await lane.door.decide(pending.token, approve=True, comment="")
        if guards_off:
            await lane.offered_again()
        else:
            await status_in(lane, placed)
        view = await lane.door.view(placed.order_id)
        assert view is not None
        assert_found(await judged(lane.services, placed, view.status), guards_off, A.STUCK, A.CHARGED_NOT_SHIPPED)


@pytest.mark.parametrize(
    ("guards_off", "rules", "anomalies"),
    [
        ("", (NO_LABEL,), ()),
        ("", LABEL_UNHEARD, ()),
        ("compensation:refund", (NO_LABEL,), (A.CHARGED_NOT_SHIPPED, A.STORY_MISMATCH)),
        ("compensation:release", (NO_LABEL,), (A.STOCK_LEAKED, A.STORY_MISMATCH)),
        ("compensation:void_label", LABEL_UNHEARD, (A.SHIPPED_NOT_PAID, A.STORY_MISMATCH)),
    ],
)
async def test_an_undo_state(
    nats_url: RealNats, tmp_path: Path, guards_off: str, rules: tuple[FaultRule, ...], anomalies: tuple[Anomaly, ...]
) -> None:
    async with small_orchestration(nats_url, tmp_path, guards_off) as lane:
        placed, story = await orchestrated(lane, *rules)
        assert story == OrderStatus.ROLLED_BACK
        assert_found(await judged(lane.services, placed, OrderStatus(story)), guards_off, *anomalies)
