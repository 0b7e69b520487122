"""What arrives while a puller is being stopped is yielded or handed back; nothing waits out ``ack_wait``."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from broker import pull
from broker.pull import Puller


class Stream:
    """A client and its subscription: ``arrives`` delivers a message; ``drain`` brings what was still on its way."""

    def __init__(self) -> None:
        self.subscribed = asyncio.Event()
        self.handed_back: list[str] = []
        self.on_its_way: list[str] = []
        self._deliver: Callable[[Msg], Awaitable[None]] | None = None

    def new_inbox(self) -> str:
        return "_INBOX.x"

    async def subscribe(self, _: str, *, cb: Callable[[Msg], Awaitable[None]], **__: Any) -> "Stream":
        self._deliver = cb
        self.subscribed.set()
        return self

    async def publish(self, subject: str, body: bytes, reply: str = "") -> None:
        if body == b"-NAK":
            self.handed_back.append(subject.split(".")[5])

    async def arrives(self, sequence: str) -> None:
        assert self._deliver is not None
        reply = f"$JS.ACK.S.d.1.{sequence}.1.1700000000000000000.0"
        await self._deliver(Msg(_client=cast("Client", self), subject="s.x", reply=reply, data=b""))

    async def drain(self) -> None:
        for sequence in self.on_its_way:
            await self.arrives(sequence)
        await asyncio.sleep(0)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    monkeypatch.setattr(pull, "after_reconnect", lambda *_: lambda: None)
    return Stream()


@pytest.mark.parametrize("turns", range(6))
async def test_a_message_that_arrives_shortly_before_the_stop_is_not_lost(stream: Stream, turns: int) -> None:
    puller = Puller(cast("Client", stream), "S", "d", batch=1)
    yielded: list[str] = []
    stream.on_its_way = ["8", "9"]

    async def read() -> None:
        async for batch in puller.batches():
            yielded.extend(str(each.stream_sequence) for each in batch)

    reading = asyncio.ensure_future(read())
    await stream.subscribed.wait()
    await asyncio.sleep(0)
    await stream.arrives("7")
    for _ in range(turns):
        await asyncio.sleep(0)
    await puller.stop()
    async with asyncio.timeout(5):
        await reading
    assert sorted(yielded + stream.handed_back) == ["7", "8", "9"]


async def test_a_server_that_is_gone_does_not_keep_what_has_arrived_from_being_handed_back(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "LAST_WORDS_S", 0.01)
    puller = Puller(cast("Client", stream), "S", "d", batch=1)

    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(stream, "drain", never)
    batches = puller.batches()
    first = asyncio.ensure_future(anext(batches))
    await stream.subscribed.wait()
    await stream.arrives("7")
    await first
    await stream.arrives("8")
    await puller.stop()
    assert stream.handed_back == ["8"]


async def test_being_cancelled_is_silent(stream: Stream) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    reading = asyncio.ensure_future(anext(Puller(cast("Client", stream), "S", "d", batch=1).batches()))
    await stream.subscribed.wait()
    reading.cancel()
    await asyncio.wait({reading})
    assert reading.cancelled()
    assert complaints == []
