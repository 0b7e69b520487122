"""The ledger on real databases: group commit, append-only, outbox, plan, and several processes on one ledger."""

import asyncio
import multiprocessing
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.catalogue import Product
from services.commands import Answer, Command, Inbox, Outgoing, Result
from services.errors import KeyReused, LedgerUnavailable
from services.faults.plan import FaultKind, FaultPlan, FaultRule
from services.guards import Guards
from services.ledger.batch import Request
from services.ledger.ledger import Ledger
from services.operations import Operation, Service
from services.service import Service as RunningService
from tests.integration.services.conftest import settings_of
from tests.services_orders import order, request

PRODUCTS = (Product("MUG-1", 500, 1.0, 5), Product("PEN-1", 100, 0.5, 2))


def ledger(url: str, service: Service = Service.WAREHOUSE) -> Ledger:
    made = Ledger(url, service, Guards())
    made.prepare(PRODUCTS if service is Service.WAREHOUSE else ())
    return made


def commit(to: Ledger, requests: Sequence[Request], sent: Sequence[str] = ()) -> list[Any]:
    return to.commit(requests, sent, "2026", lambda: None)[0]


def effects(of: Ledger) -> list[dict[str, Any]]:
    return [orjson.loads(line) for _, line in of.effects_page(0, 10_000)]


SEQUENCE = [
    request(Operation.RESERVE, "o-1", "a", quantity=3),
    request(Operation.RESERVE, "o-1", "a", quantity=3),
    request(Operation.RESERVE, "o-2", "b", quantity=3),
    request(Operation.RELEASE, "o-3", "c"),
    request(Operation.RESERVE, "o-3", "d"),
    request(Operation.RELEASE, "o-1", "e"),
    request(Operation.RELEASE, "o-1", "f", quantity=9),
    request(Operation.RESERVE, "o-2", "g", quantity=3, message_id="m"),
    request(Operation.RESERVE, "o-4", "h", quantity=3, message_id="m"),
    request(Operation.RESERVE, "o-5", "a"),
    request(Operation.RESERVE, "o-6", "i", sku="NONE-1"),
    request(Operation.RESERVE, "o-7", "j", sku="PEN-1"),
]


@pytest.mark.parametrize("size", [1, 3, len(SEQUENCE)])
def test_batches_of_any_size_come_to_the_same(ledger_url: str, size: int) -> None:
    under_test = ledger(ledger_url)
    outcomes = []
    for start in range(0, len(SEQUENCE), size):
        outcomes += commit(under_test, SEQUENCE[start : start + size])
    results = [str(o.answer.refusal or o.answer.result) if o.answer else type(o.error).__name__ for o in outcomes]
    assert results == [
        "done",
        "done",
        "OutOfStock",
        "nothing_to_undo",
        "OrderUndone",
        "done",
        "done",
        "done",
        "done",  # the message "m" again: the answer that it got before, and no act
        "KeyReused",
        "UnknownProduct",
        "done",
    ]
    assert [(row["order_id"], row["operation"]) for row in effects(under_test)] == [
        ("o-1", "reserve"),
        ("o-1", "release"),
        ("o-2", "reserve"),
        ("o-7", "reserve"),
    ]
    assert under_test.stock() == {"MUG-1": {"seeded": 5, "available": 2}, "PEN-1": {"seeded": 2, "available": 1}}
    under_test.close()


def test_a_second_start_finds_everything(ledger_url: str) -> None:
    first = ledger(ledger_url)
    plan = FaultPlan(seed=9, rules=(FaultRule(kind=FaultKind.BROKEN, service=Service.WAREHOUSE),))
    commit(first, SEQUENCE)
    first.save_plan(plan)
    before = effects(first)
    first.close()
    second = ledger(ledger_url)
    assert effects(second) == before
    assert second.plan == plan, "what is broken stays broken"
    assert second.stock()["MUG-1"]["available"] == 2, "stock is seeded once"
    [again] = commit(second, [request(Operation.RESERVE, "o-7", "j", sku="PEN-1")])
    assert again.fault.kind is FaultKind.BROKEN
    second.close()


def test_effects_cannot_be_changed(ledger_url: str) -> None:
    under_test = ledger(ledger_url)
    commit(under_test, SEQUENCE)
    engine = create_engine(ledger_url)
    for statement in ("UPDATE effects SET amount_cents = 1", "DELETE FROM effects"):
        with pytest.raises(SQLAlchemyError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()
    under_test.close()


def test_a_transaction_that_fails_leaves_nothing(ledger_url: str) -> None:
    under_test = ledger(ledger_url)

    def fail() -> None:
        raise RuntimeError("the power went")

    doomed = Request(Command(Operation.RESERVE, order("o-1"), "k"), "h", attempt=1, doomed=True)
    with pytest.raises(RuntimeError):
        under_test.commit([doomed, request(Operation.RESERVE, "o-2", "l")], (), "2026", fail)
    assert effects(under_test) == []
    [outcome] = commit(under_test, [request(Operation.RESERVE, "o-2", "l")])
    assert outcome.answer.result is Result.DONE
    under_test.close()


def charge(order_id: str, key: str, message_id: str) -> Command:
    def outgoing(_answer: object) -> tuple[Outgoing, ...]:
        return (Outgoing(f"event-{message_id}", f"orders.{order_id}.PaymentCharged", {"a": "ü"}, b"\x00body"),)

    return Command(Operation.CHARGE, order(order_id), key, Inbox("payment", message_id), outgoing)


async def test_the_outbox_holds_what_was_not_marked_sent(ledger_url: str) -> None:
    settings = settings_of("payment", ledger_url)
    service = await RunningService.open(settings)
    told: list[str] = []
    service.on_outgoing = lambda messages: told.extend(message.id for message in messages)
    answers = await service.execute_all([charge(f"o-{n}", f"k-{n}", f"m-{n}") for n in range(5)])
    assert all(not isinstance(answer, BaseException) and answer.result is Result.DONE for answer in answers)
    again = await service.execute(charge("o-1", "k-1", "m-1"))
    assert again.replayed
    assert told == [f"event-m-{n}" for n in range(5)], "once each, in order"
    unsent = await service.unsent()
    assert unsent[0] == Outgoing("event-m-0", "orders.o-0.PaymentCharged", {"a": "ü"}, b"\x00body")
    service.mark_sent([message.id for message in unsent[:2]])
    await service.execute(charge("o-9", "k-9", "m-9"))  # takes the marks along
    assert [m.id for m in await service.unsent()] == ["event-m-2", "event-m-3", "event-m-4", "event-m-9"]
    service.mark_sent(["event-m-2"])
    await service.close()
    service = await RunningService.open(settings)
    assert [m.id for m in await service.unsent()] == ["event-m-3", "event-m-4", "event-m-9"]
    service.mark_sent(["event-m-3"])
    deadline = asyncio.get_running_loop().time() + 5
    while len(await service.unsent()) > 2:  # written after a while of quiet
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    await service.close()


async def test_one_that_fails_spoils_no_other_of_its_batch(ledger_url: str) -> None:
    service = await RunningService.open(settings_of("payment", ledger_url))

    def explode(_answer: object) -> tuple[Outgoing, ...]:
        raise ZeroDivisionError

    await service.execute(Command(Operation.CHARGE, order("o-1"), "k-1"))
    good, reused, exploded, also_good = await service.execute_all(
        [
            Command(Operation.CHARGE, order("o-2"), "k-2"),
            Command(Operation.CHARGE, order("o-3"), "k-1"),
            Command(Operation.CHARGE, order("o-4"), "k-4", outgoing=explode),
            Command(Operation.REFUND, order("o-1"), "k-5"),
        ]
    )
    assert not isinstance(good, BaseException)
    assert isinstance(reused, KeyReused)
    assert isinstance(exploded, ZeroDivisionError)
    assert not isinstance(also_good, BaseException)
    rows = [orjson.loads(line) async for page in service.effects() for line in page.splitlines()]
    assert [(row["order_id"], row["operation"]) for row in rows] == [
        ("o-1", "charge"),
        ("o-2", "charge"),
        ("o-1", "refund"),
    ]
    await service.close()
    with pytest.raises(LedgerUnavailable):
        await service.execute(Command(Operation.CHARGE, order("o-9"), "k-9"))


def _compete(url: str, name: str, rounds: int) -> None:
    mine = Ledger(url, Service.WAREHOUSE, Guards())
    mine.prepare(PRODUCTS)
    for n in range(rounds):
        requests = [request(Operation.RESERVE, f"o-{n % 7}", f"k-{n % 7}", quantity=1)]
        requests.append(request(Operation.RELEASE, f"o-{n % 7}", f"u-{name}-{n}"))
        requests.append(request(Operation.RESERVE, f"x-{name}-{n}", f"x-{name}-{n}", sku="PEN-1"))
        mine.commit(requests, (), "2026", lambda: None)
    mine.close()


def test_several_processes_on_one_ledger(ledger_url: str) -> None:
    """Same keys, same orders, same last pieces: each order once, stock never below zero, nobody fails."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_compete, args=(ledger_url, str(n), 30)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    under_test = ledger(ledger_url)
    rows = effects(under_test)
    assert max(Counter((row["order_id"], row["operation"]) for row in rows).values()) == 1
    assert under_test.stock() == {"MUG-1": {"seeded": 5, "available": 5}, "PEN-1": {"seeded": 2, "available": 0}}
    assert sum(row["order_id"].startswith("x-") for row in rows) == 2
    under_test.close()


async def test_what_cannot_be_written_fails_alone(ledger_url: str) -> None:
    """One command of a batch with text that no database takes; the others are done as if it had never been there."""
    service = await RunningService.open(settings_of("payment", ledger_url))

    def charge(order_id: str, subject: str) -> Command:
        def outgoing(_answer: Answer) -> tuple[Outgoing, ...]:
            return (Outgoing(order_id, subject, {}, b""),)

        return Command(Operation.CHARGE, order(order_id), order_id, outgoing=outgoing)

    too_long = "s" * 300 if ledger_url.startswith("postgresql") else "\ud800"
    subjects = {"o-1": "a", "o-2": "\ud800", "o-3": "b", "o-4": too_long, "o-5": "c"}
    outcomes = await service.execute_all([charge(order_id, subject) for order_id, subject in subjects.items()])
    unsent = [row.id for row in await service.unsent()]
    await service.close()
    results = ["done" if isinstance(each, Answer) else type(each).__name__ for each in outcomes]
    assert results == ["done", "Unstorable", "done", "Unstorable", "done"]
    assert unsent == ["o-1", "o-3", "o-5"]
