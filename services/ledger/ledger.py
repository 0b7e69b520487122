"""A ledger, synchronous: make it ready, commit a batch, read it. Used from one writer thread and some reading ones.

It holds no commands back and knows no event loop; ``group_commit`` feeds it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, column, func, insert, inspect, select, table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from services.catalogue import Product
from services.commands import Outgoing
from services.errors import KeyReused, LedgerUnavailable, Unstorable
from services.faults.plan import NO_FAULTS, FaultPlan
from services.guards import Guards
from services.ledger.batch import Outcome, Request, Terms, Written, decide_batch
from services.ledger.connect import for_writing, open_engine, writing
from services.ledger.schema import REVISION, effects, fault_plan, injected, metadata, outbox, stock
from services.ledger.statements import Statements
from services.operations import Service

PAGE: Final = 1_000
# Where the migrations say which of them was the last; only in databases that are brought about by them.
MIGRATED: Final = table("alembic_version", column("version_num"))
# A transaction that lost against another process was rolled back whole, and is simply done again.
MAX_TRIES: Final = 5
LOST_AGAINST_ANOTHER: Final = frozenset({"40001", "40P01", "23505", "55P03"})

Exceptions = tuple[type[Exception], ...]


def _reused(key: str) -> KeyReused:
    return KeyReused(f"idempotency key {key!r} was used before with another body")


def _ignore(plan: FaultPlan) -> None:
    """Nobody asked to be told."""


class Ledger:
    """``on_other_plan`` is called when another process on this ledger was given another fault plan."""

    def __init__(self, url: str, service: Service, guards: Guards) -> None:
        self._engine: Engine = open_engine(url)
        self._service = service
        self._guards = guards
        self._statements = Statements(self._engine.dialect)
        self._writer: Connection | None = None
        # A batch runs on the driver's own cursor, so the driver's own errors come through.
        driver = self._engine.dialect.loaded_dbapi
        # The last two come before anything is sent: a number or a text that the driver has no way to write.
        self._data_errors: Exceptions = (driver.DataError, driver.IntegrityError, OverflowError, UnicodeError)
        self._commit_errors: Exceptions = (SQLAlchemyError, driver.Error, *self._data_errors)
        self.plan: FaultPlan = NO_FAULTS
        self._plan_text: str | None = None
        self.on_other_plan: Callable[[FaultPlan], None] = _ignore
        self._shared = self._engine.dialect.name == "postgresql"  # perhaps with another process of this service

    def prepare(self, products: Sequence[Product]) -> None:
        """Make tables, seed the stock at the first start, load the fault plan. Raises ``LedgerUnavailable``."""
        try:
            connection = self._connection()
            with writing(connection):
                _make_tables(connection)
                if products and not connection.execute(select(func.count()).select_from(stock)).scalar_one():
                    rows = [{"sku": p.sku, "seeded": p.stock, "available": p.stock} for p in products]
                    connection.execute(insert(stock), rows)
                text = connection.execute(select(fault_plan.c.plan)).scalar_one_or_none()
        except SQLAlchemyError as error:
            raise LedgerUnavailable(f"the ledger could not be made ready: {error}") from error
        self.plan, self._plan_text = FaultPlan.model_validate_json(text) if text else NO_FAULTS, text

    def commit(
        self, requests: Sequence[Request], sent: Sequence[str], at: str, before_commit: Callable[[], None]
    ) -> tuple[list[Outcome], Sequence[Outgoing]]:
        """Decide and write ``requests`` in one durable transaction, and mark ``sent`` messages along with it.

        ``before_commit`` is called with everything written and nothing committed, where one of them is doomed.
        Raises ``LedgerUnavailable``, or ``Unstorable`` where one of them cannot be written; nothing was done then.
        """
        for attempt in range(1, MAX_TRIES + 1):
            try:
                return self._commit(requests, sent, at, before_commit)
            except self._commit_errors as error:
                self._drop_connection()
                if attempt < MAX_TRIES and _lost_against_another(error):
                    continue
                if isinstance(error, self._data_errors):
                    raise Unstorable(f"the ledger cannot write this: {error}") from error
                raise LedgerUnavailable(f"the ledger could not commit: {error}") from error
        raise AssertionError("unreachable")

    def _commit(
        self, requests: Sequence[Request], sent: Sequence[str], at: str, before_commit: Callable[[], None]
    ) -> tuple[list[Outcome], Sequence[Outgoing]]:
        connection = self._connection()
        with writing(connection):
            cursor = connection.connection.cursor()
            outcomes: list[Outcome] = []
            written = Written()
            if self._shared:
                self._take_plan(self._statements.plan(cursor))
            if requests:
                loaded = self._statements.load(cursor, requests, with_stock=self._service is Service.WAREHOUSE)
                terms = Terms(self._service, self.plan, self._guards, at, _reused)
                outcomes, written = decide_batch(requests, loaded, terms)
                self._statements.write(cursor, written)
            if sent:
                self._statements.mark_sent(cursor, sent)
            cursor.close()
            if any(request.doomed for request in requests):
                before_commit()
        return outcomes, written.outgoing

    def hear_plan(self) -> FaultPlan:
        """The plan in force, also where another process on this ledger was given it. Raises ``LedgerUnavailable``."""
        if self._shared:
            self._take_plan(next((row["plan"] for row in self._rows(select(fault_plan.c.plan))), None))
        return self.plan

    def _take_plan(self, text: str | None) -> None:
        if text != self._plan_text:
            self.plan = FaultPlan.model_validate_json(text) if text else NO_FAULTS
            self._plan_text = text
            self.on_other_plan(self.plan)

    def save_plan(self, plan: FaultPlan) -> None:
        """In force from the next batch on, and after a restart."""
        text = plan.model_dump_json()
        try:
            connection = self._connection()
            with writing(connection):
                connection.execute(fault_plan.delete())
                connection.execute(insert(fault_plan), {"id": 1, "plan": text})
        except SQLAlchemyError as error:
            self._drop_connection()
            raise LedgerUnavailable(f"the fault plan could not be saved: {error}") from error
        self.plan, self._plan_text = plan, text

    def close(self) -> None:
        self._drop_connection()
        self._engine.dispose()

    def _connection(self) -> Connection:
        if self._writer is None:
            self._writer = for_writing(self._engine)
        return self._writer

    def _drop_connection(self) -> None:
        connection, self._writer = self._writer, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    # --- reading, on connections of its own -------------------------------------------------------------------------

    def effects_page(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Effects with ``seq > after``, each with its line of JSON."""
        columns = effects.c
        query = select(
            columns.seq,
            columns.order_id,
            columns.operation,
            columns.amount_cents,
            columns.lines,
            columns.ref,
            columns.key,
            columns.at,
            columns.attempt,
        )
        return [
            (row["seq"], _json_line({**row, "lines": orjson.Fragment(row["lines"])}))
            for row in self._rows(query.where(columns.seq > after).order_by(columns.seq).limit(limit))
        ]

    def injected_page(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Injected faults with ``seq > after``, each with its line of JSON."""
        query = select(injected).where(injected.c.seq > after).order_by(injected.c.seq).limit(limit)
        service = self._service.value
        return [(row["seq"], _json_line({**row, "service": service})) for row in self._rows(query)]

    def injected_counts(self) -> dict[str, int]:
        query = select(injected.c.kind, func.count().label("count")).group_by(injected.c.kind)
        return {row["kind"]: row["count"] for row in self._rows(query)}

    def stock(self) -> dict[str, dict[str, int]]:
        return {
            row["sku"]: {"seeded": row["seeded"], "available": row["available"]}
            for row in self._rows(select(stock).order_by(stock.c.sku))
        }

    def unsent(self, limit: int) -> list[Outgoing]:
        query = select(outbox).where(~outbox.c.sent).order_by(outbox.c.seq).limit(limit)
        return [
            Outgoing(row["id"], row["subject"], orjson.loads(row["headers"]), bytes(row["body"]))
            for row in self._rows(query)
        ]

    def _rows(self, query: Any) -> Iterator[dict[str, Any]]:
        try:
            with self._engine.connect() as connection:
                result = connection.execute(query)
                # Plain strings, where SQLAlchemy has its own kind that the JSON encoder refuses.
                names = [f"{name}" for name in result.keys()]  # noqa: SIM118 - a result is no dict
                rows = [dict(zip(names, row, strict=True)) for row in result]
        except SQLAlchemyError as error:
            raise LedgerUnavailable(f"the ledger could not be read: {error}") from error
        return iter(rows)


def _make_tables(connection: Connection) -> None:
    """In a database that is under migrations they are there, or this release must not touch it."""
    if connection.dialect.name != "postgresql" or not inspect(connection).has_table(MIGRATED.name):
        metadata.create_all(connection)
        return
    found = connection.execute(select(MIGRATED.c.version_num)).scalar_one_or_none()
    if found != REVISION:
        raise LedgerUnavailable(
            f"the ledger's tables are of revision {found}, and this release works with {REVISION}: "
            "run its migrations (python -m services.ledger.databases)"
        )


def _json_line(row: dict[str, Any]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _lost_against_another(error: Exception) -> bool:
    """Whether this transaction was rolled back because another process was faster."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) in LOST_AGAINST_ANOTHER
