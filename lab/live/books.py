"""Judging one lane while orders move through it: what of the books is wrong now. Pure: news in, figures out.

The auditor judges at the horizon; here the same finders are asked at every moment, of what cannot become right by
itself any more. Of an order that has ended that is everything. Of one on its way it is what no later effect takes back
(a second charge stays a second charge), and, where it is stuck, that too. Whether an order on its way is only half
fulfilled is no anomaly; it is counted apart as open books.

An order's total and goods are taken from its own first effects, since asking the door for each order would cost as much
as the order: a wrong amount is for ``lab audit`` to find. Orders are kept for good, some 300 bytes each.
"""

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


@dataclass
class _Order:
    books: Books = field(default_factory=Books)
    total_cents: int | None = None
    lines: tuple[tuple[str, int, int], ...] = ()
    ended: str | None = None
    found: tuple[Anomaly, ...] = ()
    open: bool = False
    at_risk: int = 0


class LiveBooks:
    """Feed it effects and outcomes as they come, each once; ask for the figures whenever wanted."""

    def __init__(self, seeded: Mapping[str, StockLevel]) -> None:
        self._shelf = {sku: level.seeded for sku, level in seeded.items()}
        self._orders: dict[str, _Order] = {}
        self._counts: dict[Anomaly, int] = dict.fromkeys(BY_ORDER, 0)
        self._open = 0
        self._cents_at_risk = 0

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

    def hear_ends(self, ends: Mapping[str, str]) -> None:
        """Order -> status, of orders that have ended; a later end of the same order (redriven) takes its place."""
        for order_id, status in ends.items():
            self._orders.setdefault(order_id, _Order()).ended = status
            self._judge(order_id)

    def figures(self, *, stuck: int, strangers: Iterable[str] = ()) -> Figures:
        """``stuck``: how many open orders nobody moves; ``strangers``: orders in the ledgers that the lane denies."""
        phantoms = sum(1 for order_id in strangers if order_id in self._orders)
        counts = {**self._counts, Anomaly.STUCK: stuck, Anomaly.PHANTOM: phantoms}
        return Figures(counts, self._open, self._cents_at_risk)

    def unended(self) -> set[str]:
        """Orders that the ledgers mention and that have no outcome yet."""
        return {order_id for order_id, order in self._orders.items() if order.ended is None}

    def _judge(self, order_id: str) -> None:
        order = self._orders[order_id]
        total_cents = SOME_CENTS if order.total_cents is None else order.total_cents
        accepted = AcceptedOrder(order_id, total_cents, order.lines or SOME_GOODS)
        outcome = outcome_of(accepted, order.books)
        case = Case(order_id, accepted, True, order.books, outcome, order.ended is not None, order.ended)
        kinds = LASTING if order.ended is None else BY_ORDER
        found = tuple(kind for kind in kinds if FINDERS[kind](case) is not None)
        for kind in order.found:
            self._counts[kind] -= 1
        for kind in found:
            self._counts[kind] += 1
        order.found = found
        opened = outcome is BookOutcome.OPEN
        self._open += opened - order.open
        order.open = opened
        at_risk = max(0, order.books.net_cents) if not order.books.live_labels else 0
        self._cents_at_risk += at_risk - order.at_risk
        order.at_risk = at_risk
