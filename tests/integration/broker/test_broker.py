"""The broker room against a real nats-server."""

import asyncio
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest
from nats.errors import AuthorizationError

from broker.connection import close, connect
from broker.errors import Conflict, NotStored, Rejected
from broker.provision import provision
from broker.publish import Message, publish, publish_batch, schedule
from broker.pull import Delivery, Puller
from broker.read import MOST_SINGLY, all_of, few_of, last

STREAM = {
    "name": "S",
    "subjects": ["s.>"],
    "storage": "file",
    "allow_atomic": True,
    "allow_msg_schedules": True,
    "allow_direct": True,
}
CONSUMER = {"durable_name": "c", "ack_policy": "explicit", "ack_wait": 1_000_000_000, "filter_subjects": ["s.>"]}


@pytest.fixture
async def client(nats_url):
    client = await connect(nats_url.url, user="lab", password="lab", name="test")
    await provision(client, [STREAM], [("S", CONSUMER)])
    yield client
    await close(client)


async def take(puller: Puller, count: int, ack: bool = True, within_s: float = 30) -> list[Delivery]:
    got: list[Delivery] = []
    async with asyncio.timeout(within_s):
        async for batch in puller.batches():
            for delivery in batch:
                got.append(delivery)
                if ack:
                    await delivery.ack()
            if len(got) >= count:
                await puller.stop()
    return got


async def test_provisioning_twice_is_once(client):
    await provision(client, [STREAM], [("S", CONSUMER)])


async def test_a_refused_stream_says_why(client):
    with pytest.raises(Rejected, match="subjects"):
        await provision(client, [{**STREAM, "name": "T"}], [])


async def test_compare_and_set_lets_exactly_one_win(client):
    results = await asyncio.gather(
        *(publish(client, Message("s.a", b"%d" % i, expected_last=0)) for i in range(10)), return_exceptions=True
    )
    assert sum(isinstance(result, Conflict) for result in results) == 9


async def test_expected_sequence_on_a_wildcard(client):
    first = await publish(client, Message("s.x.start", b"", expected_last=0, expected_on="s.x.>"))
    await publish(client, Message("s.x.log", b"", expected_last=first.sequence, expected_on="s.x.>"))
    with pytest.raises(Conflict):
        await publish(client, Message("s.x.log", b"", expected_last=first.sequence, expected_on="s.x.>"))


async def test_a_repeated_id_adds_nothing(client):
    assert not (await publish(client, Message("s.a", b"", message_id="1"))).duplicate
    assert (await publish(client, Message("s.a", b"", message_id="1"))).duplicate


async def test_a_batch_is_all_or_nothing(client):
    await publish(client, Message("s.b.1", b""))
    with pytest.raises(Conflict):
        await publish_batch(client, [Message("s.b.2", b""), Message("s.b.1", b"", expected_last=0)])
    assert await last(client, "S", "s.b.2") is None


async def test_reading_all_of_a_subject_in_order_over_several_pages(client):
    await asyncio.gather(*(publish(client, Message(f"s.o{i % 2}.{i}", b"%d" % i)) for i in range(600)))
    records = await all_of(client, "S", "s.o1.*")
    assert len(records) == 300
    assert [record.sequence for record in records] == sorted(record.sequence for record in records)
    assert len(await all_of(client, "S", "s.o1.*", limit=7)) == 7
    assert await all_of(client, "S", "s.none") == []


async def test_a_handful_is_read_in_order_and_alone(client):
    for number in range(5):
        for name in ("o-1", "o-2", "o-10"):
            await publish(client, Message(f"s.{name}.{number % 2}", f"{name} {number}".encode()))
    found = await few_of(client, "S", "s.o-1.>")
    assert [record.body.decode() for record in found] == [f"o-1 {number}" for number in range(5)]
    assert [record.sequence for record in found] == [r.sequence for r in await all_of(client, "S", "s.o-1.>")]
    assert await few_of(client, "S", "s.nobody.>") == []


@pytest.mark.parametrize("count", [0, 1, MOST_SINGLY, MOST_SINGLY + 1, 40])
async def test_one_subject_is_read_whole_or_from_anywhere_however_many_messages_it_has(client, count):
    for number in range(count):
        for name in ("one", "other"):
            await publish(client, Message(f"s.{name}", str(number).encode()))
    await publish(client, Message("s.other", b"last"))
    found = await all_of(client, "S", "s.one")
    assert [int(record.body) for record in found] == list(range(count))
    for start in (2, 17, 33, 2 * count + 1):
        for limit in (0, 1, MOST_SINGLY, 30, None):
            part = await all_of(client, "S", "s.one", start=start, limit=limit)
            expected = [record.sequence for record in found if record.sequence >= start]
            assert [record.sequence for record in part] == expected[:limit]


async def test_a_schedule_survives_a_kill_and_is_delivered_to_its_target(client, nats_url):
    at = datetime.now(UTC) + timedelta(seconds=2)
    await publish(client, Message("s.timer.1", b"wake", headers=schedule(at, "s.wake.1")))
    await nats_url.restart()
    subjects: list[str] = []
    while "s.wake.1" not in subjects:  # the schedule itself matches the consumer's filter, too, and may come again
        subjects += [delivery.subject for delivery in await take(Puller(client, "S", "c", batch=10), 1)]
    assert set(subjects) == {"s.timer.1", "s.wake.1"}
    assert time.time() >= at.timestamp()


async def test_pulling_goes_on_after_the_server_was_killed(client, nats_url):
    puller = Puller(client, "S", "c", batch=10)
    got: set[str] = set()
    all_there = asyncio.Event()

    async def pull() -> None:
        async for batch in puller.batches():
            for delivery in batch:
                got.add(delivery.subject)
                await delivery.ack()
            if len(got) == 15:
                all_there.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pull())
        for round_ in range(3):
            for i in range(5):
                await publish_until_stored(client, Message(f"s.k.{round_}.{i}", b"", message_id=f"{round_}.{i}"))
            await nats_url.restart()
        async with asyncio.timeout(40):
            await all_there.wait()
        await puller.stop()


async def publish_until_stored(client, message: Message) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await publish(client, message, timeout_s=1)
                return
            except NotStored:
                await asyncio.sleep(0.05)


async def test_an_unacknowledged_message_comes_again(client):
    await publish(client, Message("s.u", b""))
    await take(Puller(client, "S", "c", batch=10), 1, ack=False)
    (again,) = await take(Puller(client, "S", "c", batch=10), 1)
    assert again.delivered == 2


async def test_a_negative_acknowledgement_delays(client):
    await publish(client, Message("s.n", b""))
    puller = Puller(client, "S", "c", batch=1)
    times: list[float] = []
    async with asyncio.timeout(10):
        async for (delivery,) in puller.batches():
            times.append(time.monotonic())
            if delivery.delivered == 1:
                await delivery.nak(0.3)
            else:
                await delivery.ack()
                await puller.stop()
    assert times[1] - times[0] >= 0.3


async def test_a_frozen_server_is_noticed_and_nothing_is_stored_behind_the_callers_back(client, nats_url):
    nats_url.signal(signal.SIGSTOP)
    with pytest.raises(NotStored):
        await publish(client, Message("s.f", b""), timeout_s=0.5)
    nats_url.signal(signal.SIGCONT)


async def test_a_wrong_password_is_said_at_once(nats_url):
    started = time.monotonic()
    with pytest.raises(AuthorizationError):
        await connect(nats_url.url, user="lab", password="wrong", name="test")
    assert time.monotonic() - started < 5
