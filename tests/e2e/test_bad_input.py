"""Whatever is thrown at a lane: a clear 4xx or a dead letter; nothing half-done, and nothing crashed.

One lab with both lanes takes it all; the last tests look at what that did to it. Each lane gets the same input.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

import aiohttp
import orjson
import pytest
import pytest_asyncio

from broker.publish import Message
from choreography.cloud_events import compose
from choreography.events import EventType, OrderPlaced
from lab.accepted import order_body as order_body_in
from lab.embedded import Lab
from lab.topology import LANES, LabConfig
from services.operations import PATH_OF, SERVICE_OF, UNDOES, Operation, Service
from services.order import Order
from tests.e2e.api_probe import probe
from tests.e2e.asking import (
    AskedLane,
    Body,
    assert_told,
    logs_with_traceback,
    nothing_but_a_story,
    order_body,
    restarted,
    set_apart,
)
from tests.e2e.bad_orders import BAD_ORDERS, MALFORMED, WRONG_TYPES, bad
from tests.free_ports import free_port_base

each_lane = pytest.mark.parametrize("lane", LANES)
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CHOREOGRAPHY, ORCHESTRATION = LANES
LARGE_CENTS = 50_000
APPROVAL_TIMEOUT_S = 8.0
TWO_MEGABYTES = b" " * 2_000_000


@dataclass
class World:
    """``placed``: every order that a door of either lane accepted, each with the end that it must come to."""

    lab: Lab
    lanes: dict[str, AskedLane]
    product: Body
    placed: dict[str, list[tuple[Body, str]]] = field(default_factory=lambda: {lane: [] for lane in LANES})
    late_tokens: dict[str, str] = field(default_factory=dict)

    def order(self, order_id: str, quantity: int = 1, **changes: object) -> Body:
        return order_body(order_id, self.product, quantity, **changes)

    def large(self, order_id: str) -> Body:
        return self.order(order_id, -(-LARGE_CENTS // self.product["unit_price_cents"]))

    async def place(self, lane: str, body: Body, end: str) -> None:
        assert await self.lanes[lane].place(body) == 202
        self.placed[lane].append((body, end))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    config = LabConfig(
        home=tmp_path_factory.mktemp("bad-input") / "lab",
        port_base=free_port_base(),
        time_scale=0.1,
        stock_scale=100.0,
        approval_timeout_s=APPROVAL_TIMEOUT_S,
        quiet_after_base_s=1.0,  # as short as it gets: nothing of the watch is due before it
    )
    async with Lab(config) as lab, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        lanes = {lane: AskedLane(lab, lane, session) for lane in LANES}
        product = (await lanes[LANES[0]].reader().catalogue())[20]
        made = World(lab, lanes, product)
        for lane in LANES:  # decided upon only when it is too late
            await made.place(lane, made.large("too-late"), "rolled_back")
            made.late_tokens[lane] = await lanes[lane].token("too-late")
        yield made


# --- orders and commands ---------------------------------------------------------------------------------------------


@each_lane
async def test_a_door_takes_no_bad_order(world: World, lane: str) -> None:
    door = world.lanes[lane]
    for what, (body, path) in BAD_ORDERS.items():
        answer = await door.ask("POST", "door", "/orders", body)
        assert_told(answer, 422, what)
        assert path in answer.paths or not path, f"{what}: {answer}"
    for what, body in MALFORMED.items():
        assert_told(await door.ask("POST", "door", "/orders", body), 400, what)
    for number in range(1, 23):
        assert await door.status(f"bad-{number}") is None, "a refused order is no order"
    for path in (
        "/orders/bad.20",
        "/orders/" + "x" * 65,
        "/orders/bad%20id/trail",
        "/orders?limit=0",
        "/orders?status=x",
    ):
        assert_told(await door.ask("GET", "door", path), 422, path)
    assert_told(await door.ask("DELETE", "door", "/orders/bad-1"), 405, "a method that is not there")


@each_lane
async def test_a_service_takes_no_bad_command(world: World, lane: str) -> None:
    await world.lanes[lane].until("too-late", "rolled_back", within_s=60)  # from here on the books are at rest
    reader = world.lanes[lane].reader()
    before = {service: await reader.effects(service) for service in Service}
    for operation, path in PATH_OF.items():
        service = SERVICE_OF[operation]
        key = {"idempotency-key": f"bad-{operation}"}
        for what, (body, place) in BAD_ORDERS.items():
            answer = await world.lanes[lane].ask("POST", service, path, body, key)
            assert_told(answer, 422, f"{operation}: {what}")
            assert place in answer.paths or not place, f"{operation}: {what}: {answer}"
        for what, body in MALFORMED.items():
            assert_told(await world.lanes[lane].ask("POST", service, path, body, key), 422, f"{operation}: {what}")
        for wrong in ({}, {"idempotency-key": ""}, {"idempotency-key": "k" * 201}):
            answer = await world.lanes[lane].ask("POST", service, path, bad("bad-1"), wrong)
            assert_told(answer, 422, f"{operation}: key {wrong}")
            assert answer.paths == ["header.Idempotency-Key"]
    assert {service: await reader.effects(service) for service in Service} == before


@each_lane
async def test_sizes_and_content_types(world: World, lane: str) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield TWO_MEGABYTES[:100_000]

    key = {"idempotency-key": "k"}
    places = [("door", "/orders"), ("door", "/approvals/x"), *((SERVICE_OF[each], PATH_OF[each]) for each in Operation)]
    for component, path in places:
        for body in (TWO_MEGABYTES, in_pieces()):
            assert_told(await world.lanes[lane].ask("POST", component, path, body, key), 413, path)
        for wrong in WRONG_TYPES:
            headers = {**key, "content-type": wrong}
            assert_told(await world.lanes[lane].ask("POST", component, path, bad("bad-1"), headers), 415, path)


@each_lane
async def test_a_key_belongs_to_one_body_and_one_operation(world: World, lane: str) -> None:
    """Shown with undos of orders that were never placed: they leave a tombstone, but no effect."""
    asked = world.lanes[lane]
    for undo, action in UNDOES.items():
        service, key = SERVICE_OF[undo], {"idempotency-key": f"reused-{undo}"}
        body = world.order("never-placed")
        for replayed in (False, True):
            answer = await asked.ask("POST", service, PATH_OF[undo], body, key)
            assert (answer.status, answer.body["result"], answer.body["replayed"]) == (200, "nothing_to_undo", replayed)
        other = world.order("never-placed", 2)
        for path, reused in ((PATH_OF[undo], other), (PATH_OF[action], body)):
            answer = await asked.ask("POST", service, path, reused, key)
            assert_told(answer, 422, f"{undo}: {path}")
            assert answer.body["error"] == "KeyReused"
        late = await asked.ask("POST", service, PATH_OF[action], body, {"idempotency-key": f"late-{undo}"})
        assert (late.status, late.body["error"]) == (409, "OrderUndone")


# --- orders and approvals --------------------------------------------------------------------------------------------


@each_lane
async def test_an_unknown_product_is_an_outcome(world: World, lane: str) -> None:
    body = order_body("unknown-product", {"sku": "NOT-IN-THE-CATALOGUE", "unit_price_cents": 500}, 3)
    await world.place(lane, body, "rolled_back")
    huge = world.order("more-than-there-is", 10_000)
    await world.place(
        lane, {**huge, "lines": huge["lines"] * 100, "total_cents": huge["total_cents"] * 100}, "rolled_back"
    )
    assert await world.lanes[lane].until("unknown-product") == "rolled_back"
    view = await world.lanes[lane].ask("GET", "door", "/orders/unknown-product")
    assert "UnknownProduct" in view.body["reason"]


@each_lane
async def test_an_odd_order_is_an_order(world: World, lane: str) -> None:
    body = world.order("-_odd_-", ship_to='\x00 "quoted" \r\n\t{{7*7}} Straße 🚀 ' + "x" * 150, customer_id="-")
    await world.place(lane, body, "fulfilled")
    assert await world.lanes[lane].until("-_odd_-") == "fulfilled"
    trail = await world.lanes[lane].ask("GET", "door", "/orders/-_odd_-/trail")
    assert trail.status == 200


@each_lane
async def test_an_order_placed_twice(world: World, lane: str) -> None:
    asked, body = world.lanes[lane], world.order("twice")
    assert await asyncio.gather(*(asked.place(body) for _ in range(5))) == [202] * 5
    world.placed[lane].append((body, "fulfilled"))
    shuffled = dict(reversed(body.items()))
    again = await asked.ask("POST", "door", "/orders", shuffled)
    assert (again.status, again.body["placed"], again.headers["location"]) == (202, "repeated", "/orders/twice")
    assert await asked.until("twice") == "fulfilled"
    assert await asked.place(body) == 202, "also when it is over"
    for other in (world.order("twice", 2), world.order("twice", ship_to="2 Long Road")):
        assert_told(await asked.ask("POST", "door", "/orders", other), 409, "another body")


@each_lane
async def test_two_bodies_racing_for_one_id(world: World, lane: str) -> None:
    asked = world.lanes[lane]
    bodies = [world.order("raced", quantity) for quantity in (1, 2, 3, 4)]
    answers = await asyncio.gather(*(asked.place(body) for body in bodies))
    assert sorted(answers) == [202, 409, 409, 409]
    world.placed[lane].append((bodies[answers.index(202)], "fulfilled"))
    assert await asked.until("raced") == "fulfilled"


@each_lane
async def test_a_decision_is_made_once(world: World, lane: str) -> None:
    asked = world.lanes[lane]
    await world.place(lane, world.large("approved"), "fulfilled")
    await world.place(lane, world.large("rejected"), "rolled_back")
    approved, rejected = await asked.token("approved"), await asked.token("rejected")
    for wrong, status in ((b"{", 400), (b"", 400), ({"decision": "maybe"}, 422), ({}, 422), ({"approve": True}, 422)):
        assert_told(await asked.ask("POST", "door", f"/approvals/{approved}", wrong), status, f"{wrong!r}")
    for token, decision, opposite, end in (
        (approved, "approve", "reject", "fulfilled"),
        (rejected, "reject", "approve", "rolled_back"),
    ):
        first = await asked.decide(token, decision)
        assert (first.status, first.body["decided"]) == (200, "accepted")
        again = await asked.decide(token, decision)
        assert (again.status, again.body["decided"]) == (200, "repeated")
        assert_told(await asked.decide(token, opposite), 409, opposite)
        assert await asked.until(token.split(".")[0]) == end
        assert (await asked.decide(token, decision)).status == 200, "also when it is over"
        assert_told(await asked.decide(token, opposite), 409, f"{opposite}, when it is over")


@each_lane
async def test_a_forged_token_decides_nothing(world: World, lane: str) -> None:
    asked = world.lanes[lane]
    await world.place(lane, world.large("coveted"), "fulfilled")
    await world.place(lane, world.large("other"), "rolled_back")
    own, other = await asked.token("coveted"), await asked.token("other")
    signature = own.rpartition(".")[2]
    forged = [
        own[:-1] + ("0" if own[-1] != "0" else "1"),
        own.upper(),
        own.rpartition(".")[0] + ".",
        own + "0",
        own.replace("coveted", "other"),
        other.rpartition(".")[0] + "." + signature,
        "coveted",
        "..",
        "coveted.1.é",
        "coveted.%00." + signature,
        "x" * 8_000,
    ]
    for token in forged:
        answer = await asked.decide(token, "approve")
        assert_told(answer, 404, token[:100])
    assert await asked.status("coveted") == "waiting_for_approval"
    assert (await asked.decide(own, "approve")).status == 200
    assert (await asked.decide(other, "reject")).status == 200
    assert [await asked.until("coveted"), await asked.until("other")] == ["fulfilled", "rolled_back"]


# --- messages that no component would send ---------------------------------------------------------------------------


async def test_a_malformed_event_becomes_a_dead_letter(world: World) -> None:
    asked, order = world.lanes[CHOREOGRAPHY], Order.model_validate(world.order("bus-2"))
    event = compose(EventType.ORDER_PLACED, OrderPlaced(order=order), source="test", at="2026-01-01T00:00:00Z")
    messages = [
        Message("orders.bus-1.OrderPlaced", b"no event at all"),
        Message(event.subject, event.body[:-1], headers=event.headers),
        Message("orders.bus-3.OrderPlaced", event.body, headers=event.headers),
        Message(
            "orders.bus-4.OrderPlaced", event.body, headers={**event.headers, "ce-type": "lab.saga.OrderPlaced.v9"}
        ),
        Message("orders.bus-5.InventoryReserved", b"\xff\x00", headers={**event.headers, "ce-type": "\t"}),
        Message("orders.bus-6.OrderEaten", b"{}", headers=event.headers),
        Message("orders.bus-7", b"{}"),
        Message("orders.bus-8.LabelVoided.replay.warehouse", orjson.dumps({"order": None}), headers=event.headers),
    ]
    found = await set_apart(asked, messages)
    assert {letter["reason"] for letter in found.values()} == {"malformed"}
    assert "bus-2" in found["orders.bus-3.OrderPlaced"]["cause"], "which order it is really about"
    await nothing_but_a_story(asked, len(messages))
    assert_told(await asked.ask("POST", "door", "/orders", world.order("bus-1")), 409, "the id is taken")


async def test_malformed_work_is_set_apart(world: World) -> None:
    asked = world.lanes[ORCHESTRATION]
    await world.place(ORCHESTRATION, world.large("waiting"), "fulfilled")
    token = await asked.token("waiting")
    start = {"v": 1, "machine": "order_fulfilment", "input": {"order": world.order("bus-4")}, "fingerprint": "f"}
    messages = [
        Message("exec.start.bus-1", b"no JSON"),
        Message("exec.start.bus-2", b"[1]"),
        Message("exec.start.bus-3", b"{}"),
        Message("exec.start.bus-4", orjson.dumps({**start, "machine": "no_such_machine"})),
        Message("exec.wake.bus-5.callback.1", orjson.dumps({"succeeded": 1, "output": {}})),
        Message("exec.wake.bus-6.stop", b""),
        Message("exec.wake.waiting.timer.x", b"\xff"),
        Message("exec.wake.waiting.stop", orjson.dumps({"succeeded": "1", "output": {}})),
    ]
    found = await set_apart(asked, messages)
    await nothing_but_a_story(asked, len(messages))
    assert_told(await asked.ask("POST", "door", "/orders", world.order("bus-1")), 409, "the id is taken")
    number = str(found["exec.start.bus-1"]["seq"])
    assert await asked.status(number) is None, "a dead letter's number is no order's id"
    assert await asked.status("waiting") == "waiting_for_approval"
    assert (await asked.decide(token, "approve")).status == 200
    assert await asked.until("waiting") == "fulfilled"


# --- what the lanes say of themselves --------------------------------------------------------------------------------

DECIDING = [(CHOREOGRAPHY, "door"), (CHOREOGRAPHY, "watch"), (ORCHESTRATION, "door"), (ORCHESTRATION, "conductor-1")]


@pytest.mark.parametrize(("lane", "component"), DECIDING)
async def test_no_document_leads_to_a_5xx(world: World, lane: str, component: str) -> None:
    assert await asyncio.to_thread(probe, world.lab.url(lane, component)), "nothing was tried"


# --- what it did to the lab ------------------------------------------------------------------------------------------


@each_lane
async def test_a_decision_that_comes_too_late(world: World, lane: str) -> None:
    asked = world.lanes[lane]
    assert await asked.until("too-late", "rolled_back", within_s=60) == "rolled_back"
    for decision in ("approve", "reject"):
        assert_told(await asked.decide(world.late_tokens[lane], decision), 410, decision)


@each_lane
async def test_the_books_are_clean(world: World, lane: str) -> None:
    asked = world.lanes[lane]
    ends = {body["order_id"]: end for body, end in world.placed[lane]}
    assert {order_id: await asked.until(order_id) for order_id in ends} == ends
    made_up = await orders_made_up(asked, known=ends.keys())
    for body in made_up:
        await asked.until(body["order_id"])
    found = await asked.judged([*(body for body, _ in world.placed[lane]), *made_up])
    assert found.clean, found.to_json()
    assert {order_id: found.outcomes[order_id].value for order_id in ends} == ends


async def orders_made_up(asked: AskedLane, known: Collection[str]) -> list[Body]:
    """Of the made-up orders, those that the door found to be in order; not the ones that never came through it."""
    listed = (await asked.ask("GET", "door", "/orders?limit=1000")).body
    ids = [each["order_id"] for each in listed if each["order_id"] not in known]
    trails = await asked.reader().trails(order_id for order_id in ids if not order_id.startswith("bus-"))
    return [body for trail in trails.values() if trail is not None and (body := order_body_in(trail)) is not None]


@pytest.mark.parametrize(("lane", "component"), [(lane, service) for lane in LANES for service in Service])
async def test_no_document_of_a_service_leads_to_a_5xx(world: World, lane: str, component: Service) -> None:
    """After the books were looked at: what is asked of a service directly is nobody's order."""
    assert await asyncio.to_thread(probe, world.lab.url(lane, component)), "nothing was tried"
    cleared = await world.lanes[lane].ask("PUT", component, "/faults", {})
    assert cleared.body["plan"]["rules"] == []


@each_lane
async def test_after_all_that_the_lane_works_and_nothing_has_crashed(world: World, lane: str) -> None:
    asked, body = world.lanes[lane], world.order("after-all-that")
    assert await asked.place(body) == 202
    assert await asked.until("after-all-that") == "fulfilled"
    found = await asked.judged([body], only_these=True)
    assert found.clean, found.to_json()
    assert restarted(world.lab) == []
    assert logs_with_traceback(world.lab) == []
