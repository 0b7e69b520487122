"""The tables of the first release, written out: what ``schema`` says later must not change what this makes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = ("fault_plan", "injected", "stock", "tombstones", "outbox", "inbox", "idempotency", "effects")
APPEND_ONLY = (
    "CREATE OR REPLACE FUNCTION effects_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'effects is append-only'; END $$",
    "CREATE TRIGGER effects_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON effects "
    "FOR EACH STATEMENT EXECUTE FUNCTION effects_append_only()",
)


def upgrade() -> None:
    _what_was_done()
    _messages()
    _warehouse()
    _faults()


def downgrade() -> None:
    """Everything goes: only for a database that is given up."""
    for name in TABLES:
        op.drop_table(name)
    op.execute("DROP FUNCTION effects_append_only()")


def _sequence() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True)


def _text(name: str, length: int, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, primary_key=primary_key)


def _what_was_done() -> None:
    op.create_table(
        "effects",
        _sequence(),
        _text("order_id", 64),
        _text("operation", 16),
        sa.Column("amount_cents", sa.BigInteger, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        _text("ref", 64),
        _text("key", 200),
        _text("at", 32),
        sa.Column("attempt", sa.Integer, nullable=False),
    )
    op.create_index("ix_effects_order_id", "effects", ["order_id"])
    for statement in APPEND_ONLY:
        op.execute(statement)
    op.create_table(
        "idempotency",
        _text("key", 200, primary_key=True),
        _text("body_hash", 64),
        sa.Column("answer", sa.Text, nullable=False),
        _text("at", 32),
    )
    op.create_table(
        "tombstones",
        _text("order_id", 64, primary_key=True),
        _text("operation", 16, primary_key=True),
        _text("at", 32),
    )


def _messages() -> None:
    op.create_table(
        "inbox",
        _text("message_id", 200, primary_key=True),
        _text("consumer", 100, primary_key=True),
        sa.Column("answer", sa.Text, nullable=False),
        _text("at", 32),
    )
    op.create_table(
        "outbox",
        _sequence(),
        sa.Column("id", sa.String(200), nullable=False, unique=True),
        _text("subject", 255),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("sent", sa.Boolean, nullable=False),
    )
    op.create_index("outbox_unsent", "outbox", ["seq"], postgresql_where=sa.text("NOT sent"))


def _warehouse() -> None:
    op.create_table(
        "stock",
        _text("sku", 32, primary_key=True),
        sa.Column("seeded", sa.BigInteger, nullable=False),
        sa.Column("available", sa.BigInteger, nullable=False),
    )


def _faults() -> None:
    op.create_table(
        "injected",
        _sequence(),
        _text("order_id", 64),
        _text("operation", 16),
        sa.Column("attempt", sa.Integer, nullable=False),
        _text("kind", 16),
        sa.Column("point", sa.String(16)),
        _text("key", 200),
        _text("at", 32),
    )
    op.create_index("ix_injected_order_id", "injected", ["order_id"])
    op.create_table(
        "fault_plan",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("plan", sa.Text, nullable=False),
    )
