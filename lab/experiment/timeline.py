"""When the books of which order were wrong, and what was going on in each second. Pure.

The auditor judges at the end; here its finders are asked after every effect. Of an order that has ended, everything
counts. Of one on its way, only what no later effect takes back; stuck or lost ones are wrong from their last news on.
Times are seconds after the trial's first planned moment.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lab.auditor import AcceptedOrder, Anomaly, effect_of
from lab.auditor.anomalies import FINDERS, Case, outcome_of
from lab.auditor.books import Books, post
from lab.experiment.records import OrderRow, Sample
from lab.live.books import BY_ORDER, LASTING

AT_THE_END: Final = frozenset({Anomaly.STUCK, Anomaly.LOST})


@dataclass(frozen=True)
class Posted:
    """A ledger's row and when it was written."""

    at_s: float
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Wrong:
    """A span in which an order's books were wrong."""

    order_id: str
    from_s: float
    to_s: float
    cents: int


def wrong_spans(
    order: AcceptedOrder,
    posted: Sequence[Posted],
    ended: tuple[float, str] | None,
    silent_from_s: float | None,
    horizon_s: float,
) -> list[Wrong]:
    """``posted``: the order's effects of all ledgers, by time; ``ended``: when, and how by the lane's story.

    ``silent_from_s``: the last news of an order that the auditor found stuck or lost.
    """
    moments: list[tuple[float, Mapping[str, Any] | None]] = [(each.at_s, each.row) for each in posted]
    moments += [(ended[0], None)] if ended is not None else []
    moments.sort(key=lambda moment: moment[0])
    books, story = Books(), None
    spans: list[Wrong] = []
    since: float | None = None
    for at_s, row in moments:
        if row is None:
            story = ended[1] if ended is not None else None
        else:
            post(books, effect_of(row), None)
        wrong = _wrong(order, books, story)
        if wrong and since is None:
            since = at_s
        elif not wrong and since is not None:
            spans.append(Wrong(order.order_id, since, at_s, order.total_cents))
            since = None
    since = silent_from_s if since is None else since
    if since is not None:
        spans.append(Wrong(order.order_id, since, max(since, horizon_s), order.total_cents))
    return spans


def _wrong(order: AcceptedOrder, books: Books, story: str | None) -> bool:
    case = Case(order.order_id, order, True, books, outcome_of(order, books), story is not None, story)
    kinds = BY_ORDER if story is not None else LASTING
    return any(FINDERS[kind](case) is not None for kind in kinds)


def is_silent(anomalies: Iterable[str]) -> bool:
    """Whether it is wrong at the end because nothing more came of it."""
    return bool(AT_THE_END & set(anomalies))


def violation_s(spans: Iterable[Wrong]) -> float:
    return sum(span.to_s - span.from_s for span in spans)


def samples(rows: Sequence[OrderRow], spans: Sequence[Wrong], horizon_s: float) -> tuple[Sample, ...]:
    """One for each whole second: what was answered and what ended in it, and what was open and wrong at its end."""
    accepted = [row.answered_s for row in rows if row.placed == "accepted" and row.answered_s is not None]
    ended = [row.ended_s for row in rows if row.ended_s is not None]
    open_spans = [
        (row.answered_s, math.inf if row.ended_s is None else row.ended_s)
        for row in rows
        if row.placed == "accepted" and row.answered_s is not None
    ]
    told = []
    for second in range(int(horizon_s) + 1):
        end = second + 1.0
        wrong = [span for span in spans if span.from_s < end <= span.to_s]
        told.append(
            Sample(
                at_s=float(second),
                accepted=sum(second <= at_s < end for at_s in accepted),
                finished=sum(second <= at_s < end for at_s in ended),
                in_flight=sum(from_s < end <= to_s for from_s, to_s in open_spans),
                anomalous=len({span.order_id for span in wrong}),
                cents_at_risk=sum({span.order_id: span.cents for span in wrong}.values()),
            )
        )
    return tuple(told)
