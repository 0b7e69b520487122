"""One lane as it is now, folded from its ledgers and its outcomes as they grow. Pure: rows in, figures out.

It judges with the auditor's own definitions, but knows only what is there so far: an order is held against its lane
once the lane says that it has ended, or at once where no later effect can put it right. Orders that ended well are
forgotten, so that a day of load costs no more memory than an hour. It must not know how a lane works.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lab.auditor.anomalies import FINDERS, Anomaly, Case, outcome_of
from lab.auditor.books import Books, fold
from lab.auditor.evidence import Effect, effect_of
from lab.story import instant

# Wrong at once, whatever comes later. Each is told by one ledger alone: the three are not read at the same instant.
AT_ONCE: Final = (
    Anomaly.DOUBLE_CHARGE,
    Anomaly.DOUBLE_REFUND,
    Anomaly.DOUBLE_RESERVE,
    Anomaly.DOUBLE_LABEL,
    Anomaly.UNDO_WITHOUT_DO,
)
AT_THE_END: Final = (
    *AT_ONCE,
    Anomaly.SHIPPED_NOT_PAID,
    Anomaly.OVERSOLD,
    Anomaly.CHARGED_NOT_SHIPPED,
    Anomaly.STOCK_LEAKED,
    Anomaly.STORY_MISMATCH,
)
MAX_HELD: Final = 20_000  # orders under way or wrong; of more, the oldest are no longer followed
MAX_REMEMBERED: Final = 5_000  # orders that ended well, in case that something more is done for them
MAX_NAMED: Final = 20
MAX_LATENCIES: Final = 2_000


@dataclass
class _Order:
    effects: dict[str, list[Effect]] = field(default_factory=dict)
    last: str = ""
    last_at: str = ""
    ended: str | None = None
    books: Books = field(default_factory=Books)
    wrong: tuple[Anomaly, ...] = ()


@dataclass(frozen=True)
class Wrong:
    order_id: str
    kinds: tuple[str, ...]
    ended: str | None


@dataclass(frozen=True)
class LaneNow:
    """``places``: orders under way by their last effect. At risk: charged, or set aside, without a label."""

    finished: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)
    wrong: int = 0
    wrong_kinds: Mapping[str, int] = field(default_factory=dict)
    named: tuple[Wrong, ...] = ()
    cents_at_risk: int = 0
    pieces_at_risk: int = 0
    effects: Mapping[str, int] = field(default_factory=dict)
    latencies_s: tuple[float, ...] = ()  # accepted until ended, of the orders that ended since the last look


class LiveLane:
    """Feed it outcomes first and ledger rows after them: whatever made an order end is then among the rows."""

    def __init__(self) -> None:
        self._orders: dict[str, _Order] = {}
        self._remembered: dict[str, _Order] = {}
        self._finished: Counter[str] = Counter()
        self._effects: Counter[str] = Counter()
        self._latencies: deque[float] = deque(maxlen=MAX_LATENCIES)
        self._touched: set[str] = set()

    def hear(self, outcomes: Iterable[Mapping[str, Any]]) -> None:
        for outcome in outcomes:
            order = self._order(str(outcome["order_id"]))
            order.ended = str(outcome["status"])
            self._finished[order.ended] += 1
            self._latencies.append(instant(str(outcome["finished_at"])) - instant(str(outcome["accepted_at"])))

    def read(self, service: str, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            effect = effect_of(row)
            order = self._order(effect.order_id)
            order.effects.setdefault(service, []).append(effect)
            if row["at"] >= order.last_at:  # the ledgers are read at once, in no order
                order.last, order.last_at = effect.operation, str(row["at"])
            self._effects[effect.operation] += 1

    def _order(self, order_id: str) -> _Order:
        self._touched.add(order_id)
        order = self._orders.get(order_id)
        if order is None:
            order = self._orders[order_id] = self._remembered.pop(order_id, _Order())
        return order

    def look(self) -> LaneNow:
        """The figures after everything that was fed; what ended well is put away."""
        for order_id in self._touched:
            self._judge(order_id)
        self._touched.clear()
        _bound(self._orders, MAX_HELD)
        _bound(self._remembered, MAX_REMEMBERED)
        wrong = {order_id: order for order_id, order in self._orders.items() if order.wrong}
        risky = [order.books for order in self._orders.values() if not order.books.live_labels]
        latencies = tuple(self._latencies)
        self._latencies.clear()
        return LaneNow(
            finished=dict(self._finished),
            places=Counter(order.last for order in self._orders.values() if order.ended is None and order.last),
            wrong=len(wrong),
            wrong_kinds=Counter(kind.value for order in wrong.values() for kind in order.wrong),
            named=tuple(_named(*each) for each in list(wrong.items())[-MAX_NAMED:]),
            cents_at_risk=sum(max(0, books.net_cents) for books in risky),
            pieces_at_risk=sum(max(0, sum(books.pieces.values())) for books in risky),
            effects=dict(self._effects),
            latencies_s=latencies,
        )

    def _judge(self, order_id: str) -> None:
        order = self._orders[order_id]
        order.books = fold(order.effects, {}).get(order_id, Books())
        case = Case(order_id, None, True, order.books, outcome_of(None, order.books), True, order.ended)
        kinds = AT_ONCE if order.ended is None else AT_THE_END
        order.wrong = tuple(kind for kind in kinds if FINDERS[kind](case) is not None)
        if order.ended is not None and not order.wrong:
            self._remembered[order_id] = self._orders.pop(order_id)


def _named(order_id: str, order: _Order) -> Wrong:
    return Wrong(order_id, tuple(kind.value for kind in order.wrong), order.ended)


def _bound(orders: dict[str, _Order], most: int) -> None:
    while len(orders) > most:
        del orders[next(iter(orders))]
