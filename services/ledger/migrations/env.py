"""Alembic's way into a ledger: whoever migrates gives the connection, and owns the transaction."""

from alembic import context

from services.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
