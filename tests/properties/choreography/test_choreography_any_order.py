"""Whatever is delivered when, how often and with whatever dying in between: one order ends, and its books are clean."""

from hypothesis import given, settings
from hypothesis import strategies as st

from choreography.events import EventType
from services.guards import Guards
from services.operations import Operation, Service
from services.order import Line, Order
from tests.properties.choreography.world import STOCK, World


def order_of(quantity: int, unit_price_cents: int) -> Order:
    line = Line(sku="SKU-1", quantity=quantity, unit_price_cents=unit_price_cents)
    return Order(
        order_id="o-1",
        customer_id="c-1",
        lines=(line,),
        total_cents=quantity * unit_price_cents,
        currency="EUR",
        ship_to="here",
    )


orders = st.builds(order_of, st.integers(1, STOCK + 1), st.sampled_from([1_000, 60_000]))
STEPS = ("deliver", "deliver", "deliver", "again", "die", "give up", "expire", "approve", "reject")


def step(world: World, what: str, data: st.DataObject) -> None:
    match what:
        case "deliver" | "die" if world.deliveries():
            service, message = data.draw(st.sampled_from(world.deliveries()))
            world.deliver(service, message, die_before_publishing=what == "die")
        case "again" if world.earlier():
            world.deliver(*data.draw(st.sampled_from(world.earlier())))
        case "give up" if world.actions():
            world.give_up(*data.draw(st.sampled_from(world.actions())))
        case "expire":
            world.expire()
        case "approve" | "reject":
            world.decide(approve=what == "approve")
        case _:
            pass  # nothing to do it with


@settings(max_examples=300, deadline=None)
@given(order=orders, steps=st.lists(st.sampled_from(STEPS), max_size=30), data=st.data())
def test_every_order_ends_with_clean_books(order: Order, steps: list[str], data: st.DataObject) -> None:
    world = World(order)
    ended: str | None = None
    for what in steps:
        step(world, what, data)
        status = world.story().status()
        assert ended in (None, status), f"it had ended as {ended}, and now it is {status}"
        ended = status if status in ("fulfilled", "rolled_back") else None
    world.run(lambda pending: data.draw(st.sampled_from(pending)))
    assert world.faults() == []
    assert not any(room.unsent and not _told(world, room.unsent) for room in world.rooms.values())


def _told(world: World, unsent: list) -> bool:  # type: ignore[type-arg]
    stored = {message.id for message in world.stored}
    return all(message.id in stored for message in unsent)


# --- each guard is there for a reason: without it, the same look at the books finds a fault ---------------------------


def first_come(pending: list) -> tuple:  # type: ignore[type-arg]
    return pending[0]


def undone_before_it_is_done(guards: Guards) -> World:
    """The charge waits for its retry while the order expires and is undone."""
    world = World(order_of(1, 1_000), guards)
    world.expire()
    world.run(lambda pending: next((p for p in pending if p[1].subject.split(".")[2] != "OrderPlaced"), pending[0]))
    return world


def test_the_tombstone() -> None:
    assert undone_before_it_is_done(Guards()).faults() == []
    assert undone_before_it_is_done(Guards(tombstone=False)).faults() != []


def delivered_twice(guards: Guards) -> World:
    world = World(order_of(1, 1_000), guards)
    world.run(first_come)
    for service, message in world.earlier():
        world.deliver(service, message)
    return world


def test_the_inbox_alone_and_the_idempotency_record_alone_hold_off_repeats() -> None:
    assert delivered_twice(Guards(idempotency=False)).faults() == []
    assert delivered_twice(Guards(inbox=False)).faults() == []
    assert "double charge" in delivered_twice(Guards(inbox=False, idempotency=False)).faults()


def undone_for_two_reasons(guards: Guards) -> World:
    """Two different messages ask for the same undo, which no inbox can notice."""
    world = World(order_of(1, 1_000), guards)
    for _ in range(2):
        world.deliver(*world.deliveries()[0])
    world.give_up(*world.actions()[0])
    world.expire()
    world.run(first_come)
    return world


def test_the_idempotency_record() -> None:
    assert undone_for_two_reasons(Guards()).faults() == []
    assert "double void_label" in undone_for_two_reasons(Guards(idempotency=False)).faults()


def dies_before_publishing(guards: Guards) -> World:
    world = World(order_of(1, 1_000), guards)
    world.deliver(*world.deliveries()[0], die_before_publishing=True)
    world.run(first_come)
    return world


def test_the_outbox() -> None:
    assert dies_before_publishing(Guards()).faults() == []
    assert "stuck: in_progress" in dies_before_publishing(Guards(outbox=False)).faults()


def out_of_stock(removed: frozenset[str]) -> World:
    world = World(order_of(STOCK + 1, 1_000), removed=removed)
    world.run(first_come)
    return world


def test_a_compensation_row() -> None:
    assert out_of_stock(frozenset()).faults() == []
    for undo in (Operation.RELEASE, Operation.REFUND):
        assert "stuck: undoing" in out_of_stock(frozenset({f"compensation:{undo}"})).faults()


def test_an_order_that_was_told_to_be_printed_is_not_given_up() -> None:
    world = World(order_of(1, 1_000))
    for _ in range(2):
        world.deliver(*world.deliveries()[0])
    ((service, message),) = world.deliveries()
    assert service is Service.SHIPPING
    world.deliver(service, message, die_before_publishing=True)
    world.give_up(service, message)
    world.run(first_come)
    assert world.story().status() == "fulfilled"
    assert EventType.SHIPPING_FAILED not in world.story().types
