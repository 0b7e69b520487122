"""Bringing a ledger on PostgreSQL to a revision of its tables, with whatever is in it. Not loaded by the services.

One migration at a time, also where several processes try at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from services.ledger.schema import metadata

SCRIPTS: Final = Path(__file__).parent / "migrations"
LOCK_SQL: Final = "SELECT pg_advisory_lock(hashtext('saga-lab migration'))"
# A service's connection gives up soon; a migration of a large table may not.
NO_HURRY_SQL: Final = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0"
HEAD: Final = "head"


def upgrade(engine: Engine, to: str = HEAD) -> None:
    with _alone(engine) as config:
        command.upgrade(config, to)


def downgrade(engine: Engine, to: str) -> None:
    with _alone(engine) as config:
        command.downgrade(config, to)


def revision_of(engine: Engine) -> str | None:
    """None: no migration was ever made here."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    return ScriptDirectory(str(SCRIPTS)).get_current_head()


def differences(engine: Engine) -> list[object]:
    """Where the tables are not as ``schema`` says: a change of it that has no migration."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


@contextmanager
def _alone(engine: Engine) -> Iterator[Config]:
    """The one migration of this database until it ends."""
    with engine.connect() as connection:
        connection.detach()  # closed at the end, and the lock with it
        connection.exec_driver_sql(NO_HURRY_SQL)
        connection.exec_driver_sql(LOCK_SQL)
        connection.commit()
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        yield config
