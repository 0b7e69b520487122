"""An outbox that cannot be sent keeps its process up, says why, and goes on once it can."""

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from broker.errors import NotStored, Rejected
from broker.publish import Message
from choreography import outbox as module
from choreography.outbox import Outbox
from services.commands import Outgoing
from services.errors import LedgerUnavailable

ROW = Outgoing("o-1:PaymentCharged", "orders.o-1.PaymentCharged", {}, b"{}")


class Ledger:
    """In memory; ``failing``: reading it fails with this."""

    def __init__(self) -> None:
        self.rows = [ROW]
        self.failing: Exception | None = None

    async def unsent(self, limit: int = 1000) -> list[Outgoing]:
        if self.failing is not None:
            raise self.failing
        return self.rows[:limit]

    def mark_sent(self, ids: Sequence[str]) -> None:
        self.rows = [row for row in self.rows if row.id not in ids]


@pytest.mark.parametrize("error", [Rejected("too large"), NotStored("away"), LedgerUnavailable("no database")])
async def test_trouble_is_told_and_outlived(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    ledger = Ledger()
    refusing = [error] if not isinstance(error, LedgerUnavailable) else []
    ledger.failing = None if refusing else error

    async def publish(_messages: Sequence[Message], timeout_s: float = 0.0) -> None:
        if refusing:
            raise refusing[0]

    monkeypatch.setattr(module, "GroupPublisher", lambda _client: SimpleNamespace(publish=publish))
    monkeypatch.setattr(module, "after_reconnect", lambda *_: lambda: None)
    monkeypatch.setattr(module, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(module, "MEND_S", 0.01)
    client: Any = None
    outbox, started = Outbox(client, ledger, durable=True), asyncio.Event()
    running = asyncio.create_task(outbox.run(started))
    await _until(lambda: running.done() or outbox.trouble is not None)
    assert not running.done()
    assert outbox.trouble == str(error)
    assert not started.is_set()
    refusing.clear()
    ledger.failing = None
    await asyncio.wait_for(started.wait(), 5)
    assert outbox.trouble is None
    assert ledger.rows == []
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if holds():
                return
            await asyncio.sleep(0.005)
