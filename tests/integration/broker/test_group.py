"""Group commit: many publishes at once share a batch, one's conflict harms no other, and few share nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from broker.connection import close, connect
from broker.errors import Conflict, NotStored
from broker.group import GroupPublisher
from broker.provision import provision
from broker.publish import Message, Stored, publish
from broker.read import all_of
from tests.conftest import RealNats

STREAM = {"name": "S", "subjects": ["s.>"], "storage": "file", "allow_direct": True, "allow_atomic": True}
MANY = 200


@pytest.fixture
async def client(nats_url: RealNats) -> AsyncIterator[Client]:
    made = await connect(nats_url.url, user=nats_url.user, password=nats_url.password, name="test")
    await provision(made, (STREAM,), ())
    yield made
    await close(made)


def first(name: str) -> list[Message]:
    return [Message(f"s.{name}", name.encode(), message_id=name, expected_last=0)]


async def test_what_comes_one_by_one_is_never_batched(client: Client) -> None:
    group = GroupPublisher(client)
    stored = [await group.publish(first(str(n))) for n in range(20)]
    assert [each.sequence for each in stored] == list(range(1, 21))
    assert group.batches == 0


async def test_what_comes_at_once_shares_batches_and_each_is_told_its_own_sequence(client: Client) -> None:
    group = GroupPublisher(client)
    units = [[*first(f"{n}-extra"), *first(str(n))] if n % 10 == 0 else first(str(n)) for n in range(MANY)]
    stored = await asyncio.gather(*(group.publish(unit) for unit in units))
    assert 0 < group.batches < 10
    by_subject = {record.subject: record.sequence for record in await all_of(client, "S", "s.>")}
    assert [each.sequence for each in stored] == [by_subject[unit[-1].subject] for unit in units]
    assert len(by_subject) == MANY + MANY // 10


async def test_one_conflict_harms_no_other(client: Client) -> None:
    for n in (50, 51, 150):
        await publish(client, Message(f"s.{n}", b"another's"))
    group = GroupPublisher(client)
    answers = await asyncio.gather(*(group.publish(first(str(n))) for n in range(MANY)), return_exceptions=True)
    lost = [n for n, answer in enumerate(answers) if isinstance(answer, Conflict)]
    assert lost == [50, 51, 150]
    assert sum(isinstance(answer, Stored) for answer in answers) == MANY - 3
    subjects = [record.subject for record in await all_of(client, "S", "s.>")]
    assert len(subjects) == len(set(subjects)) == MANY


async def test_who_is_cancelled_while_waiting_holds_nobody_up(client: Client) -> None:
    group = GroupPublisher(client)
    tasks = [asyncio.create_task(group.publish(first(str(n)))) for n in range(MANY)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(answers[n], Stored) for n in range(MANY) if n % 3)
    # Nothing is counted as under way for ever: the next one still goes out.
    assert isinstance(await group.publish(first("last")), Stored)


async def test_without_an_answer_nobody_knows(client: Client, nats_url: RealNats) -> None:
    group = GroupPublisher(client)
    nats_url.kill()
    answers = await asyncio.gather(
        *(group.publish(first(str(n)), timeout_s=0.2) for n in range(50)), return_exceptions=True
    )
    assert all(isinstance(answer, NotStored) for answer in answers)
