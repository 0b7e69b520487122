"""The few statements of a batch: load what it needs, write what it adds.

Built with SQLAlchemy Core and compiled once per dialect; then run on the driver's own cursor, since for statements this
small SQLAlchemy's execution costs several times what the database does.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import (
    ARRAY,
    ClauseElement,
    ColumnElement,
    Dialect,
    String,
    Table,
    any_,
    bindparam,
    column,
    func,
    literal_column,
    null,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects import sqlite

from services.ledger.batch import Loaded, Request, Written
from services.ledger.schema import effects, fault_plan, idempotency, inbox, injected, outbox, stock, tombstones
from services.operations import Operation
from services.rules import Effect, OrderState

_EFFECT, _TOMBSTONE, _FAULT = 0, 1, 2


class Cursor(Protocol):
    """What every driver's cursor can do."""

    def execute(self, statement: str, parameters: Mapping[str, Any], /) -> Any: ...

    def executemany(self, statement: str, parameters: Sequence[Mapping[str, Any]], /) -> Any: ...

    def fetchall(self) -> Sequence[Any]: ...


class Statements:
    """The statements of one dialect, as text with named parameters."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._lists_as_json = dialect.name == "sqlite"
        self._answers = self._text(
            select(idempotency.c.key, idempotency.c.body_hash, idempotency.c.answer).where(
                self._among(idempotency.c.key)
            )
        )
        # The messages of other consumers among them, if any, do no harm.
        self._messages = self._text(
            select(inbox.c.consumer, inbox.c.message_id, inbox.c.answer).where(self._among(inbox.c.message_id))
        )
        self._orders = self._text(self._all_of_orders())
        self._stock = self._text(select(stock.c.sku, stock.c.available).where(self._among(stock.c.sku)))
        self._add_stock = self._text(
            update(stock)
            .where(stock.c.sku == bindparam("of"))
            .values(available=stock.c.available + bindparam("change"))
        )
        self._mark_sent = self._text(update(outbox).where(outbox.c.id == bindparam("message")).values(sent=true()))
        self._plan = self._text(select(fault_plan.c.plan))
        self._inserts = {table.name: self._insert(table) for table in TABLES}

    def plan(self, cursor: Cursor) -> str | None:
        """The fault plan as it was saved last, by whichever process."""
        cursor.execute(self._plan, {})
        rows = cursor.fetchall()
        return str(rows[0][0]) if rows else None

    def load(self, cursor: Cursor, requests: Sequence[Request], *, with_stock: bool) -> Loaded:
        loaded = Loaded()
        commands = [request.command for request in requests]
        for key, body_hash, answer in self._rows(cursor, self._answers, [command.key for command in commands]):
            loaded.answers[key] = (body_hash, answer)
        if messages := [command.inbox.message_id for command in commands if command.inbox is not None]:
            for consumer, message_id, answer in self._rows(cursor, self._messages, messages):
                loaded.inbox[consumer, message_id] = answer
        for row in self._rows(cursor, self._orders, {command.order.order_id for command in commands}):
            _load_order_row(loaded, *row)
        if with_stock:
            skus = {line.sku for command in commands for line in command.order.lines}
            for state in loaded.orders.values():
                if state.last_action is not None:
                    skus.update(sku for sku, _ in state.last_action.lines)
            loaded.stock.update(self._rows(cursor, self._stock, skus))
        return loaded

    def write(self, cursor: Cursor, written: Written) -> None:
        for name, rows in (
            ("effects", written.effects),
            ("idempotency", written.idempotency),
            ("inbox", written.inbox),
            ("outbox", written.outbox),
            ("tombstones", written.tombstones),
            ("injected", written.injected),
        ):
            if rows:
                cursor.executemany(self._inserts[name], rows)
        if written.stock:
            changes = [{"of": sku, "change": change} for sku, change in sorted(written.stock.items()) if change]
            cursor.executemany(self._add_stock, changes)

    def mark_sent(self, cursor: Cursor, ids: Sequence[str]) -> None:
        cursor.executemany(self._mark_sent, [{"message": message_id} for message_id in ids])

    def _rows(self, cursor: Cursor, statement: str, values: Iterable[str]) -> Sequence[Any]:
        listed = list(values)
        cursor.execute(statement, {"listed": orjson.dumps(listed).decode() if self._lists_as_json else listed})
        return cursor.fetchall()

    def _among(self, of: ColumnElement[Any]) -> ColumnElement[bool]:
        """``of`` is in the list parameter ``listed``: one text for lists of every length."""
        if self._lists_as_json:
            return of.in_(select(column("value")).select_from(func.json_each(bindparam("listed"))))
        return of == any_(bindparam("listed", type_=ARRAY(String)))

    def _all_of_orders(self) -> ClauseElement:
        """All that was done for, or to, some orders. One statement, as each costs more than its rows do."""
        done, undone, faults = effects.c, tombstones.c, injected.c
        zero: ColumnElement[int] = literal_column("0")
        return union_all(
            select(
                literal_column(str(_EFFECT)).label("what"),
                done.seq.label("seq"),
                done.order_id,
                done.operation,
                done.ref,
                done.amount_cents,
                done.lines,
            ).where(self._among(done.order_id)),
            select(
                literal_column(str(_TOMBSTONE)), zero, undone.order_id, undone.operation, null(), zero, null()
            ).where(self._among(undone.order_id)),
            select(
                literal_column(str(_FAULT)), faults.seq, faults.order_id, faults.operation, null(), zero, null()
            ).where(self._among(faults.order_id)),
        ).order_by("what", "seq")

    def _insert(self, table: Table) -> str:
        names = [each.name for each in table.columns if each.name != "seq"]
        statement = self._insert_into(table).inline()
        if table.name in FIRST_STANDS:
            statement = statement.on_conflict_do_nothing()
        return str(statement.compile(dialect=self._dialect, column_keys=names))

    def _insert_into(self, table: Table) -> Any:
        """The dialect's own insert, which knows ``on conflict``."""
        if self._lists_as_json:
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql  # only where it is used: it makes every start longer

        return postgresql.insert(table)

    def _text(self, statement: ClauseElement) -> str:
        return str(statement.compile(dialect=self._dialect))


TABLES: Final = (effects, idempotency, inbox, outbox, tombstones, injected)
# A message or tombstone that is there already stays as it is. A key that is there already is none of these: another
# process got in between, and the batch must be decided again.
FIRST_STANDS: Final = frozenset({"inbox", "outbox", "tombstones"})


def _load_order_row(
    loaded: Loaded, what: int, _seq: int, order_id: str, operation: str, ref: str, amount_cents: int, lines: str
) -> None:
    if what == _FAULT:
        loaded.faults[order_id, operation] = loaded.faults.get((order_id, operation), 0) + 1
        return
    state = loaded.orders.get(order_id, OrderState())
    if what == _TOMBSTONE:
        loaded.orders[order_id] = state.buried()
        return
    pieces = tuple((line["sku"], line["quantity"]) for line in orjson.loads(lines)) if lines != "[]" else ()
    effect = Effect(order_id, Operation(operation), ref, amount_cents, pieces)
    loaded.orders[order_id] = state.after(effect)
