"""``executions.Executions`` on the read model's database. Reading is done in threads, beside the one that writes."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, func, or_, select
from sqlalchemy.exc import OperationalError

from orchestration.errors import NotYet
from orchestration.names import execution_of_arn
from orchestration.visibility.cursors import by_began, by_since, read_began, read_since
from orchestration.visibility.executions import ANY, MAX_PAGE, PAGE, ExecutionRow, Filter, Page, Waits
from orchestration.visibility.folding import COLUMNS, decoded
from orchestration.visibility.projector import Projector
from orchestration.visibility.schema import executions

CATCH_UP_S: Final = 2.0

_c: Final = executions.c
_ROWS: Final = select(*(_c[name] for name in COLUMNS))
_running: Final = _c.stopped_at.is_(None)


def rows_where(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Whole rows, as ``folding.decoded`` reads them."""
    return _ROWS.where(*conditions)


class SqlExecutions:
    """``clock`` gives epoch seconds."""

    def __init__(self, projector: Projector, clock: Callable[[], float] = time.time) -> None:
        self._projector = projector
        self._clock = clock

    async def list(self, which: Filter = ANY, *, limit: int = PAGE, after: str | None = None) -> Page:
        statement = rows_where(*_conditions(which))
        if after is not None:
            statement = statement.where(_c.began < read_began(after))
        return await self._page(statement.order_by(_c.began.desc()), limit, by_began)

    async def waiting(
        self,
        kind: Waits | None = None,
        *,
        stuck_for_s: float | None = None,
        limit: int = PAGE,
        after: str | None = None,
    ) -> Page:
        statement = rows_where(_running)
        if stuck_for_s is not None:
            statement = statement.where(*self._stuck(stuck_for_s))
        elif kind is not None:
            statement = statement.where(_c.waits == kind.value)
        else:
            statement = statement.where(_c.waits != Waits.TASK.value)
        if after is not None:
            statement = statement.where(_later_than(*read_since(after)))
        return await self._page(statement.order_by(_c.since, _c.began), limit, by_since)

    async def find(self, arn_or_token: str) -> ExecutionRow | None:
        name = execution_of_arn(arn_or_token)
        statement = rows_where(_c.token == (name.token if name else arn_or_token))
        rows = await self._rows(statement)
        return rows[0] if rows else None

    async def counts(self, machine: str | None = None) -> dict[str, int]:
        statement = select(_c.status, func.count().label("number")).group_by(_c.status)
        if machine is not None:
            statement = statement.where(_c.machine == machine)
        await self._projector.catch_up(CATCH_UP_S)
        found = await asyncio.to_thread(self._all, statement)
        return {row.status: row.number for row in found}

    async def select(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        """What a reader above this room wants of the table, as of the last window."""
        if not self._projector.ready:
            raise NotYet("the read model is being built")
        return await asyncio.to_thread(self._all, statement)

    async def _rows(self, statement: Select[Any]) -> tuple[ExecutionRow, ...]:
        await self._projector.catch_up(CATCH_UP_S)
        return tuple(map(decoded, await asyncio.to_thread(self._all, statement)))

    def _all(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        try:
            with self._projector.database.reading() as connection:
                return connection.execute(statement).all()
        except OperationalError as error:
            raise NotYet(f"the read model is out of reach: {error.orig}") from error

    async def _page(self, statement: Select[Any], limit: int, place: Callable[[ExecutionRow], str]) -> Page:
        limit = max(1, min(limit, MAX_PAGE))
        rows = await self._rows(statement.limit(limit + 1))
        return Page(rows[:limit], place(rows[limit - 1]) if len(rows) > limit else None)

    def _stuck(self, for_s: float) -> tuple[ColumnElement[bool], ...]:
        now = self._clock()
        overdue = or_(_c.waits == Waits.TASK.value, _c.until < now - for_s)
        return (_c.since < now - for_s, overdue)


def _conditions(which: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_c.map_run == (which.map_run or "")]
    if which.machine is not None:
        found.append(_c.machine == which.machine)
    if which.status is not None:
        found.append(_c.status == which.status)
    if which.redriven is not None:
        found.append(_c.redrive_count > 0 if which.redriven else _c.redrive_count == 0)
    if which.qualifier is not None:
        found.append((_c.version if which.qualifier.isdigit() else _c.alias) == which.qualifier)
    return found


def _later_than(since: float, began: int) -> ColumnElement[bool]:
    return (_c.since > since) | ((_c.since == since) & (_c.began > began))
