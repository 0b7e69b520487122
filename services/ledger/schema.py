"""The tables of a ledger; the same on SQLite and PostgreSQL. ``effects`` can only be added to, by trigger."""

from typing import Any, Final

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
)

metadata: Final = MetaData()

# The migration that makes a PostgreSQL ledger what this file says (``migrations/versions``).
REVISION: Final = "0002"


def _sequence() -> Column[Any]:
    # SQLite numbers rows by itself only in a column of the exact type INTEGER.
    return Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True)


# What the service did to the world. ``lines`` is JSON: [{"sku": …, "quantity": …}].
effects: Final = Table(
    "effects",
    metadata,
    _sequence(),
    Column("order_id", String(64), nullable=False, index=True),
    Column("operation", String(16), nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("lines", Text, nullable=False),
    Column("ref", String(64), nullable=False),
    Column("key", String(200), nullable=False),
    Column("at", String(32), nullable=False),
    Column("attempt", Integer, nullable=False),
    sqlite_autoincrement=True,
)

# The first answer to a key, as JSON.
idempotency: Final = Table(
    "idempotency",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("answer", Text, nullable=False),
    Column("at", String(32), nullable=False),
)

# The messages acted upon, each with its answer.
inbox: Final = Table(
    "inbox",
    metadata,
    Column("message_id", String(200), primary_key=True),
    Column("consumer", String(100), primary_key=True),
    Column("answer", Text, nullable=False),
    Column("at", String(32), nullable=False),
)

outbox: Final = Table(
    "outbox",
    metadata,
    _sequence(),
    Column("id", String(200), nullable=False, unique=True),
    Column("subject", String(255), nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("sent", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
# Few rows are unsent, and only they are ever looked for.
Index("outbox_unsent", outbox.c.seq, sqlite_where=~outbox.c.sent, postgresql_where=~outbox.c.sent)

# The orders whose action is refused, since its undo came first.
tombstones: Final = Table(
    "tombstones",
    metadata,
    Column("order_id", String(64), primary_key=True),
    Column("operation", String(16), primary_key=True),
    Column("at", String(32), nullable=False),
)

stock: Final = Table(
    "stock",
    metadata,
    Column("sku", String(32), primary_key=True),
    Column("seeded", BigInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
)

# The ground truth: every fault that was injected, and by its count the attempts of an order.
injected: Final = Table(
    "injected",
    metadata,
    _sequence(),
    Column("order_id", String(64), nullable=False, index=True),
    Column("operation", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("point", String(16)),
    Column("key", String(200), nullable=False),
    Column("at", String(32), nullable=False),
    sqlite_autoincrement=True,
)

Index("injected_by_kind", injected.c.kind)

# One row: the plan in force, so that what is broken stays broken over a restart.
fault_plan: Final = Table(
    "fault_plan",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("plan", Text, nullable=False),
)

# Effects are only ever added: whoever tries anything else, by hand too, is refused by the database.
_APPEND_ONLY: Final = (
    (
        "sqlite",
        "CREATE TRIGGER effects_no_update BEFORE UPDATE ON effects "
        "BEGIN SELECT RAISE(ABORT, 'effects is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER effects_no_delete BEFORE DELETE ON effects "
        "BEGIN SELECT RAISE(ABORT, 'effects is append-only'); END",
    ),
    (
        "postgresql",
        "CREATE OR REPLACE FUNCTION effects_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'effects is append-only'; END $$",
    ),
    (
        "postgresql",
        "CREATE TRIGGER effects_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON effects "
        "FOR EACH STATEMENT EXECUTE FUNCTION effects_append_only()",
    ),
)
for _dialect, _statement in _APPEND_ONLY:
    _ddl: DDL = DDL(_statement)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    event.listen(effects, "after_create", _ddl.execute_if(dialect=_dialect))
