"""``python -m services.ledger.databases``: databases, their roles and the ledgers' migrations, then it ends.

For a container that runs once before the services start; safe to repeat, and the way to a new release's tables.
LAB_DATABASE_ADMIN_URL says who may make databases; LAB_LEDGER_URLS and LAB_OTHER_DATABASE_URLS (by spaces) say which
there must be, each as ``postgresql://role:password@host/database``. A role reaches its own database only.
"""

import logging
import os
import sys

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from services.ledger.connect import open_engine
from services.ledger.migrating import revision_of, upgrade
from services.serve import set_up_logging

log = logging.getLogger(__name__)


def make_database(admin: Connection, url: URL) -> None:
    """Its role, with this password from now on, and the database as that role's own."""
    quoted = admin.dialect.identifier_preparer.quote_identifier
    role, database = quoted(_named(url.username)), quoted(_named(url.database))
    verb = "ALTER" if _is_there(admin, "SELECT 1 FROM pg_roles WHERE rolname = :name", url.username) else "CREATE"
    password = admin.execute(text("SELECT quote_literal(:password)"), {"password": url.password or ""}).scalar_one()
    admin.exec_driver_sql(f"{verb} ROLE {role} LOGIN PASSWORD {password}".replace("%", "%%"))
    if not _is_there(admin, "SELECT 1 FROM pg_database WHERE datname = :name", url.database):
        admin.exec_driver_sql(f"CREATE DATABASE {database} OWNER {role} ENCODING 'UTF8' TEMPLATE template0")
    admin.exec_driver_sql(f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC")


def _named(name: str | None) -> str:
    if not name:
        raise ValueError("a database URL must name a role and a database")
    return name


def _is_there(admin: Connection, query: str, name: str | None) -> bool:
    return admin.execute(text(query), {"name": name}).scalar_one_or_none() is not None


def _urls(variable: str) -> list[URL]:
    return [make_url(each) for each in os.environ.get(variable, "").split()]


def main() -> int:
    set_up_logging("databases")
    ledgers, others = _urls("LAB_LEDGER_URLS"), _urls("LAB_OTHER_DATABASE_URLS")
    try:
        admin_url = make_url(os.environ["LAB_DATABASE_ADMIN_URL"]).set(drivername="postgresql+psycopg")
        # Whatever the server's own encoding is: the databases made here are in UTF-8.
        told = {"client_encoding": "utf8"}
        engine = create_engine(admin_url, isolation_level="AUTOCOMMIT", poolclass=NullPool, connect_args=told)
        with engine.connect() as admin:
            for url in (*ledgers, *others):
                make_database(admin, url)
        for url in ledgers:
            ledger = open_engine(url.render_as_string(hide_password=False))
            upgrade(ledger)
            log.info("ledger %s on %s is at revision %s", url.database, url.host, revision_of(ledger))
            ledger.dispose()
    except KeyError as error:
        log.error("%s is not set", error.args[0])
        return 2
    except (SQLAlchemyError, ValueError) as error:
        log.error("the databases are not ready: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
