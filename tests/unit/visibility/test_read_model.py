"""The read model tells the same however its records are cut into batches, and answers lists from them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from orchestration.errors import NotYet
from orchestration.names import ExecutionName
from orchestration.orders.read_model import READERS, Orders
from orchestration.runtime import records
from orchestration.visibility.cursors import BadCursor
from orchestration.visibility.database import Database
from orchestration.visibility.executions import Filter, Waits
from orchestration.visibility.folding import fold
from orchestration.visibility.schema import executions
from orchestration.visibility.sql import SqlExecutions
from services.front_door import NotDurable
from services.trail import OrderStatus

APPROVAL = "approval:ask.waitForTaskToken"
STREAM = "EXEC of some day"


@dataclass
class Seen:
    stream_sequence: int
    subject: str
    body: bytes

    @property
    def at(self) -> float:
        return 1000.0 + self.stream_sequence


def append(status: str = "RUNNING", **more: Any) -> bytes:
    fields: dict[str, Any] = {"machine": "m", "began_at": "1970-01-01T00:16:41.000000Z", "events": [], "checkpoint": {}}
    return records.Append(**{**fields, "status": status, **more}).encode()


def start(total_cents: int = 7, **more: Any) -> bytes:
    return records.Start("m", {"order": {"total_cents": total_cents}}, "f", **more).encode()


def branch(waiting: str, state: str = "Charge", **more: Any) -> dict[str, Any]:
    return {"state": state, "entry": 9, "at": 1.0, "input": {}, "last": 9, "waiting": waiting, **more}


def numbered(*told: tuple[str, bytes]) -> list[Seen]:
    return [Seen(number, *each) for number, each in enumerate(told, 1)]


ORDERS = numbered(
    ("exec.start.a", start()),
    ("exec.start.b", start(9)),
    ("exec.log.a", append(waiting=(records.Waiting(9, APPROVAL),), checkpoint={"root": branch("outside", "Ask")})),
    ("exec.log.b", append("SUCCEEDED")),
    ("exec.log.a", append(checkpoint={"root": branch("task")})),
    ("exec.log.a", append("FAILED", summary={"failed_in": "RolledBack", "error": "E"})),
)


class Fed:
    """A projector that has nothing to catch up with."""

    ready = True

    def __init__(self, database: Database) -> None:
        self.database = database

    async def catch_up(self, within_s: float) -> None: ...


def told(database: Database, seen: Sequence[Seen], cuts: Sequence[int] = ()) -> SqlExecutions:
    database.open(STREAM)
    for begin, end in zip([0, *cuts], [*cuts, len(seen)], strict=True):
        if batch := seen[begin:end]:
            database.apply(fold(batch, READERS, refuse), batch[-1].stream_sequence)
    fed: Any = Fed(database)
    return SqlExecutions(fed, clock=lambda: 2000.0)


def refuse(subject: str, error: Exception) -> None:
    raise AssertionError(f"{subject}: {error}")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    of_postgres = request.param == "postgres"
    url = request.getfixturevalue("postgres_url") if of_postgres else f"sqlite:///{tmp_path}/read-model.db"
    with closing(Database(url)) as made:
        yield made


def everything(database: Database) -> list[tuple[Any, ...]]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM executions ORDER BY began")]


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, len(ORDERS)), max_size=4).map(sorted), seed=st.integers(0, 2))
def test_rows_are_the_same_however_the_stream_is_cut_and_repeated(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("read-model")
    with (
        closing(Database(f"sqlite:///{folder}/one.db")) as whole,
        closing(Database(f"sqlite:///{folder}/two.db")) as cut,
    ):
        told(whole, ORDERS)
        told(cut, ORDERS, cuts)
        for _ in range(seed):
            told(cut, ORDERS, cuts)
        assert everything(cut) == everything(whole)


def test_the_last_record_of_every_subject_tells_enough(tmp_path: Path) -> None:
    last = [ORDERS[at] for at in (0, 1, 3, 5)]
    with (
        closing(Database(f"sqlite:///{tmp_path}/a.db")) as whole,
        closing(Database(f"sqlite:///{tmp_path}/b.db")) as jumped,
    ):
        told(whole, ORDERS)
        told(jumped, last)
        assert everything(jumped) == everything(whole)


async def test_orders_are_told_in_their_own_words(database: Database) -> None:
    orders = Orders("lane", told(database, ORDERS[:3]))
    (waiting,) = await orders.waiting(OrderStatus.WAITING_FOR_APPROVAL)
    assert (waiting.name, waiting.note, waiting.callbacks) == ("a", "7", (records.Waiting(9, APPROVAL),))
    assert list(await orders.waiting(OrderStatus.PARKED)) == []
    orders = Orders("lane", told(database, ORDERS[3:]))
    assert [o.order_id for o in await orders.outcomes(0, 10)] == ["b", "a"]
    assert [o.order_id for o in await orders.outcomes(4, 10)] == ["a"]
    assert [v.order_id for v in await orders.views(None, 10)] == ["b", "a"]
    (view,) = await orders.views(OrderStatus.ROLLED_BACK, 10)
    assert (view.reason, view.accepted_at, view.finished_at) == (
        "E",
        "1970-01-01T00:16:41.000000Z",
        "1970-01-01T00:16:46.000000Z",
    )


async def test_an_unfinished_model_does_not_answer(database: Database) -> None:
    rows = told(database, ORDERS)
    rows._projector.ready = False
    with pytest.raises(NotDurable):
        await Orders("lane", rows).views(None, 1)
    with pytest.raises(NotYet):
        await rows.select(select(executions))


def of_machine(name: str, number: int, **more: Any) -> tuple[str, bytes]:
    execution = ExecutionName(name, f"run-{number}")
    return f"exec.start.{execution.token}", start(arn=execution.arn, **more)


def log_of(name: str, number: int, status: str = "RUNNING", **more: Any) -> tuple[str, bytes]:
    execution = ExecutionName(name, f"run-{number}")
    return f"exec.log.{execution.token}", append(status, arn=execution.arn, **more)


async def names(listing: Any) -> list[str]:
    return [row.name for row in (await listing).rows]


async def test_lists_are_filtered_and_paged(database: Database) -> None:
    rows = told(
        database,
        numbered(
            *(of_machine("m.1", number) for number in range(5)),
            of_machine("m.2", 5, qualifier="3"),
            of_machine("m.2", 6, qualifier="PROD:3"),
            of_machine("m.1", 7, map_run="arn:map-run"),
            of_machine("m.1", 8, express=True),
            log_of("m.1", 1, "SUCCEEDED"),
            log_of("m.1", 2, "RUNNING", redrives=1, redriven_at="1970-01-01T00:16:41.000000Z"),
        ),
    )
    first = await rows.list(Filter(machine="m.1"), limit=2)
    second = await rows.list(Filter(machine="m.1"), limit=2, after=first.next)
    third = await rows.list(Filter(machine="m.1"), limit=2, after=second.next)
    pages = [[row.name for row in page.rows] for page in (first, second, third)]
    assert pages == [["run-4", "run-3"], ["run-2", "run-1"], ["run-0"]]
    assert third.next is None
    assert await names(rows.list(Filter(machine="m.1", status="SUCCEEDED"))) == ["run-1"]
    assert await names(rows.list(Filter(machine="m.1", redriven=True))) == ["run-2"]
    assert await names(rows.list(Filter(machine="m.1", redriven=False))) == ["run-4", "run-3", "run-1", "run-0"]
    assert await names(rows.list(Filter(machine="m.2", qualifier="3"))) == ["run-6", "run-5"]
    assert await names(rows.list(Filter(machine="m.2", qualifier="PROD"))) == ["run-6"]
    assert await names(rows.list(Filter(map_run="arn:map-run"))) == ["run-7"]
    assert await rows.counts("m.1") == {"RUNNING": 5, "SUCCEEDED": 1}
    found = await rows.find(ExecutionName("m.1", "run-2").arn)
    assert found is not None
    assert (found.redrive_count, found.redriven_at, found.status) == (1, 1001.0, "RUNNING")
    assert await rows.find("nobody") is None


async def test_no_row_is_left_out_when_the_last_of_a_page_goes_on_to_its_next_wait(database: Database) -> None:
    seen = numbered(*(of_machine("m", number) for number in range(7)))
    rows = told(database, seen)
    first = await rows.waiting(Waits.TASK, limit=3)
    assert [row.name for row in first.rows] == ["run-0", "run-1", "run-2"]
    went_on = append(arn=ExecutionName("m", "run-2").arn, checkpoint={"root": branch("task", "Next")})
    token = ExecutionName("m", "run-2").token
    database.apply(fold([Seen(8, f"exec.log.{token}", went_on)], READERS, refuse), 8)
    second = await rows.waiting(Waits.TASK, limit=3, after=first.next)
    third = await rows.waiting(Waits.TASK, limit=3, after=second.next)
    assert [row.name for row in (*second.rows, *third.rows)] == ["run-3", "run-4", "run-5", "run-6", "run-2"]
    assert third.next is None


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1-", "1-nan", "9" * 19, "9" * 19 + "-1.0", "1-1.0-1", "\u0661"])
async def test_a_cursor_of_no_list_is_refused(database: Database, cursor: str) -> None:
    rows = told(database, [])
    for asked in (rows.list(after=cursor), rows.waiting(after=cursor)):
        with pytest.raises(BadCursor):
            await asked


async def test_a_text_holds_nothing_that_postgresql_refuses(database: Database) -> None:
    ended = log_of("m", 1, "FAILED", summary={"error": "E\0", "cause": "a\0b"})
    waits = log_of("m", 2, checkpoint={"root": branch("task", "S\0")})
    rows = told(database, numbered(of_machine("m", 1), of_machine("m", 2), ended, waits))
    second, first = (await rows.list()).rows
    assert (first.error, first.cause, second.state) == ("E\ufffd", "a\ufffdb", "S\ufffd")


def test_no_token_is_longer_than_its_column() -> None:
    assert getattr(executions.c.token.type, "length", None) is None


@pytest.mark.parametrize(
    ("last", "waits", "until"),
    [
        ({"checkpoint": {"root": branch("task")}}, Waits.TASK, None),
        ({"checkpoint": {"root": branch("retry", timers={"retry:9": 77.0})}}, Waits.RETRY, 77.0),
        ({"checkpoint": {"root": branch("wait", timers={"wait:9": 88.0})}}, Waits.TIMER, 88.0),
        ({"checkpoint": {"root": branch("outside")}, "waiting": (records.Waiting(9, APPROVAL),)}, Waits.CALLBACK, None),
        (
            {
                "checkpoint": {"root": branch("outside")},
                "waiting": (records.Waiting(9, "arn:aws:states:::states:startExecution.sync:2"),),
            },
            Waits.CHILD,
            None,
        ),
        (
            {"checkpoint": {"root": branch("children", children=[branch("task"), None, branch("retry")])}},
            Waits.RETRY,
            None,
        ),
    ],
)
async def test_what_an_execution_waits_for(
    database: Database, last: dict[str, Any], waits: Waits, until: float | None
) -> None:
    rows = told(database, numbered(of_machine("m", 0), log_of("m", 0, **last)))
    found = await rows.find(ExecutionName("m", "run-0").arn)
    assert found is not None
    assert (found.waits, found.until, found.since, found.state) == (waits, until, 1002.0, "Charge")
    assert await names(rows.waiting(waits)) == ["run-0"]
    assert await names(rows.waiting()) == ([] if waits is Waits.TASK else ["run-0"])


async def test_the_stuck_are_those_that_nothing_is_going_to_wake(database: Database) -> None:
    stuck: dict[str, Any] = {"checkpoint": {"root": branch("task")}}
    overdue: dict[str, Any] = {"checkpoint": {"root": branch("wait", timers={"wait:9": 1100.0})}}
    sleeping: dict[str, Any] = {"checkpoint": {"root": branch("wait", timers={"wait:9": 5000.0})}}
    rows = told(
        database,
        numbered(
            *(of_machine("m", number) for number in range(3)),
            *(log_of("m", number, **each) for number, each in enumerate((stuck, overdue, sleeping))),
        ),
    )
    assert await names(rows.waiting(stuck_for_s=60)) == ["run-0", "run-1"]
    assert await names(rows.waiting(stuck_for_s=997)) == []
    first = await rows.waiting(stuck_for_s=60, limit=1)
    assert await names(rows.waiting(stuck_for_s=60, limit=1, after=first.next)) == ["run-1"]


def test_since_stays_while_nothing_changes(database: Database) -> None:
    waiting: dict[str, Any] = {"waiting": (records.Waiting(9, APPROVAL),), "checkpoint": {"root": branch("outside")}}
    seen = numbered(of_machine("m", 0), log_of("m", 0, **waiting), log_of("m", 0, **waiting))
    rows = told(database, seen, [1, 2])
    found = asyncio.run(rows.find(ExecutionName("m", "run-0").arn))
    assert found is not None
    assert (found.sequence, found.since) == (3, 1002.0)


def _position(of: Callable[[], Database]) -> int:
    with closing(of()) as database:
        return database.open(STREAM)


def test_a_restart_goes_on_and_another_stream_begins_anew(tmp_path: Path) -> None:
    def made() -> Database:
        return Database(f"sqlite:///{tmp_path}/read-model.db")

    with closing(made()) as database:
        assert database.open(STREAM) == 0
        told(database, ORDERS)
    assert _position(made) == 6
    with closing(made()) as database:
        assert database.open("EXEC of another day") == 0
        assert everything(database) == []


def test_a_file_that_is_no_database_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "read-model.db").write_bytes(b"no database" * 1000)
    assert _position(lambda: Database(f"sqlite:///{tmp_path}/read-model.db")) == 0


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://somewhere/db"])
def test_the_model_is_a_file_or_postgresql(url: str) -> None:
    with pytest.raises(ValueError, match="read model"):
        Database(url)


async def test_a_database_out_of_reach_is_an_answer_for_later() -> None:
    """Nobody listens on that port."""
    fed: Any = Fed(Database("postgresql://nobody@127.0.0.1:9/none"))
    with pytest.raises(NotYet, match="out of reach"):
        await SqlExecutions(fed).list()
