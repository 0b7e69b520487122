"""Every kind of anomaly: its definition, and the plain function that finds it in one order's case.

A function answers with the money at stake in cents (None: no such anomaly), which says which order is the worst of
its kind. ``docs/anomalies.md`` holds the same table; a test compares the two.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from lab.auditor.books import Books
from lab.auditor.evidence import AcceptedOrder
from services.trail import ENDED, OrderStatus


class Anomaly(StrEnum):
    CHARGED_NOT_SHIPPED = "charged_not_shipped"
    SHIPPED_NOT_PAID = "shipped_not_paid"
    STOCK_LEAKED = "stock_leaked"
    DOUBLE_CHARGE = "double_charge"
    DOUBLE_REFUND = "double_refund"
    DOUBLE_RESERVE = "double_reserve"
    DOUBLE_LABEL = "double_label"
    UNDO_WITHOUT_DO = "undo_without_do"
    OVERSOLD = "oversold"
    LOST = "lost"
    STUCK = "stuck"
    PHANTOM = "phantom"
    STORY_MISMATCH = "story_mismatch"


class BookOutcome(StrEnum):
    """Where the books of an order stand, whatever the lane says."""

    FULFILLED = "fulfilled"  # charged once and not refunded, reserved and not released, one live label
    ROLLED_BACK = "rolled_back"  # nothing charged net, nothing reserved, no live label
    OPEN = "open"  # neither


class Case(NamedTuple):
    """Everything known of one order. ``order`` None: nobody placed it. ``told``: the lane was asked for its story."""

    order_id: str
    order: AcceptedOrder | None
    answered: bool  # its placing was answered with 202
    books: Books
    outcome: BookOutcome
    told: bool = False
    story: str | None = None

    @property
    def total_cents(self) -> int:
        return self.order.total_cents if self.order else self.books.charged_cents


Finder = Callable[[Case], int | None]


def outcome_of(order: AcceptedOrder | None, books: Books) -> BookOutcome:
    """Amounts and pieces must agree with the order, not only the number of effects."""
    if books.net_cents == 0 and books.live_labels == 0 and not any(books.pieces.values()):
        return BookOutcome.ROLLED_BACK
    charged = books.charges == 1 and books.refunds == 0 and (order is None or books.charged_cents == order.total_cents)
    reserved = books.reserves == 1 and books.releases == 0 and (order is None or books.pieces == _pieces_of(order))
    return BookOutcome.FULFILLED if charged and reserved and books.live_labels == 1 else BookOutcome.OPEN


def _pieces_of(order: AcceptedOrder) -> dict[str, int]:
    pieces: dict[str, int] = {}
    for sku, quantity, _ in order.lines:
        pieces[sku] = pieces.get(sku, 0) + quantity
    return pieces


def _charged_not_shipped(case: Case) -> int | None:
    """At the horizon the customer has paid something net, and no label is live."""
    books = case.books
    return books.net_cents if books.net_cents > 0 and not books.live_labels else None


def _shipped_not_paid(case: Case) -> int | None:
    """A label is live, and what was charged net does not cover the order's total."""
    books = case.books
    missing = (case.order.total_cents if case.order else 1) - books.net_cents
    return missing if books.live_labels and missing > 0 else None


def _stock_leaked(case: Case) -> int | None:
    """Pieces are set aside for the order that no live label takes: any pieces where no label is live, or more than the
    order's own (the excess of a second reserve effect is double_reserve instead)."""
    books = case.books
    if not books.live_labels:
        return _value(case, books.pieces) if books.holds_pieces else None
    if case.order is None or books.reserves > 1:
        return None
    excess = _less(books.pieces, _pieces_of(case.order))
    return _value(case, excess) if excess else None


def _less(pieces: dict[str, int], taken: dict[str, int]) -> dict[str, int]:
    """What is left of ``pieces``, by SKU, where anything is left."""
    return {sku: held - taken.get(sku, 0) for sku, held in pieces.items() if held > taken.get(sku, 0)}


def _value(case: Case, pieces: dict[str, int]) -> int:
    prices = {sku: price for sku, _, price in case.order.lines} if case.order else {}
    return sum(max(0, held) * prices.get(sku, 0) for sku, held in pieces.items())


def _double_charge(case: Case) -> int | None:
    """More than one charge effect, also where the excess was refunded later; or one charge above the order's total."""
    books = case.books
    if books.charges > 1:
        return books.charged_cents - books.charged_cents // books.charges
    excess = books.net_cents - case.total_cents
    return excess if books.charges and excess > 0 else None


def _double_refund(case: Case) -> int | None:
    """A refund of a charge that had been refunded before, or refunds of more than was charged."""
    books = case.books
    too_much = books.charges > 0 and books.refunded_cents > books.charged_cents and not books.idle_undos
    return max(0, -books.net_cents) if books.repeated_refunds or too_much else None


def _double_reserve(case: Case) -> int | None:
    """More than one reserve effect, also where the excess was released later."""
    return (case.books.reserves - 1) * case.total_cents if case.books.reserves > 1 else None


def _double_label(case: Case) -> int | None:
    """More than one label was printed, also where the excess was voided later."""
    return (case.books.labels - 1) * case.total_cents if case.books.labels > 1 else None


def _undo_without_do(case: Case) -> int | None:
    """An undo effect found nothing to undo at its place in the ledger, or released more pieces than were reserved (a
    repeated refund is double_refund instead)."""
    books = case.books
    if books.idle_undos:
        return books.idle_undos * case.total_cents
    return case.total_cents if any(held < 0 for held in books.pieces.values()) else None


def _oversold(case: Case) -> int | None:
    """A reserve effect took a product below zero, or a label is live for pieces that were never set aside."""
    books = case.books
    if books.short_pieces:
        return case.total_cents
    if not books.live_labels:
        return None
    missing = _less(_pieces_of(case.order), books.pieces) if case.order else not books.holds_pieces
    return case.total_cents if missing else None


def _lost(case: Case) -> int | None:
    """The placing was answered with 202 (or effects are there), and the lane can tell nothing of the order."""
    known = case.answered or (case.order is not None and not case.books.empty)
    return case.total_cents if case.told and case.story is None and known else None


def _stuck(case: Case) -> int | None:
    """No final outcome at the horizon: the lane's story says in progress, waiting, undoing or parked; without a story,
    the books are neither fulfilled nor rolled back."""
    if case.order is None:
        return None
    if case.told:
        return case.total_cents if case.story is not None and case.story not in ENDED else None
    return case.total_cents if case.outcome is BookOutcome.OPEN else None


def _phantom(case: Case) -> int | None:
    """Effects for an order that nobody placed."""
    return case.books.charged_cents if case.order is None else None


def _story_mismatch(case: Case) -> int | None:
    """The lane's final story and the ledgers disagree on how it ended: it says fulfilled where money, goods or label
    are missing, rolled back where any is left, or failed where all are there."""
    books = case.books
    left = (books.net_cents > 0, books.holds_pieces, books.live_labels > 0)
    match case.story:
        case OrderStatus.FULFILLED:
            return case.total_cents if not all(left) else None
        case OrderStatus.ROLLED_BACK:
            return case.total_cents if any(left) else None
        case OrderStatus.FAILED:
            return case.total_cents if all(left) else None
        case _:
            return None


FINDERS: Final[dict[Anomaly, Finder]] = {
    Anomaly.CHARGED_NOT_SHIPPED: _charged_not_shipped,
    Anomaly.SHIPPED_NOT_PAID: _shipped_not_paid,
    Anomaly.STOCK_LEAKED: _stock_leaked,
    Anomaly.DOUBLE_CHARGE: _double_charge,
    Anomaly.DOUBLE_REFUND: _double_refund,
    Anomaly.DOUBLE_RESERVE: _double_reserve,
    Anomaly.DOUBLE_LABEL: _double_label,
    Anomaly.UNDO_WITHOUT_DO: _undo_without_do,
    Anomaly.OVERSOLD: _oversold,
    Anomaly.LOST: _lost,
    Anomaly.STUCK: _stuck,
    Anomaly.PHANTOM: _phantom,
    Anomaly.STORY_MISMATCH: _story_mismatch,
}

# One paragraph each, for the documentation and the reports.
DEFINITIONS: Final[dict[Anomaly, str]] = {
    kind: " ".join((finder.__doc__ or "").split()) for kind, finder in FINDERS.items()
}
