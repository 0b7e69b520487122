"""Opening a ledger's database, SQLite or PostgreSQL, so that the rest need not know which. Every commit is on the disk.

Both have one writer at a time. SQLite: ``BEGIN IMMEDIATE``. PostgreSQL: an advisory lock that lasts until the commit,
so that several processes may share a ledger, no two of them decide on the same order at once, and a row's ``seq`` never
becomes visible after a higher one (a reader that pages by ``seq`` would miss it).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

BUSY_TIMEOUT_S: Final = 5
# A peer that holds the lock and does not move on (a frozen process) is thrown out after a while.
POSTGRES_OPTIONS: Final = (
    "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s -c synchronous_commit=on"
)
LOCK_SQL: Final = "SELECT pg_advisory_xact_lock(hashtext('saga-lab ledger'), hashtext(current_schema()))"


def open_engine(url_text: str) -> Engine:
    """An engine whose write transactions (see ``writing``) are serialised and durable. Connects to nothing yet."""
    url = make_url(url_text)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    if url.get_backend_name() == "postgresql":
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        connect_args = {"connect_timeout": BUSY_TIMEOUT_S, "options": POSTGRES_OPTIONS, "tcp_user_timeout": 10_000}
        return create_engine(url, pool_size=4, max_overflow=4, pool_pre_ping=True, connect_args=connect_args)
    raise ValueError(f"a ledger is on SQLite or PostgreSQL, not {url.get_backend_name()!r}")


@contextmanager
def writing(connection: Connection) -> Iterator[None]:
    """A write transaction: the only one of this ledger until it ends."""
    with connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(LOCK_SQL)
        yield


def for_writing(engine: Engine) -> Connection:
    return engine.connect().execution_options(ledger_writes=True)


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ValueError("a ledger is a file: sqlite:////some/path.db")
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, pool_size=4, max_overflow=4, paramstyle="named", connect_args={"timeout": BUSY_TIMEOUT_S}
    )

    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin transactions by itself, and never IMMEDIATE ones
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("ledger_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine
