"""The tables of the read model, the same on SQLite and PostgreSQL."""

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

# Raised whenever a table, or what is written into it, changes: a read model of another version is made anew.
VERSION: Final = 2

metadata: Final = MetaData()

# SQLite takes a column of the exact type INTEGER for the row's own number.
_big: Final = BigInteger().with_variant(Integer, "sqlite")

executions: Final = Table(
    "executions",
    metadata,
    Column("began", _big, primary_key=True, autoincrement=False),
    Column("token", Text, nullable=False),
    Column("arn", String(700), nullable=False),
    Column("machine", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    Column("reference", String(300), nullable=False),
    Column("version", String(20), nullable=False),
    Column("alias", String(100), nullable=False),
    Column("map_run", String(700), nullable=False),
    Column("status", String(20), nullable=False),
    Column("started_at", Float(53), nullable=False),
    Column("sequence", _big, nullable=False),
    Column("stopped_at", Float(53)),
    Column("redrive_count", Integer, nullable=False),
    Column("redriven_at", Float(53)),
    Column("error", Text),
    Column("cause", Text),
    Column("waits", String(20)),
    Column("state", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("since", Float(53), nullable=False),
    Column("until", Float(53)),
    Column("callbacks", Text, nullable=False),
    Column("phase", String(40), nullable=False),
    Column("note", Text, nullable=False),
)

_columns: Final = executions.c
_running: Final = _columns.stopped_at.is_(None)
_ended: Final = _columns.stopped_at.is_not(None)
_child: Final = _columns.map_run != ""

Index("executions_token", _columns.token, unique=True)
Index("executions_machine", _columns.machine, _columns.began)
Index("executions_status", _columns.status, _columns.began)
Index("executions_phase", _columns.phase, _columns.began)
Index("executions_open", _columns.since, _columns.began, sqlite_where=_running, postgresql_where=_running)
Index("executions_ended", _columns.sequence, sqlite_where=_ended, postgresql_where=_ended)
Index("executions_map_run", _columns.map_run, _columns.began, sqlite_where=_child, postgresql_where=_child)

# One row: up to which record of which stream the rows tell.
position: Final = Table(
    "position",
    metadata,
    Column("version", Integer, nullable=False),
    Column("stream", String(100), nullable=False),
    Column("sequence", _big, nullable=False),
)
