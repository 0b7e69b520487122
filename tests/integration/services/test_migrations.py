"""A PostgreSQL ledger from release to release, with books in it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from services.errors import LedgerUnavailable
from services.guards import Guards
from services.ledger.connect import open_engine
from services.ledger.ledger import Ledger
from services.ledger.migrating import differences, downgrade, newest_revision, revision_of, upgrade
from services.ledger.schema import REVISION
from services.operations import Service

pytestmark = pytest.mark.postgres
BOOKED = (
    "INSERT INTO effects (order_id, operation, amount_cents, lines, ref, key, at, attempt)"
    " VALUES (:o, 'charge', 5, '[]', 'r', 'k', 't', 1)"
)
INJECTED = (
    "INSERT INTO injected (order_id, operation, attempt, kind, key, at) VALUES (:o, 'charge', 1, 'error', 'k', 't')"
)


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    made = open_engine(postgres_url)
    yield made
    made.dispose()


def _book(engine: Engine, order: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(BOOKED), {"o": order})
        connection.execute(text(INJECTED), {"o": order})


def _orders(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT order_id FROM effects ORDER BY seq")).scalars())


def test_books_of_the_first_release_go_up_and_down_again(engine: Engine) -> None:
    upgrade(engine, "0001")
    _book(engine, "before")
    upgrade(engine)
    assert revision_of(engine) == newest_revision() == REVISION
    _book(engine, "after")
    downgrade(engine, "0001")
    assert _orders(engine) == ["before", "after"]
    upgrade(engine)
    assert _orders(engine) == ["before", "after"]


def test_the_newest_tables_are_those_of_the_schema(engine: Engine) -> None:
    upgrade(engine)
    assert differences(engine) == []


def test_effects_can_only_be_added_to(engine: Engine) -> None:
    upgrade(engine)
    _book(engine, "kept")
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("DELETE FROM effects"))


def test_a_service_works_on_migrated_tables(engine: Engine, postgres_url: str) -> None:
    upgrade(engine)
    ledger = Ledger(postgres_url, Service.PAYMENT, Guards())
    ledger.prepare(())
    ledger.close()


def test_a_service_does_not_touch_tables_of_another_release(engine: Engine, postgres_url: str) -> None:
    upgrade(engine, "0001")
    ledger = Ledger(postgres_url, Service.PAYMENT, Guards())
    with pytest.raises(LedgerUnavailable, match="run its migrations"):
        ledger.prepare(())
    ledger.close()
