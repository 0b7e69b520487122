"""Orders begun under one reaction table and finished under another, in memory, with the real rules of the services.

``before FILE`` stores an order's world at every moment of its way; ``after FILE``, run in the changed tree, lets each
go on. What is assumed of the broker: a consumer whose filter has changed hears what it had not acknowledged and still
fits, and what comes from now on; nothing older, even if the new filter fits it (its place may be past that).
"""

import json
import pickle
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

from choreography.events import EventType
from choreography.reactions import wiring
from services.operations import Service
from services.order import Line, Order
from services.trail import ENDED, OrderStatus
from tests.properties.choreography.world import STOCK, Room, World

# Name -> quantity, unit price, whether shipping gives up, what the manager says.
WAYS = {
    "small": (1, 1_000, False, True),
    "approved": (1, 60_000, False, True),
    "rejected": (1, 60_000, False, False),
    "sold out": (STOCK + 1, 1_000, False, True),
    "no label": (1, 1_000, True, True),
    "suspicious": (500, 1, False, True),
}
# Whom the changed rules judge otherwise; to end so is right.
JUDGED_ANEW = {"suspicious"}


def start(way: str) -> World:
    quantity, unit_price_cents, _, _ = WAYS[way]
    line = Line(sku="SKU-1", quantity=quantity, unit_price_cents=unit_price_cents)
    order = Order(
        order_id="o-1",
        customer_id="c-1",
        lines=(line,),
        total_cents=quantity * unit_price_cents,
        currency="EUR",
        ship_to="here",
    )
    world = World(order)
    if way == "suspicious":
        world.rooms[Service.WAREHOUSE].loaded.stock["SKU-1"] = quantity
    return world


def step(world: World, way: str) -> bool:
    """The next thing that happens; False: nothing will any more."""
    _, _, no_label, approve = WAYS[way]
    if world.deliveries():
        service, message = world.deliveries()[0]
        (row,) = world.rows(service, message)
        if no_label and row.done is EventType.LABEL_PRINTED:
            world.give_up(service, message)
        else:
            world.deliver(service, message)
        return True
    waiting = world.story().status() is OrderStatus.WAITING_FOR_APPROVAL
    world.decide(approve=approve)
    return waiting


def moments(way: str) -> Iterator[World]:
    world = start(way)
    yield deepcopy(world)
    while step(world, way):
        yield deepcopy(world)


def switched(world: World) -> World:
    world.table = wiring()
    for service, room in world.rooms.items():
        room.pending = [message for message in room.pending if world.rows(service, message)]
    for service in Service:
        world.rooms.setdefault(service, Room())
    return world


def fate(world: World, way: str, wanted: OrderStatus) -> str:
    """``wanted``: how it would have ended without the change."""
    expired = False
    while step(world, way):
        pass
    if world.story().status() is OrderStatus.IN_PROGRESS:
        world.expire()
        expired = True
        while step(world, way):
            pass
    status = world.story().status()
    faults = [fault for fault in world.faults() if not fault.startswith("stock")]
    if status not in ENDED:
        return "parked for a person"
    if faults:
        return f"wrong books ({', '.join(faults)})"
    if expired:
        return "cancelled by the deadline watch"
    return "goes on" if status is wanted or way in JUDGED_ANEW else f"ends as {status}"


def before() -> list[tuple[str, World, OrderStatus]]:
    found = []
    for way in WAYS:
        worlds = list(moments(way))
        found += [(way, world, worlds[-1].story().status()) for world in worlds]
    return found


def after(found: list[tuple[str, World, OrderStatus]]) -> dict[str, str]:
    """Last event before the switch -> what becomes of the order, where it does not go on."""
    fates: dict[str, str] = {}
    for way, world, wanted in found:
        last = world.event(world.stored[-1]).type.value
        ends = fate(switched(world), way, wanted)
        if ends != "goes on":
            fates[last] = max(fates.get(last, ""), ends)  # "wrong books" is last in the alphabet too
    return fates


def main(what: str, file: str) -> None:
    if what == "before":
        Path(file).write_bytes(pickle.dumps(before()))
    else:
        sys.stdout.write(json.dumps(after(pickle.loads(Path(file).read_bytes()))))


if __name__ == "__main__":
    main(*sys.argv[1:])
