"""All orders at a glance: what of the executions' read model is about orders, told in the orders' words."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, and_, select

from orchestration.errors import NotYet
from orchestration.names import OWN_MACHINE
from orchestration.orders.order_story import status_of
from orchestration.rfc3339 import rfc3339
from orchestration.runtime import records
from orchestration.visibility.executions import ExecutionRow, Waits
from orchestration.visibility.folding import decoded
from orchestration.visibility.schema import executions
from orchestration.visibility.sql import SqlExecutions, rows_where
from services.front_door import NotDurable, Outcome
from services.trail import ENDED, OrderStatus, OrderView

_c: Final = executions.c
_order: Final = _c.machine == OWN_MACHINE
_OUTCOMES: Final = (
    select(_c.sequence, _c.name, _c.phase, _c.started_at, _c.since)
    .where(_order, _c.stopped_at.is_not(None))
    .order_by(_c.sequence)
)
MAX_PENDING: Final = 10_000


class OrderReader:
    """An order's phase is its status; the note of its start is its total."""

    def note(self, start: records.Start) -> str:
        match start.input:
            case {"order": {"total_cents": int(total)}}:
                return str(total)
            case _:
                return "0"

    def phase(self, last: records.Outline | None) -> str:
        return status_of(last).value


READERS: Final = {OWN_MACHINE: OrderReader()}


class Orders:
    """Raises ``NotDurable`` while the read model is being built."""

    def __init__(self, lane: str, rows: SqlExecutions) -> None:
        self._lane = lane
        self._rows = rows

    async def views(self, status: OrderStatus | None, limit: int) -> list[OrderView]:
        """Newest first."""
        which = _order if status is None else and_(_order, _c.phase == status.value)
        found = await self._select(rows_where(which).order_by(_c.began.desc()).limit(limit))
        return [view_of(self._lane, decoded(row)) for row in found]

    async def waiting(self, status: OrderStatus) -> Iterable[ExecutionRow]:
        """Orders that wait for a person: ``WAITING_FOR_APPROVAL`` or ``PARKED``; the oldest first."""
        which = and_(_order, _c.phase == status.value)
        return map(decoded, await self._select(rows_where(which).order_by(_c.began).limit(MAX_PENDING)))

    async def outcomes(self, after: int, limit: int) -> list[Outcome]:
        """By the cursor, which is the stream's sequence of the ending append."""
        ended = _OUTCOMES.where(_c.sequence > after).limit(limit)
        return [
            Outcome(row.sequence, row.name, OrderStatus(row.phase), rfc3339(row.started_at), rfc3339(row.since))
            for row in await self._select(ended)
        ]

    async def _select(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        try:
            return await self._rows.select(statement)
        except NotYet as error:
            raise NotDurable(str(error)) from error


def view_of(lane: str, row: ExecutionRow) -> OrderView:
    status = OrderStatus(row.phase)
    told = "" if row.waits is Waits.RETRY else ": ".join(filter(None, (row.error, row.cause)))
    return OrderView(
        order_id=row.name,
        lane=lane,
        status=status,
        reason=told or None,
        accepted_at=rfc3339(row.started_at),
        finished_at=rfc3339(row.since) if status in ENDED else None,
    )


def total_cents(row: ExecutionRow) -> int:
    return int(row.note)
