"""The verdict on one lane: outcomes, anomalies by kind with first and worst order, money and stock conserved."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.auditor.anomalies import FINDERS, Anomaly, BookOutcome, Case, outcome_of
from lab.auditor.books import Books, fold
from lab.auditor.evidence import AcceptedOrder, Evidence


@dataclass(frozen=True)
class Tally:
    """One kind of anomaly.

    ``first`` is the earliest order that shows it, in the order of acceptance (phantoms after all others); ``worst`` is
    the one with the most money at stake, the earliest of equals.
    """

    count: int
    first: str
    worst: str
    worst_cents: int

    def to_json(self) -> dict[str, Any]:
        return {"count": self.count, "first": self.first, "worst": self.worst, "worst_cents": self.worst_cents}


@dataclass(frozen=True)
class Money:
    """Conserved: what was kept (charged less refunded) is the value of the orders with a live label."""

    charged_cents: int
    refunded_cents: int
    shipped_cents: int

    @property
    def conserved(self) -> bool:
        return self.charged_cents - self.refunded_cents == self.shipped_cents


@dataclass(frozen=True)
class Stock:
    """Conserved: every product's snapshot agrees with the ledger, and what is reserved is what was shipped."""

    seeded: int
    available: int
    reserved: int  # reserved less released, by the ledger
    shipped: int  # pieces of the orders with a live label
    disagreeing: tuple[str, ...]  # products whose snapshot and ledger differ

    @property
    def conserved(self) -> bool:
        return not self.disagreeing and self.reserved == self.shipped


@dataclass(frozen=True)
class Audit:
    """``outcomes`` of the books by order; ``anomalies`` by order, only for orders that have any."""

    orders: int
    outcomes: dict[str, BookOutcome]
    anomalies: dict[str, tuple[Anomaly, ...]]
    tallies: dict[Anomaly, Tally]
    money: Money
    stock: Stock

    @property
    def clean(self) -> bool:
        return not self.tallies and self.money.conserved and self.stock.conserved

    def outcome_counts(self) -> dict[str, int]:
        counts = {outcome.value: 0 for outcome in BookOutcome}
        for outcome in self.outcomes.values():
            counts[outcome.value] += 1
        return counts

    def to_json(self) -> dict[str, Any]:
        return {
            "orders": self.orders,
            "outcomes": self.outcome_counts(),
            "anomalies": {kind.value: tally.count for kind, tally in self.tallies.items()},
            "anomaly_orders": {kind.value: tally.to_json() for kind, tally in self.tallies.items()},
            "anomalous_orders": len(self.anomalies),
            "clean": self.clean,
            "money": {**vars(self.money), "conserved": self.money.conserved},
            "stock": {**vars(self.stock), "conserved": self.stock.conserved},
        }


def audit(evidence: Evidence) -> Audit:
    """Judge one lane. Raises ``ValueError`` for a ledger that holds what no service does."""
    books = fold(evidence.effects, evidence.stock)
    outcomes: dict[str, BookOutcome] = {}
    anomalies: dict[str, tuple[Anomaly, ...]] = {}
    tallies: dict[Anomaly, Tally] = {}
    shipped_cents = shipped_pieces = 0
    for case in _cases(evidence, books):
        if case.order is not None:
            outcomes[case.order_id] = case.outcome
            if case.books.live_labels:
                shipped_cents += case.order.total_cents
                shipped_pieces += sum(quantity for _, quantity, _ in case.order.lines)
        found: list[Anomaly] = []
        for kind, finder in FINDERS.items():
            at_stake = finder(case)
            if at_stake is not None:
                found.append(kind)
                tallies[kind] = _counted(tallies.get(kind), case.order_id, at_stake)
        if found:
            anomalies[case.order_id] = tuple(found)
    charged = sum(each.charged_cents for each in books.values())
    refunded = sum(each.refunded_cents for each in books.values())
    return Audit(
        orders=len(evidence.accepted),
        outcomes=outcomes,
        anomalies=anomalies,
        tallies={kind: tallies[kind] for kind in Anomaly if kind in tallies},
        money=Money(charged, refunded, shipped_cents),
        stock=_stock(evidence, books, shipped_pieces),
    )


def _cases(evidence: Evidence, books: dict[str, Books]) -> Iterator[Case]:
    """Accepted orders as accepted, then unanswered ones that left a trace, then orders that nobody placed."""
    placed: set[str] = set()
    for order in evidence.accepted:
        if order.order_id not in placed:
            placed.add(order.order_id)
            yield _case(evidence, order.order_id, order, True, books)
    for order in evidence.unanswered:
        if order.order_id in placed:
            continue
        placed.add(order.order_id)
        known = evidence.stories is not None and evidence.stories.get(order.order_id) is not None
        if order.order_id in books or known:
            yield _case(evidence, order.order_id, order, False, books)
    for order_id in books:
        if order_id not in placed:
            yield _case(evidence, order_id, None, False, books)


def _case(
    evidence: Evidence, order_id: str, order: AcceptedOrder | None, answered: bool, books: dict[str, Books]
) -> Case:
    own = books.get(order_id) or Books()
    told = evidence.stories is not None
    story = evidence.stories.get(order_id) if evidence.stories is not None else None
    return Case(order_id, order, answered, own, outcome_of(order, own), told, story)


def _counted(tally: Tally | None, order_id: str, at_stake: int) -> Tally:
    if tally is None:
        return Tally(1, order_id, order_id, at_stake)
    if at_stake > tally.worst_cents:
        return Tally(tally.count + 1, tally.first, order_id, at_stake)
    return Tally(tally.count + 1, tally.first, tally.worst, tally.worst_cents)


def _stock(evidence: Evidence, books: dict[str, Books], shipped: int) -> Stock:
    reserved: dict[str, int] = {}
    for each in books.values():
        for sku, quantity in each.pieces.items():
            reserved[sku] = reserved.get(sku, 0) + quantity
    disagreeing = (
        sorted(sku for sku, level in evidence.stock.items() if level.seeded - level.available != reserved.get(sku, 0))
        + sorted(sku for sku in reserved if sku not in evidence.stock)
        if evidence.stock
        else []
    )
    return Stock(
        seeded=sum(level.seeded for level in evidence.stock.values()),
        available=sum(level.available for level in evidence.stock.values()),
        reserved=sum(reserved.values()),
        shipped=shipped,
        disagreeing=tuple(disagreeing),
    )
