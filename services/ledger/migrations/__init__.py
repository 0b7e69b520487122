"""How the tables of a ledger on PostgreSQL came about, release by release; run by Alembic.

A ledger on SQLite is made whole by its first start and belongs to one laboratory: it is not migrated.
"""
