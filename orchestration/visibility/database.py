"""The read model's database: opened, made anew when it is of no use, and written in whole batches. Blocking.

It can be rebuilt from the stream at any time, so nothing is synced before a commit returns.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    Insert,
    Update,
    and_,
    bindparam,
    case,
    create_engine,
    event,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, OperationalError

from orchestration.visibility.folding import NEW, Changes
from orchestration.visibility.schema import VERSION, executions, metadata, position

log = logging.getLogger(__name__)

BUSY_TIMEOUT_S: Final = 5
# As on SQLite: what a crash of the server takes from it is projected again, since the position is lost with the rows.
POSTGRES_OPTIONS: Final = "-c synchronous_commit=off"
_UPDATED: Final = (
    "status",
    "sequence",
    "stopped_at",
    "redrive_count",
    "redriven_at",
    "error",
    "cause",
    "waits",
    "state",
    "resource",
    "until",
    "callbacks",
    "phase",
)
_SAME_AS_BEFORE: Final = ("status", "waits", "state", "callbacks", "phase")

_c: Final = executions.c


class Database:
    """One process writes. ``reading`` may be used from several threads at once, ``apply`` from one."""

    def __init__(self, url_text: str) -> None:
        """Connects to nothing yet. Raises ``ValueError`` for a URL of neither SQLite nor PostgreSQL."""
        self._url = make_url(url_text)
        self._engine = _engine(self._url)
        self._start = _Prepared(_start_statement(self._engine.dialect.name), self._engine)
        self._change = _Prepared(_change_statement(), self._engine)

    def open(self, stream: str) -> int:
        """The sequence up to which the rows tell of ``stream`` (a text that names this very one); 0: of nothing yet."""
        try:
            found = self._position(stream)
        except OperationalError:  # it is in use, or out of reach
            raise
        except DatabaseError as error:
            log.warning("the read model cannot be read, it is made anew: %s", error)
            found = None
            self._forget_file()
        if found is None:
            self._make(stream)
        return found or 0

    def reset(self, stream: str) -> None:
        """Forget everything."""
        self._make(stream)

    def close(self) -> None:
        self._engine.dispose()

    def apply(self, changes: Changes, sequence: int) -> None:
        """Rows and position in one transaction."""
        with self._engine.begin() as connection:
            if changes.started:
                self._start.run(connection, changes.started)
            if changes.changed:
                self._change.run(connection, changes.changed)
            connection.execute(update(position).values(sequence=sequence))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            yield connection

    def _position(self, stream: str) -> int | None:
        """None: there is none, or of another stream or version."""
        if not inspect(self._engine).has_table(position.name):
            return None
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite" and _is_damaged(connection):
                raise DatabaseError("the file is damaged", None, ValueError(self._url.database))
            found = connection.execute(select(position)).one_or_none()
        return found.sequence if found is not None and (found.version, found.stream) == (VERSION, stream) else None

    def _make(self, stream: str) -> None:
        with self._engine.begin() as connection:
            metadata.drop_all(connection)
            metadata.create_all(connection)
            connection.execute(insert(position).values(version=VERSION, stream=stream, sequence=0))

    def _forget_file(self) -> None:
        self._engine.dispose()
        if self._url.get_backend_name() == "sqlite" and self._url.database:
            for suffix in ("", "-wal", "-shm"):
                Path(self._url.database + suffix).unlink(missing_ok=True)


class _Prepared:
    """A statement compiled once, for many rows at a time: of what SQLAlchemy does to a row, it does the least."""

    def __init__(self, statement: Insert | Update, engine: Engine) -> None:
        compiled: Any = statement.compile(dialect=engine.dialect)
        self._text = str(compiled)
        self._values = itemgetter(*compiled.positiontup) if compiled.positional else None

    def run(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        given = rows if self._values is None else list(map(self._values, rows))
        connection.exec_driver_sql(self._text, given)


def _start_statement(dialect: str) -> Insert:
    """A start that is there already is left as it is."""
    made = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return made(executions).on_conflict_do_nothing()


def _change_statement() -> Update:
    """Bound names differ from the columns', as SQLAlchemy wants them to."""
    given: dict[str, BindParameter[Any]] = {name: bindparam(f"{NEW}{name}") for name in (*_UPDATED, "since", "token")}
    unchanged = and_(*(_c[name].is_not_distinct_from(given[name]) for name in _SAME_AS_BEFORE))
    since = case((unchanged, _c.since), else_=given["since"])
    newer = and_(_c.token == given["token"], _c.sequence < given["sequence"])
    return update(executions).where(newer).values({name: given[name] for name in _UPDATED} | {"since": since})


def _is_damaged(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() != "ok")


def _engine(url: URL) -> Engine:
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url)
        case "postgresql":
            driver = url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url
            told = {"connect_timeout": BUSY_TIMEOUT_S, "options": POSTGRES_OPTIONS}
            return create_engine(driver, pool_size=4, max_overflow=4, pool_pre_ping=True, connect_args=told)
        case other:
            raise ValueError(f"the read model is on SQLite or PostgreSQL, not {other!r}")


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ValueError("the read model is a file: sqlite:////some/path.db")
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.close()

    event.listen(engine, "connect", prepare)
    return engine
