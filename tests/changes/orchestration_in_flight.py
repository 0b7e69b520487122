"""Orders begun under one definition of the machine and finished under another, in memory, with the real rules.

``before FILE`` stores an execution at every state that waits for an answer; ``after FILE``, run in the changed tree,
lets each go on: the order's machine is built into the conductor, so a running execution meets the new definition.
"""

import json
import pickle
import sys
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestration.asl.interpreter import Status
from orchestration.asl.protocol import ExecutionStarted, Input, RunTask, TaskFailed, TaskSucceeded
from orchestration.orders.definition import OPERATION_OF_RESOURCE, load_order_machine
from services.commands import Result
from services.guards import Guards
from services.operations import SERVICE_OF, Operation, Service
from services.order import Line, Order
from services.practices import PRESETS
from services.rules import OrderState, decide
from tests.unit.asl.world import World

STOCK = 3
# Name -> quantity, unit price, what fails technically, whether the manager says yes.
WAYS: dict[str, tuple[int, int, Operation | None, bool]] = {
    "small": (1, 1_000, None, True),
    "approved": (1, 60_000, None, True),
    "rejected": (1, 60_000, None, False),
    "sold out": (STOCK + 1, 1_000, None, True),
    "no label": (1, 1_000, Operation.PRINT_LABEL, True),
    "suspicious": (500, 1, None, True),
}
# Whom the changed rules judge otherwise; to end so is right.
JUDGED_ANEW = {"suspicious"}


@dataclass
class Books:
    """What the services did; ``available`` pieces are on the shelf."""

    way: str
    order: Order
    available: int
    states: dict[Service, OrderState] = field(default_factory=dict)

    def answer(self, task: RunTask) -> Iterable[Input]:
        operation = OPERATION_OF_RESOURCE.get(task.resource)
        _, _, fails, approve = WAYS[self.way]
        if operation is None:
            no = TaskFailed(task.entry, "ApprovalRejected", "no")
            return (TaskSucceeded(task.entry, {"decision": "approve"}) if approve else no,)
        if operation is fails:
            return (TaskFailed(task.entry, "Http.Unavailable", "broken"),)
        service = SERVICE_OF[operation]
        state = self.states.get(service, OrderState())
        stock = {"SKU-1": self.available}
        decision = decide(operation, self.order, state, available=stock, refusal=None, guards=Guards())
        if decision.effect is not None:
            self.states[service] = state.after(decision.effect)
        if decision.tombstone:
            self.states[service] = self.states.get(service, OrderState()).buried()
        if decision.answer.result is Result.REFUSED:
            return (TaskFailed(task.entry, str(decision.answer.refusal), "refused"),)
        return (TaskSucceeded(task.entry, {"result": decision.answer.result.value}),)

    def net(self, service: Service) -> int:
        state = self.states.get(service, OrderState())
        return state.actions - state.undos


@dataclass
class Paused:
    """An execution whose next answer is on its way; ``moment`` is the state that waits for it."""

    moment: str
    world: World
    books: Books


def machine() -> Any:
    return load_order_machine(
        PRESETS["hardened"],
        time_scale=1.0,
        approval_threshold_cents=50_000,
        approval_timeout_s=31_536_000.0,
        call_timeout_s=10.0,
    )


def moments(way: str) -> Iterator[Paused]:
    quantity, unit_price_cents, _, _ = WAYS[way]
    line = Line(sku="SKU-1", quantity=quantity, unit_price_cents=unit_price_cents)
    total_cents = quantity * unit_price_cents
    order = Order(
        order_id="o-1", customer_id="c-1", lines=(line,), total_cents=total_cents, currency="EUR", ship_to="here"
    )
    books = Books(way, order, quantity if way == "suspicious" else STOCK)
    world = World(machine(), books.answer)
    world.give(ExecutionStarted("execution-1", {"order": order.model_dump(mode="json")}, {}))
    yield from going_on(world, books)


def going_on(world: World, books: Books) -> Iterator[Paused]:
    """Until it has ended; the last one has."""
    while world.state.status is Status.RUNNING and (event := world.next_event()) is not None:
        if isinstance(event, TaskSucceeded | TaskFailed):
            stopped = replace(world, machine=None, answer=None, mail=[event])
            yield deepcopy(Paused(world.state_of(event.entry), stopped, books))
        world.give(event)
    yield deepcopy(Paused("", replace(world, machine=None, answer=None), books))


def end_of(paused: Paused) -> str:
    world, books = paused.world, paused.books
    nets = {service.value: books.net(service) for service in (Service.PAYMENT, Service.WAREHOUSE, Service.SHIPPING)}
    match world.state.status:
        case Status.SUCCEEDED if set(nets.values()) == {1}:
            return "fulfilled"
        case Status.FAILED if not any(nets.values()) and world.entered()[-1] == "RolledBack":
            return "rolled back"
        case status:
            return f"wrong books ({status.value.lower()}: {nets})"


def before() -> list[tuple[Paused, str]]:
    found = []
    for way in WAYS:
        *on_the_way, last = moments(way)
        found += [(paused, end_of(last)) for paused in on_the_way]
    return found


def after(found: list[tuple[Paused, str]]) -> dict[str, str]:
    """State at the switch -> what becomes of the order, where it does not go on to the end that it would have had."""
    fates: dict[str, str] = {}
    for paused, wanted in found:
        world, books = paused.world, paused.books
        world.machine, world.answer = machine(), books.answer
        *_, last = going_on(world, books)
        ends = end_of(last)
        if ends != wanted and not (books.way in JUDGED_ANEW and ends == "rolled back"):
            fates[paused.moment] = max(fates.get(paused.moment, ""), ends)
    return fates


def main(what: str, file: str) -> None:
    if what == "before":
        Path(file).write_bytes(pickle.dumps(before()))
    else:
        sys.stdout.write(json.dumps(after(pickle.loads(Path(file).read_bytes()))))


if __name__ == "__main__":
    main(*sys.argv[1:])
