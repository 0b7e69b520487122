"""Folding the effects of three ledgers into one set of books per order.

Only counts and sums: what they mean is said in ``anomalies``. Each ledger is read in its own order (``seq``); the
order of effects of different services is not known and never needed.
"""

from collections.abc import Iterable, Mapping

from lab.auditor.evidence import Effect, StockLevel


class Books:
    """What the ledgers hold for one order. An effect is *live* until it is undone."""

    __slots__ = (
        "charged_cents",
        "charges",
        "idle_undos",
        "labels",
        "live_charges",
        "live_labels",
        "live_reservations",
        "pieces",
        "refunded_cents",
        "refunds",
        "releases",
        "repeated_refunds",
        "reserves",
        "short_pieces",
        "voids",
    )

    def __init__(self) -> None:
        self.charges = self.refunds = self.reserves = self.releases = self.labels = self.voids = 0
        self.charged_cents = self.refunded_cents = 0
        self.live_charges = self.live_reservations = self.live_labels = 0
        self.repeated_refunds = 0  # refunds of a charge that was refunded before
        self.idle_undos = 0  # undo effects that found nothing to undo
        self.short_pieces = 0  # pieces promised that the shelf did not have
        self.pieces: dict[str, int] = {}  # by SKU: reserved less released

    @property
    def net_cents(self) -> int:
        return self.charged_cents - self.refunded_cents

    @property
    def holds_pieces(self) -> bool:
        return any(quantity > 0 for quantity in self.pieces.values())

    @property
    def empty(self) -> bool:
        return not (self.charges or self.refunds or self.reserves or self.releases or self.labels or self.voids)


def fold(effects: Mapping[str, Iterable[Effect]], stock: Mapping[str, StockLevel]) -> dict[str, Books]:
    """The books of every order that any ledger mentions, in the order of their first mention."""
    books: dict[str, Books] = {}
    shelf = {sku: level.seeded for sku, level in stock.items()}
    for ledger in effects.values():
        for effect in sorted(ledger, key=lambda each: each.seq):
            order = books.get(effect.order_id)
            if order is None:
                order = books[effect.order_id] = Books()
            post(order, effect, shelf if stock else None)
    return books


def post(books: Books, effect: Effect, shelf: dict[str, int] | None) -> None:
    """Add one effect, in the order of its ledger; ``shelf`` is what is left of each product (None: not known)."""
    match effect.operation:
        case "charge":
            books.charges += 1
            books.charged_cents += effect.amount_cents
            books.live_charges += 1
        case "refund":
            _post_refund(books, effect)
        case "reserve":
            books.reserves += 1
            books.live_reservations += 1
            _move_pieces(books, effect, 1, shelf)
        case "release":
            books.releases += 1
            _undo_reservation(books)
            _move_pieces(books, effect, -1, shelf)
        case "print_label":
            books.labels += 1
            books.live_labels += 1
        case "void_label":
            books.voids += 1
            if books.live_labels:
                books.live_labels -= 1
            else:
                books.idle_undos += 1
        case other:
            raise ValueError(f"the ledger of order {effect.order_id} holds an unknown operation: {other!r}")


def _post_refund(books: Books, effect: Effect) -> None:
    books.refunds += 1
    books.refunded_cents += effect.amount_cents
    if books.live_charges:
        books.live_charges -= 1
    elif books.charges:
        books.repeated_refunds += 1
    else:
        books.idle_undos += 1


def _undo_reservation(books: Books) -> None:
    if books.live_reservations:
        books.live_reservations -= 1
    else:
        books.idle_undos += 1


def _move_pieces(books: Books, effect: Effect, sign: int, shelf: dict[str, int] | None) -> None:
    """Book the pieces to the order; ``shelf`` is what is left of each product at this point of the ledger."""
    for sku, quantity in effect.lines:
        books.pieces[sku] = books.pieces.get(sku, 0) + sign * quantity
        if shelf is not None:
            left = shelf.get(sku, 0) - sign * quantity
            shelf[sku] = left
            if sign > 0 and left < 0:
                books.short_pieces += min(quantity, -left)
