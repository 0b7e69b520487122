"""What a check is shown of a running lab: plain data from trails, ledgers, injected faults, processes and the broker.

Must not know how it was read (``gathering``) nor what it is good for (``checks``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lab.topology import LANES
from services.trail import OrderStatus, TrailEntry

MOVING: Final = frozenset({OrderStatus.IN_PROGRESS, OrderStatus.UNDOING})


@dataclass(frozen=True)
class SeenEffect:
    """One row of a ledger."""

    service: str
    operation: str
    amount_cents: int
    attempt: int
    at_s: float


@dataclass(frozen=True)
class SeenFault:
    """One fault that was injected: the ground truth."""

    operation: str
    kind: str
    attempt: int
    at_s: float


@dataclass(frozen=True)
class SeenOrder:
    """One order in one lane. ``moments`` is its trail; ``anomalies`` is what the auditor says of its books."""

    order_id: str
    status: OrderStatus
    accepted_s: float
    finished_s: float | None = None
    moments: tuple[TrailEntry, ...] = ()
    effects: tuple[SeenEffect, ...] = ()
    faults: tuple[SeenFault, ...] = ()
    anomalies: tuple[str, ...] = ()

    def count(self, operation: str) -> int:
        return sum(effect.operation == operation for effect in self.effects)

    def met(self, kind: str, operation: str) -> list[SeenFault]:
        """The faults of a kind that hit an operation, first attempt first."""
        found = [fault for fault in self.faults if (fault.kind, fault.operation) == (kind, operation)]
        return sorted(found, key=lambda fault: fault.attempt)


@dataclass(frozen=True)
class SeenProcess:
    """``started_s``: when its present run began; None while it does not answer."""

    component: str
    restarts: int
    last_exit: str | None
    started_s: float | None


@dataclass(frozen=True)
class SeenSubscriber:
    """A consumer of the lane's events that is no part of the wiring."""

    name: str
    created_s: float
    heard: int


@dataclass(frozen=True)
class SeenLane:
    """``orders``: newest first, not all where there are many; ``placed`` counts all. ``messages`` and ``stored_bytes``
    are those of the stream of its orders; ``unacknowledged`` events will be delivered to a service again.
    """

    lane: str
    off: frozenset[str] = frozenset()  # practices that are switched off
    orders: tuple[SeenOrder, ...] = ()
    processes: tuple[SeenProcess, ...] = ()
    subscribers: tuple[SeenSubscriber, ...] = ()
    placed: int = 0
    unacknowledged: int = 0
    messages: int = 0
    stored_bytes: int = 0


@dataclass(frozen=True)
class SeenExecution:
    """A Standard execution of a machine that is not the orders' own."""

    machine: str
    name: str
    status: str


@dataclass(frozen=True)
class SeenLab:
    """``express_ended``: a count is all that is left of them. ``dollars``: what AWS would have asked since the
    processes started, by kind of execution.
    """

    lanes: Mapping[str, SeenLane] = field(default_factory=dict)
    executions: tuple[SeenExecution, ...] = ()
    express_ended: int = 0
    dollars: Mapping[str, float] = field(default_factory=dict)

    def lane(self, name: str) -> SeenLane:
        return self.lanes.get(name, SeenLane(name))

    @property
    def moving(self) -> bool:
        """Whether an order is still on its way by itself: what is not met yet may be met in a moment."""
        return any(
            lane.unacknowledged or any(order.status in MOVING for order in lane.orders) for lane in self.lanes.values()
        )

    def both(self) -> tuple[SeenLane, ...]:
        return tuple(self.lane(name) for name in LANES)
