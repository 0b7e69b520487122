"""What the auditor is shown: ledger effects, the stock at the end, the accepted orders, and the lane's own stories."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Effect(NamedTuple):
    """One row of a service's ledger. ``seq`` is its place in that ledger; ``lines`` are (SKU, pieces)."""

    seq: int
    order_id: str
    operation: str
    amount_cents: int = 0
    lines: tuple[tuple[str, int], ...] = ()


class StockLevel(NamedTuple):
    """One product of the warehouse: pieces at the start, and pieces that it would still promise now."""

    seeded: int
    available: int


class AcceptedOrder(NamedTuple):
    """An order whose placing was answered with 202; ``lines`` are (SKU, pieces, unit price in cents)."""

    order_id: str
    total_cents: int
    lines: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything known of one lane.

    ``unanswered`` were sent without ever being acknowledged: the lane may have them or not. ``stories`` maps an order
    to the status that the lane's front door gave (None: it knows no such order); without stories, only the books speak.
    Without ``stock``, nothing is said about products running below zero.
    """

    accepted: Sequence[AcceptedOrder]
    effects: Mapping[str, Iterable[Effect]]  # by service
    stock: Mapping[str, StockLevel] = field(default_factory=dict)
    unanswered: Sequence[AcceptedOrder] = ()
    stories: Mapping[str, str | None] | None = None


def effect_of(row: Mapping[str, Any]) -> Effect:
    """An effect from a line of ``GET /ledger``; fields that the auditor does not believe in are left out."""
    lines = tuple((line["sku"], line["quantity"]) for line in row.get("lines") or ())
    return Effect(row["seq"], row["order_id"], row["operation"], row.get("amount_cents") or 0, lines)


def accepted_order(body: Mapping[str, Any]) -> AcceptedOrder:
    """From the body that was posted to the front door."""
    lines = tuple((line["sku"], line["quantity"], line["unit_price_cents"]) for line in body["lines"])
    return AcceptedOrder(body["order_id"], body["total_cents"], lines)
