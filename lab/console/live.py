"""One lane as it is now, folded from its ledgers and its outcomes as they grow. Pure: rows in, figures out.

What of the books is wrong, and what is at risk, is the live judge's to say (``lab.live.books``); beside it is told here
how far orders have come. Orders that ended well are forgotten after a while, so that a day of load costs no more memory
than an hour. It must not know how a lane works.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lab.auditor import StockLevel
from lab.auditor.evidence import Effect, effect_of
from lab.live.books import LiveBooks
from lab.story import instant

REMEMBERED: Final = 10_000  # orders that ended well, in case that something more is done for them
MAX_NAMED: Final = 100
MAX_LATENCIES: Final = 2_000


@dataclass(frozen=True)
class Wrong:
    order_id: str
    kinds: tuple[str, ...]


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
    """``stock``: what the warehouse had at the start, by product, with ``seeded`` and ``available``."""

    def __init__(self, stock: Mapping[str, Mapping[str, int]]) -> None:
        levels = {sku: StockLevel(level["seeded"], level["available"]) for sku, level in stock.items()}
        self._books = LiveBooks(levels, remember=REMEMBERED)
        self._last: dict[str, tuple[str, str]] = {}  # of orders under way: when, and which effect
        self._finished: Counter[str] = Counter()
        self._effects: Counter[str] = Counter()
        self._latencies: deque[float] = deque(maxlen=MAX_LATENCIES)

    def hear(self, outcomes: Iterable[Mapping[str, Any]]) -> None:
        for outcome in outcomes:
            order_id, status = str(outcome["order_id"]), str(outcome["status"])
            before = self._books.ended(order_id)
            if before is not None:  # redriven: it ended once more
                self._finished[before] -= 1
            self._finished[status] += 1
            self._books.hear_ends({order_id: status})
            self._last.pop(order_id, None)
            self._latencies.append(instant(str(outcome["finished_at"])) - instant(str(outcome["accepted_at"])))

    def read(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """New rows of any ledgers, each ledger's in its own order."""
        effects = [self._noted(row) for row in rows]
        self._books.hear_effects(effects)

    def _noted(self, row: Mapping[str, Any]) -> Effect:
        effect, at = effect_of(row), str(row["at"])
        self._effects[effect.operation] += 1
        last_at, _ = self._last.get(effect.order_id, ("", ""))
        if at >= last_at and self._books.ended(effect.order_id) is None:  # the ledgers are read in no order
            self._last[effect.order_id] = (at, effect.operation)
        return effect

    def look(self) -> LaneNow:
        """The figures after everything that was fed."""
        figures, wrong = self._books.figures(), self._books.wrong()
        latencies = tuple(self._latencies)
        self._latencies.clear()
        return LaneNow(
            finished={status: count for status, count in self._finished.items() if count},
            places=Counter(operation for _, operation in self._last.values()),
            wrong=len(wrong),
            wrong_kinds={str(kind): count for kind, count in figures.anomalies.items() if count},
            named=tuple(Wrong(name, tuple(map(str, kinds))) for name, kinds in list(wrong.items())[-MAX_NAMED:]),
            cents_at_risk=figures.cents_at_risk,
            pieces_at_risk=figures.pieces_at_risk,
            effects=dict(self._effects),
            latencies_s=latencies,
        )
