"""Messages delivered once more, and messages that nobody can read: done by a lane's own broker, with the lab's user.

It knows where a lane's work stands (stream, consumers, a subject that work comes by) and nothing of what is decided.
A consumer is set back by the server's own ``CONSUMER.RESET``: it delivers again what it had delivered, which is what a
broker may do at any time.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from nats.aio.client import Client

from broker.connection import close, connect
from lab.errors import LabError
from lab.target.protocol import Target

ANSWER_WITHIN_S: Final = 5.0
MALFORMED: Final = b'{"this": "is no message of anybody'


@dataclass(frozen=True)
class Work:
    """By which messages a lane goes on. ``subject`` holds ``{}`` for an order's id."""

    stream: str
    consumers: tuple[str, ...]
    subject: str


WORK: Final = {
    "choreography": Work("ORDERS", ("payment", "warehouse", "shipping"), "orders.{}.OrderPlaced"),
    "orchestration": Work("EXEC", ("conductor",), "exec.start.{}"),
}


class Messages:
    """One lane's broker, at one's disposal: ``async with Messages(lab, lane) as messages``."""

    def __init__(self, lab: Target, lane: str) -> None:
        self._access = lab.broker(lane)
        self._work = WORK[lane]
        self._client: Client | None = None

    async def __aenter__(self) -> "Messages":
        access = self._access
        self._client = await connect(access.url, user=access.user, password=access.password, name="lab-messages")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await close(self._client)

    async def last(self) -> int:
        """The sequence of the newest message of the lane's stream."""
        return int((await self._ask(f"STREAM.INFO.{self._work.stream}"))["state"]["last_seq"])

    async def again_after(self, sequence: int) -> None:
        """Have everything after ``sequence`` delivered again. What was never delivered is not skipped."""
        for consumer in self._work.consumers:
            name = f"{self._work.stream}.{consumer}"
            floor = int((await self._ask(f"CONSUMER.INFO.{name}"))["ack_floor"]["stream_seq"])
            await self._ask(f"CONSUMER.RESET.{name}", {"seq": min(sequence, floor) + 1})

    async def malformed(self, count: int) -> None:
        """Store so many messages that nobody can read, each under an order id of its own."""
        for number in range(count):
            subject = self._work.subject.format(f"malformed-{number}")
            await self._request(subject, MALFORMED)

    async def _ask(self, call: str, request: dict[str, Any] | None = None) -> dict[str, Any]:
        return await self._request(f"$JS.API.{call}", json.dumps(request or {}).encode())

    async def _request(self, subject: str, body: bytes) -> dict[str, Any]:
        assert self._client is not None
        answer: dict[str, Any] = json.loads((await self._client.request(subject, body, timeout=ANSWER_WITHIN_S)).data)
        if "error" in answer:
            raise LabError(f"{subject}: {answer['error'].get('description', answer['error'])}")
        return answer
