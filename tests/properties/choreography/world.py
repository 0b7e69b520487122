"""The whole choreography in memory, without a broker: the real table, events and rules, and an adversary.

The adversary chooses who gets which message next, gives it again, kills a service between its commit and its
publishing, makes it give up, and expires the order. Nothing here decides anything by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from choreography.cloud_events import Event, compose, parse, subject_of
from choreography.events import ApprovalGranted, ApprovalRejected, EventType, OrderExpired, OrderPlaced
from choreography.reactions import Reaction, reactions_for, wiring
from choreography.status import Story, story_of, told
from choreography.telling import asked, command_for, told_when_given_up
from services.commands import Outgoing
from services.errors import Unavailable
from services.faults.plan import NO_FAULTS
from services.guards import Guards
from services.ledger.batch import Loaded, Request, Terms, decide_batch
from services.operations import Operation, Service
from services.order import Order

THRESHOLD_CENTS = 50_000
STOCK = 3


@dataclass
class Room:
    """A service: its ledger, its outbox, and what it has not acknowledged."""

    loaded: Loaded = field(default_factory=lambda: Loaded(stock={"SKU-1": STOCK}))
    effects: list[tuple[Operation, str]] = field(default_factory=list)
    unsent: list[Outgoing] = field(default_factory=list)
    pending: list[Outgoing] = field(default_factory=list)
    done: list[Outgoing] = field(default_factory=list)


class World:
    """One order's world. ``guards`` and ``removed`` take things out, to show what they are for."""

    def __init__(self, order: Order, guards: Guards | None = None, removed: frozenset[str] = frozenset()) -> None:
        self.order = order
        self.guards = guards or Guards()
        self.table = wiring(removed)
        self.stored: list[Outgoing] = []
        self.rooms = {service: Room() for service in Service}
        placed = compose(EventType.ORDER_PLACED, OrderPlaced(order=order), source="door", at="")
        self.store(placed)

    # --- the broker ----------------------------------------------------------------------------------------------

    def store(self, message: Outgoing) -> None:
        """A repeated id is stored once, as within the broker's window."""
        if any(each.id == message.id for each in self.stored):
            return
        self.stored.append(message)
        for service, room in self.rooms.items():
            if self.rows(service, message):
                room.pending.append(message)

    def rows(self, service: Service, message: Outgoing) -> tuple[Reaction, ...]:
        event = self.event(message)
        return reactions_for(service, event.type, event.body, THRESHOLD_CENTS, self.table)

    @staticmethod
    def event(message: Outgoing) -> Event:
        return parse(message.subject, message.headers, message.body)

    # --- what can happen -----------------------------------------------------------------------------------------

    def deliver(self, service: Service, message: Outgoing, *, die_before_publishing: bool = False) -> None:
        """A delivery, the first or another one."""
        room, event = self.rooms[service], self.event(message)
        (row,) = self.rows(service, message)
        if row.operation is None:
            self.store(compose(*asked(self.order), source=service, at="", cause=event))
        else:
            replayed = self.execute(service, row.operation, row, event, die_before_publishing)
            if die_before_publishing:
                return
            if replayed and self.guards.outbox:
                self.settle(service)
        self.acknowledge(room, message)

    def execute(
        self, service: Service, operation: Operation, row: Reaction, event: Event, die_before_publishing: bool
    ) -> bool:
        room = self.rooms[service]
        command, made = command_for(service, operation, row, event, self.order, at="")
        terms = Terms(service, NO_FAULTS, self.guards, "", ValueError)
        (outcome,), written = decide_batch([Request(command, "hash")], room.loaded, terms)
        assert outcome.answer is not None, outcome.error
        room.effects += [(Operation(each["operation"]), str(each["ref"])) for each in written.effects]
        if not self.guards.outbox and not outcome.answer.replayed:
            assert command.outgoing is not None
            command.outgoing(outcome.answer)
        room.unsent += written.outgoing
        if not die_before_publishing and not outcome.answer.replayed:
            for message in made:
                self.store(message)
        return outcome.answer.replayed

    def give_up(self, service: Service, message: Outgoing) -> None:
        """Retries used up: tells the failure unless the success was told, as ``recovery`` does."""
        room, event = self.rooms[service], self.event(message)
        (row,) = self.rows(service, message)
        news = told_when_given_up(row, self.order, Unavailable("x", kind="error", attempt=4))
        if news is None:
            return
        self.settle(service)
        success = subject_of(self.order.order_id, row.done)
        if not any(each.subject == success for each in self.stored):
            self.store(compose(*news, source=service, at="", cause=event))
        self.acknowledge(room, message)

    def settle(self, service: Service) -> None:
        room = self.rooms[service]
        for message in room.unsent:
            self.store(message)
        room.unsent.clear()

    def expire(self) -> None:
        if self.story().status() not in ("fulfilled", "rolled_back"):
            body = OrderExpired(order=self.order, quiet_s=1, last_event="")
            self.store(compose(EventType.ORDER_EXPIRED, body, source="watch", at=""))

    def decide(self, *, approve: bool) -> None:
        if self.story().status() == "waiting_for_approval":
            model = ApprovalGranted if approve else ApprovalRejected
            self.store(compose(EventType(model.__name__), model(order=self.order), source="door", at=""))

    @staticmethod
    def acknowledge(room: Room, message: Outgoing) -> None:
        if message in room.pending:
            room.pending.remove(message)
            room.done.append(message)

    # --- looking at it -------------------------------------------------------------------------------------------

    def deliveries(self) -> list[tuple[Service, Outgoing]]:
        return [(service, message) for service, room in self.rooms.items() for message in room.pending]

    def earlier(self) -> list[tuple[Service, Outgoing]]:
        return [(service, message) for service, room in self.rooms.items() for message in room.done]

    def actions(self) -> list[tuple[Service, Outgoing]]:
        return [(s, m) for s, m in self.deliveries() if all(row.failed is not None for row in self.rows(s, m))]

    def run(self, choose: Callable[[list[tuple[Service, Outgoing]]], tuple[Service, Outgoing]]) -> None:
        """Let everything happen that still must."""
        for _ in range(200):
            if not self.deliveries():
                if self.story().status() != "waiting_for_approval":
                    return
                self.decide(approve=True)
                continue
            self.deliver(*choose(self.deliveries()))
        raise AssertionError("it never ends")

    def story(self) -> Story:
        return story_of(told(m.subject, m.body, n, 0.0) for n, m in enumerate(self.stored, 1))

    def count(self, operation: Operation) -> int:
        return sum(done is operation for room in self.rooms.values() for done, _ in room.effects)

    def faults(self) -> list[str]:
        """What an auditor would say: nothing, if the books are clean and agree with the story."""
        net = {
            "charge": self.count(Operation.CHARGE) - self.count(Operation.REFUND),
            "reserve": self.count(Operation.RESERVE) - self.count(Operation.RELEASE),
            "label": self.count(Operation.PRINT_LABEL) - self.count(Operation.VOID_LABEL),
        }
        status = self.story().status()
        wanted = {"fulfilled": 1, "rolled_back": 0}.get(status)
        if wanted is None:
            return [f"stuck: {status}", *(f"{what} {n}" for what, n in net.items() if n)]
        doubled = [op for op in Operation if self.count(op) > 1]
        quantity = sum(line.quantity for line in self.order.lines)
        left = STOCK - quantity * net["reserve"] - self.rooms[Service.WAREHOUSE].loaded.stock["SKU-1"]
        return [
            *(f"{status}, but {what} {n}" for what, n in net.items() if n != wanted),
            *(f"double {op}" for op in doubled),
            *([f"stock differs by {left}"] if left else []),
        ]
