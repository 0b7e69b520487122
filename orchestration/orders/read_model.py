"""All orders at a glance: folded from starts and appends in the order of the stream. Pure; ``projector`` feeds it.

It can be thrown away at any time and made again from the stream.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestration.orders.order_story import reason_of, status_of
from orchestration.rfc3339 import rfc3339
from orchestration.runtime import records
from services.front_door import Outcome
from services.trail import ENDED, OrderStatus, OrderView


@dataclass(slots=True)
class Row:
    """One order. ``sequence`` is that of its last record, ``since`` the instant of it (RFC 3339)."""

    order_id: str
    total_cents: int
    accepted_at: str
    status: OrderStatus
    sequence: int
    since: str
    reason: str | None = None
    waiting: tuple[records.Waiting, ...] = ()


@dataclass
class ReadModel:
    """Mutable; grows with the number of orders (a few hundred bytes each)."""

    lane: str
    rows: dict[str, Row] = field(default_factory=dict)
    ended: list[Outcome] = field(default_factory=list)
    sequence: int = 0
    _waiting: dict[str, Row] = field(default_factory=dict)

    def apply(self, subject: str, sequence: int, at: float, body: bytes) -> Row | None:
        """Fold one record in, stored at epoch seconds ``at``; None: nothing changed. Raises ``errors.Unreadable``."""
        execution = records.execution_of(subject)
        if subject.startswith(f"{records.START}."):
            row = self._started(execution, sequence, at, records.decode_start(body))
        else:
            row = self._appended(execution, sequence, at, records.decode_outline(body))
        self.sequence = max(self.sequence, sequence)
        return row

    def _started(self, execution: str, sequence: int, at: float, start: records.Start) -> Row | None:
        if execution in self.rows:
            return None
        began_at = rfc3339(at)
        row = Row(execution, _total_cents(start), began_at, OrderStatus.IN_PROGRESS, sequence, began_at)
        self.rows[execution] = row
        return row

    def _appended(self, execution: str, sequence: int, at: float, last: records.Outline) -> Row | None:
        row = self.rows.get(execution)
        if row is None or sequence <= row.sequence or row.status in ENDED:
            return None
        status = status_of(last)
        row.sequence = sequence
        if status is row.status and last.waiting == row.waiting:
            return None
        row.status, row.since, row.reason, row.waiting = status, rfc3339(at), reason_of(last), last.waiting
        if last.waiting:
            self._waiting[execution] = row
        else:
            self._waiting.pop(execution, None)
        if status in ENDED:
            self.ended.append(Outcome(sequence, execution, status, row.accepted_at, row.since))
        return row

    def views(self, status: OrderStatus | None, limit: int) -> list[OrderView]:
        """Newest first."""
        found: list[OrderView] = []
        for row in reversed(self.rows.values()):
            if len(found) >= limit:
                break
            if status is None or row.status is status:
                found.append(self.view(row))
        return found

    def view(self, row: Row) -> OrderView:
        return OrderView(
            order_id=row.order_id,
            lane=self.lane,
            status=row.status,
            reason=row.reason,
            accepted_at=row.accepted_at,
            finished_at=row.since if row.status in ENDED else None,
        )

    def waiting(self, status: OrderStatus) -> Iterator[Row]:
        """Orders that wait for a person: ``WAITING_FOR_APPROVAL`` or ``PARKED``."""
        return (row for row in self._waiting.values() if row.status is status)

    def outcomes(self, after: int, limit: int) -> list[Outcome]:
        """By the cursor, which is the stream's sequence of the ending append."""
        first = bisect_right(self.ended, after, key=lambda outcome: outcome.cursor)
        return self.ended[first : first + limit]


def _total_cents(start: records.Start) -> int:
    match start.input:
        case {"order": {"total_cents": int(total)}}:
            return total
        case _:
            return 0
