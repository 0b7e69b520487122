"""Hand-made ledgers: one small world of orders and effects, for tests to bend."""

from dataclasses import dataclass, field

from lab.auditor import AcceptedOrder, Audit, Effect, Evidence, StockLevel, audit
from services.operations import SERVICE_OF, Operation, Service

TOTAL = 1000
SKU = "MUG-1"
PIECES = 2


def order(order_id: str = "o1", total: int = TOTAL, pieces: int = PIECES) -> AcceptedOrder:
    return AcceptedOrder(order_id, total, ((SKU, pieces, total // pieces),))


@dataclass
class Ledgers:
    """Three append-only ledgers and a shelf, written by ``do``; says nothing of what is right."""

    seeded: int = 100
    rows: dict[str, list[Effect]] = field(default_factory=lambda: {service.value: [] for service in Service})
    available: int | None = None

    def do(self, *operations: str, order_id: str = "o1", cents: int = TOTAL, pieces: int = PIECES) -> "Ledgers":
        for name in operations:
            operation = Operation(name)
            rows = self.rows[SERVICE_OF[operation]]
            money = SERVICE_OF[operation] is Service.PAYMENT
            stock = SERVICE_OF[operation] is Service.WAREHOUSE
            lines = ((SKU, pieces),) if stock else ()
            rows.append(Effect(len(rows) + 1, order_id, name, cents if money else 0, lines))
        return self

    def fulfil(self, order_id: str = "o1", cents: int = TOTAL, pieces: int = PIECES) -> "Ledgers":
        return self.do("charge", "reserve", "print_label", order_id=order_id, cents=cents, pieces=pieces)

    def roll_back(self, order_id: str = "o1") -> "Ledgers":
        return self.do("charge", "reserve", "release", "refund", order_id=order_id)

    def stock(self) -> dict[str, StockLevel]:
        moved = sum(
            (1 if row.operation == "release" else -1) * quantity
            for row in self.rows["warehouse"]
            for _, quantity in row.lines
        )
        left = self.seeded + moved if self.available is None else self.available
        return {SKU: StockLevel(self.seeded, left)}

    def audit(
        self,
        *orders: AcceptedOrder,
        stories: dict[str, str | None] | None = None,
        unanswered: tuple[AcceptedOrder, ...] = (),
    ) -> Audit:
        return audit(Evidence(orders or (order(),), self.rows, self.stock(), unanswered, stories))
