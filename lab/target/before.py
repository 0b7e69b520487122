"""What a lane's books held before a run, so that the run is judged by its own orders alone.

A lab that goes on from earlier orders can be judged this way only when all of those have ended.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from lab.collect import LaneReader
from lab.errors import BadInput
from lab.trial import LaneRun
from services.operations import Service


@dataclass(frozen=True)
class Before:
    """The rows of each service's ledger, and how many faults each had met."""

    ledgers: dict[Service, list[dict[str, Any]]]
    injected: dict[Service, int]

    @classmethod
    async def read(cls, reader: LaneReader) -> Self:
        return cls(
            {service: await reader.ledger(service) for service in Service},
            {service: len(await reader.injected(service)) for service in Service},
        )

    def must_not_know(self, order_ids: Iterable[str]) -> None:
        """Raises ``BadInput`` where one of them was placed before."""
        known = {row["order_id"] for rows in self.ledgers.values() for row in rows}
        if again := sorted(known.intersection(order_ids)):
            raise BadInput(
                f"{len(again)} of these orders were placed in an earlier run, {again[0]} first: take another --seed, or"
                " begin afresh with `docker compose down --volumes` and `docker compose up --wait`"
            )

    def set_aside(self, lane_run: LaneRun) -> None:
        """What orders of before hold in the warehouse they hold still: it counts as never offered."""
        held: Counter[str] = Counter()
        for effect in lane_run.effects[Service.WAREHOUSE][: len(self.ledgers[Service.WAREHOUSE])]:
            sign = 1 if effect.operation == "reserve" else -1
            for sku, quantity in effect.lines:
                held[sku] += sign * quantity
        lane_run.stock = {sku: level._replace(seeded=level.seeded - held[sku]) for sku, level in lane_run.stock.items()}
        for service, rows in self.ledgers.items():
            lane_run.ledgers[service] = lane_run.ledgers[service][len(rows) :]
            lane_run.effects[service] = lane_run.effects[service][len(rows) :]
            lane_run.injected[service] = lane_run.injected[service][self.injected[service] :]
