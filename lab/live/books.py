"""Judging one lane while orders move through it: what of the books is wrong now. Pure: news in, figures out.

The auditor judges at the horizon; here the same finders are asked at every moment, of what cannot become right by
itself any more. Of an order that has ended that is everything. Of one on its way it is what no later effect takes back
(a second charge stays a second charge), and, where it is stuck, that too. Whether an order on its way is only half
fulfilled is no anomaly; it is counted apart as open books.

An order's total and goods are taken from its own first effects, since asking the door for each order would cost as much
as the order: a wrong amount is for ``lab audit`` to find. Orders are kept for good, some 300 bytes each, unless it is
said how many of those that ended well are enough.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from lab.auditor import AcceptedOrder, Anomaly, Effect, StockLevel
from lab.auditor.anomalies import FINDERS, BookOutcome, Case, outcome_of
from lab.auditor.books import Books, post

# What later effects cannot take back.
LASTING: Final = (
    Anomaly.DOUBLE_CHARGE,
    Anomaly.DOUBLE_REFUND,
    Anomaly.DOUBLE_RESERVE,
    Anomaly.DOUBLE_LABEL,
    Anomaly.UNDO_WITHOUT_DO,
    Anomaly.OVERSOLD,
)
# What is judged order by order here: all but what the lane must be asked for, and ``lost``, which cannot be told
# without a list of what was placed, kept by whoever placed it.
BY_ORDER: Final[tuple[Anomaly, ...]] = tuple(
    kind for kind in Anomaly if kind not in (Anomaly.LOST, Anomaly.STUCK, Anomaly.PHANTOM)
)

# What every order is for, until its first effects say what exactly.
SOME_CENTS: Final = 1
SOME_GOODS: Final = (("?", 1, 0),)


@dataclass(frozen=True)
class Figures:
    """One sample. ``anomalies`` has every kind that can be told live, also those at 0."""

    anomalies: Mapping[Anomaly, int]
    open_books: int  # orders whose books are neither fulfilled nor rolled back now
    cents_at_risk: int  # charged net, with no live label
    pieces_at_risk: int  # set aside, with no live label


@dataclass(slots=True)
class _Order:
    books: Books = field(default_factory=Books)
    total_cents: int | None = None
    lines: tuple[tuple[str, int, int], ...] = ()
    ended: str | None = None
    found: tuple[Anomaly, ...] = ()
    open: bool = False
    cents_at_risk: int = 0
    pieces_at_risk: int = 0


class LiveBooks:
    """Feed it effects and outcomes as they come, each once; ask for the figures whenever wanted.

    ``remember``: how many orders that ended well are kept, in case that something more is done for them; None: all.
    """

    def __init__(self, seeded: Mapping[str, StockLevel], *, remember: int | None = None) -> None:
        self._shelf = {sku: level.seeded for sku, level in seeded.items()}
        self._orders: dict[str, _Order] = {}
        self._remember = remember
        self._well: dict[str, None] = {}  # ended well, the longest ago first
        self._wrong: dict[str, _Order] = {}
        self._counts: Counter[Anomaly] = Counter()
        self._open = self._cents_at_risk = self._pieces_at_risk = 0

    def hear_effects(self, effects: Iterable[Effect]) -> None:
        touched = set()
        for effect in effects:
            order = self._orders.setdefault(effect.order_id, _Order())
            if effect.operation == "charge" and order.total_cents is None:
                order.total_cents = effect.amount_cents
            if effect.operation == "reserve" and not order.lines:
                order.lines = tuple((sku, pieces, 0) for sku, pieces in effect.lines)
            post(order.books, effect, self._shelf)
            touched.add(effect.order_id)
        for order_id in touched:
            self._judge(order_id)
        self._forget()

    def hear_ends(self, ends: Mapping[str, str]) -> None:
        """Order -> status, of orders that have ended; a later end of the same order (redriven) takes its place."""
        for order_id, status in ends.items():
            self._orders.setdefault(order_id, _Order()).ended = status
            self._judge(order_id)
        self._forget()

    def figures(self, *, stuck: int = 0, strangers: Iterable[str] = ()) -> Figures:
        """``stuck``: how many open orders nobody moves; ``strangers``: orders in the ledgers that the lane denies."""
        phantoms = sum(1 for order_id in strangers if order_id in self._orders)
        counts = {kind: self._counts[kind] for kind in BY_ORDER} | {Anomaly.STUCK: stuck, Anomaly.PHANTOM: phantoms}
        return Figures(counts, self._open, self._cents_at_risk, self._pieces_at_risk)

    def wrong(self) -> dict[str, tuple[Anomaly, ...]]:
        """Orders whose books are wrong now, the longest so first, each with what is wrong."""
        return {order_id: order.found for order_id, order in self._wrong.items()}

    def ended(self, order_id: str) -> str | None:
        """The status with which it ended, of an order that is remembered."""
        order = self._orders.get(order_id)
        return order.ended if order is not None else None

    def unended(self) -> set[str]:
        """Orders that the ledgers mention and that have no outcome yet."""
        return {order_id for order_id, order in self._orders.items() if order.ended is None}

    def _judge(self, order_id: str) -> None:
        order = self._orders[order_id]
        total_cents = SOME_CENTS if order.total_cents is None else order.total_cents
        accepted = AcceptedOrder(order_id, total_cents, order.lines or SOME_GOODS)
        outcome = outcome_of(accepted, order.books)
        case = Case(order_id, accepted, True, order.books, outcome, order.ended is not None, order.ended)
        self._count(order, -1)
        order.found = _found(case)
        order.open = outcome is BookOutcome.OPEN
        labelled = order.books.live_labels
        order.cents_at_risk = 0 if labelled else max(0, order.books.net_cents)
        order.pieces_at_risk = 0 if labelled else max(0, sum(order.books.pieces.values()))
        self._count(order, 1)
        self._sort(order_id, order)

    def _count(self, order: _Order, sign: int) -> None:
        for kind in order.found:
            self._counts[kind] += sign
        self._open += sign * order.open
        self._cents_at_risk += sign * order.cents_at_risk
        self._pieces_at_risk += sign * order.pieces_at_risk

    def _sort(self, order_id: str, order: _Order) -> None:
        """Among the wrong ones, or those that ended well; by when it came there."""
        if order.found:
            self._wrong.setdefault(order_id, order)
        else:
            self._wrong.pop(order_id, None)
        self._well.pop(order_id, None)
        if order.ended is not None and not order.found:
            self._well[order_id] = None

    def _forget(self) -> None:
        while self._remember is not None and len(self._well) > self._remember:
            oldest = next(iter(self._well))
            del self._well[oldest]
            self._count(self._orders.pop(oldest), -1)


def _found(case: Case) -> tuple[Anomaly, ...]:
    if case.told:
        return tuple(kind for kind in BY_ORDER if FINDERS[kind](case) is not None)
    return tuple(kind for kind in LASTING if FINDERS[kind](case) is not None and _told_by_one_ledger(kind, case))


def _told_by_one_ledger(kind: Anomaly, case: Case) -> bool:
    """The ledgers are read one after the other: a label may be seen before the pieces that it is for."""
    return kind is not Anomaly.OVERSOLD or case.books.short_pieces > 0
