"""A start may use a head that was read within the last second; whoever changed it here sees the change at once."""

from dataclasses import replace

import pytest

from broker.connection import close, connect
from broker.provision import provision
from orchestration.broker_setup import setup
from orchestration.machines import store
from orchestration.machines.model import Head
from orchestration.machines.store import MachineStore
from tests.conftest import RealNats

pytestmark = pytest.mark.more

FIRST = Head(name="m", type="STANDARD", revision="1", created_at=1.0, updated_at=1.0)
SECOND = replace(FIRST, revision="2")


async def test_ones_own_change_is_seen_at_once_and_anothers_soon(
    nats_url: RealNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(nats_url.url, user=nats_url.user, password=nats_url.password, name="test")
    try:
        await provision(client, setup().streams, ())
        ours, theirs = MachineStore(client), MachineStore(client)
        assert await ours.recent_head("m") is None
        await ours.put(FIRST, 0)
        found = await ours.recent_head("m")
        assert found is not None
        assert await theirs.recent_head("m") == found
        await ours.put(SECOND, found.sequence)
        seen = await ours.recent_head("m")
        assert seen is not None
        assert seen.head == SECOND
        assert await theirs.recent_head("m") == found, "read within the last second"
        monkeypatch.setattr(store, "RECENT_S", 0.0)
        assert await theirs.recent_head("m") == seen
    finally:
        await close(client)
