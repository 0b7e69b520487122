"""The door's and the conductors' own broker users: enough for all their work, and for nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import nats.errors
import pytest

from broker.errors import NotStored
from broker.publish import Message, publish
from broker.read import all_of
from orchestration.broker_setup import CONDUCTOR, USERS
from orchestration.runtime import records
from services.front_door import Decided
from services.trail import OrderStatus
from tests.conftest import PASSWORD, USER, RealNats, free_port
from tests.integration.orchestration.lane import eventually, order, running_lane


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[RealNats]:
    users = {USER: (PASSWORD, None), **{name: (f"{name}-secret", given) for name, given in USERS.items()}}
    server = RealNats(folder=tmp_path, port=free_port(), users=users)
    await server.start()
    try:
        yield server
    finally:
        server.stop()


async def test_each_user_may_do_its_work(guarded: RealNats) -> None:
    async with running_lane(guarded, door_user="door") as lane:
        await lane.worker(user=CONDUCTOR, sit_out_s=0.5)
        await publish(lane.client, Message("exec.start.broken", b"not JSON"))
        await lane.lane.place(order("small"))
        await lane.lane.place(order("large", 60_000))
        assert (await lane.until("small")).status is OrderStatus.FULFILLED

        async def asked() -> bool:
            return bool(await lane.lane.pending_approvals())

        await eventually(asked)
        (pending,) = await lane.lane.pending_approvals()
        assert await lane.lane.decide(pending.token, approve=True, comment="") is Decided.ACCEPTED
        assert (await lane.until("large")).status is OrderStatus.FULFILLED
        assert len(await lane.lane.dead_letters()) == 1
        assert await all_of(lane.client, records.STREAM, f"{records.TIMER}.>")  # the approval's deadline


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("door", "exec.log.o-1"),
        ("door", "exec.timer.o-1.x"),
        ("door", "$JS.API.STREAM.PURGE.EXEC"),
        ("door", "$JS.API.STREAM.DELETE.MACHINES"),
        ("door", "$JS.API.CONSUMER.DELETE.EXEC.conductor"),
        (CONDUCTOR, "exec.wake.o-1.started.7-1"),
        (CONDUCTOR, "activity.head.work"),
        ("door", "activity.task.work.o-1.7-1"),
        (CONDUCTOR, "exec.wake.o-1.callback.7"),
        (CONDUCTOR, "machine.head.m"),
        (CONDUCTOR, "machine.revision.m.1"),
        (CONDUCTOR, "$JS.API.STREAM.DELETE.EXEC"),
        (CONDUCTOR, "$JS.API.CONSUMER.DELETE.EXEC.read-model"),
    ],
)
async def test_each_user_may_do_nothing_else(guarded: RealNats, user: str, subject: str) -> None:
    async with running_lane(guarded, door_user="door") as lane:
        client = await lane.connect("x", user)
        try:
            if subject.startswith("$JS"):
                with pytest.raises((nats.errors.TimeoutError, nats.errors.NoRespondersError)):
                    await client.request(subject, b"", timeout=0.3)
            else:
                with pytest.raises(NotStored):
                    await publish(client, Message(subject, b"{}"), timeout_s=0.3)
        finally:
            await client.close()
        assert await all_of(lane.client, records.STREAM, "exec.>") == []
