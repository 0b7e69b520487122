"""A durable pull consumer, read for ever: through reconnects, a killed or frozen server, a deleted consumer.

nats-py's ``fetch`` is not used: probed, a cancelled fetch leaves its request behind and the next message waits out
``ack_wait``, and a deleted consumer makes it fail in a hot loop. Here one inbox stays subscribed; the next request
goes out when the last one is used up or has expired, and heartbeats tell a quiet server from a dead one.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from broker.connection import after_reconnect, raise_if_cancelled
from broker.errors import NotStored

log = logging.getLogger(__name__)

HEARTBEAT_S = 5.0
BACK_OFF_S = 1.0
LAST_WORDS_S = 1
# Statuses that end a request in the ordinary course: expired, batch or bytes used up, no messages.
ORDINARY_ENDS = frozenset({"404", "408"})
HEARTBEAT = "100"
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivered message. ``delivered`` counts its deliveries from 1; ``at`` is epoch seconds of its storing.

    ``consumer_sequence`` counts the consumer's deliveries from 1, to whomever they went: a gap is a delivery that was
    not ours.
    """

    subject: str
    body: bytes
    headers: dict[str, str]
    stream_sequence: int
    consumer_sequence: int
    delivered: int
    at: float
    pending: int
    _reply: str
    _client: Client

    async def ack(self) -> None:
        """A hint: after a kill of the server the message may come again all the same."""
        await self._say(b"+ACK")

    async def nak(self, delay_s: float = 0.0) -> None:
        """Ask for redelivery, not before ``delay_s`` seconds."""
        delay = orjson.dumps({"delay": int(delay_s * NANOSECONDS)})
        await self._say(b"-NAK " + delay if delay_s > 0 else b"-NAK")

    async def in_progress(self) -> None:
        """Start the consumer's ``ack_wait`` anew."""
        await self._say(b"+WPI")

    async def term(self, reason: str = "") -> None:
        """Never deliver it again."""
        await self._say(f"+TERM {reason}".encode() if reason else b"+TERM")

    async def ack_sync(self, timeout_s: float = 2.0) -> None:
        """Acknowledge and wait until the server has it. Raises ``NotStored``."""
        try:
            await self._client.request(self._reply, b"+ACK", timeout=timeout_s)
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise NotStored(f"acknowledging {self.subject}: {type(error).__name__}: {error}") from error

    async def _say(self, what: bytes) -> None:
        try:
            await self._client.publish(self._reply, what)
        except (nats.errors.Error, OSError) as error:
            # Not an error of the caller's: the message comes again, and receivers act on each message once.
            log.debug("broker: %s of %s not sent: %s", what, self.subject, error)


class Puller:
    """Yields batches of deliveries from a durable consumer that exists already."""

    def __init__(self, client: Client, stream: str, durable: str, *, batch: int, max_wait_s: float = 30.0) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._name = f"{stream}/{durable}"
        self._batch = batch
        self._max_wait_s = max_wait_s
        self._stopped = asyncio.Event()
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._arrived: deque[Msg] = deque()
        self._arrival: asyncio.Future[None] | None = None  # somebody waits for it
        self._request = 0
        self._outstanding = 0  # messages still to come for the present request
        self._ended_badly = False
        self.silent = False  # true while the server does not answer; for readiness

    async def stop(self) -> None:
        """End ``batches()``. What has arrived and was not yielded is handed back at once."""
        self._stopped.set()
        self._ring()
        if self._subscription is None:
            return
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                # What the server has sent by now is still on its way.
                await self._subscription.drain()  # type: ignore[no-untyped-call]
        except (nats.errors.Error, TimeoutError, OSError) as error:
            log.debug("broker: the last words of %s: %s", self._name, error)
        await self._hand_back()

    async def _hand_back(self) -> None:
        while self._arrived:
            message = self._arrived.popleft()
            if message.reply and not (message.headers or {}).get("Status"):
                await delivery_of(message, self._client).nak()

    async def _arrive(self, message: Msg) -> None:
        self._arrived.append(message)
        self._ring()

    def _ring(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def batches(self) -> AsyncIterator[list[Delivery]]:
        """Batches of 1 to ``batch`` deliveries, each as soon as something is there; ends after ``stop()``."""
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(
            f"{self._inbox}.*", cb=self._arrive, pending_msgs_limit=-1, pending_bytes_limit=-1
        )
        forget = after_reconnect(self._client, self._ask_again)
        try:
            while not self._stopped.is_set():
                raise_if_cancelled()
                if self._outstanding <= 0 and not await self._ask():
                    await self._pause()
                    continue
                first = await self._next()
                if first is not None:
                    yield self._gather(first)
        finally:
            forget()

    async def _ask_again(self) -> None:
        """The server has forgotten our request with the connection; the subscription was made again by the client."""
        if not self._stopped.is_set():
            await self._ask()

    def _gather(self, first: Delivery, most: int | None = None) -> list[Delivery]:
        """What has arrived already, without waiting."""
        batch = [first]
        while len(batch) < (most or self._batch) and self._arrived:
            delivery = self._read(self._arrived.popleft())
            if delivery is not None:
                batch.append(delivery)
        return batch

    async def _ask(self, at_once: int = 0) -> bool:
        """For a batch, however long it takes; or for so many at most that are there ``at_once``."""
        self._request += 1
        body = {
            "batch": self._batch,
            "expires": int(self._max_wait_s * NANOSECONDS),
            "idle_heartbeat": int(min(HEARTBEAT_S, self._max_wait_s / 3) * NANOSECONDS),
        }
        if at_once:
            body = {"batch": at_once, "no_wait": True}
        try:
            await self._client.publish(self._subject, orjson.dumps(body), reply=f"{self._inbox}.{self._request}")
        except (nats.errors.Error, OSError) as error:
            log.debug("broker: cannot pull %s: %s", self._name, error)
            self.silent = True
            return False
        self._outstanding = at_once or self._batch
        return True

    async def _next(self) -> Delivery | None:
        """None: nothing to yield came of what arrived, or nothing arrived, or ``stop`` was called."""
        if not (self._arrived or await self._something_arrives()):
            # Two heartbeats missed: the server restarted, the consumer is gone or the link is down. Ask again.
            self._outstanding = 0
            self.silent = True
            return None
        if self._stopped.is_set():
            return None
        self.silent = False
        delivery = self._read(self._arrived.popleft())
        if self._ended_badly:  # do not ask in a hot loop
            self._ended_badly = False
            await self._pause()
        return delivery

    async def _something_arrives(self) -> bool:
        """Or ``stop`` is called. False: for so long, a server that is there would have sent a heartbeat."""
        self._arrival = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(min(HEARTBEAT_S, self._max_wait_s / 3) * 2 + 1):
                await self._arrival
        except TimeoutError:
            return False
        finally:
            self._arrival = None
        return True

    def _read(self, message: Msg) -> Delivery | None:
        headers = message.headers or {}
        status = headers.get("Status")
        ours = message.subject.rsplit(".", 1)[-1] == str(self._request)
        if status is None:
            # It may still answer an earlier request (a delivery keeps its own subject): then the next request goes out
            # a little early, which does no harm.
            self._outstanding -= 1
            return delivery_of(message, self._client)
        if status != HEARTBEAT and ours:
            self._outstanding = 0
            if status not in ORDINARY_ENDS:
                self._ended_badly = True
                log.warning("broker: pulling %s ended: %s", self._name, dict(headers))
        return None

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), BACK_OFF_S)
        except TimeoutError:
            return


def delivery_of(message: Msg, client: Client) -> Delivery:
    # $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>[.<token>]
    tokens = message.reply.split(".")
    if len(tokens) >= 11:
        tokens = tokens[2:]
    return Delivery(
        subject=message.subject,
        body=message.data,
        headers=message.headers or {},
        stream_sequence=int(tokens[5]),
        consumer_sequence=int(tokens[6]),
        delivered=int(tokens[4]),
        at=int(tokens[7]) / NANOSECONDS,
        pending=int(tokens[8]),
        _reply=message.reply,
        _client=client,
    )
