"""Publishing: deduplicated, compare-and-set, scheduled, and several messages as one atomic batch."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import nats.errors
import orjson
from nats.aio.client import Client
from nats.js.errors import APIError

from broker.errors import Conflict, NotStored, Rejected

# Both mean "wrong last sequence": a plain publish answers with the first, an atomic batch with the second.
CONFLICT_CODES = frozenset({10071, 10164})
# Passing states of the server: "temporarily unavailable", no leader, too many requests, and what ends when somebody
# makes room (10002 the account's limits, 10028 memory, 10047 storage). The caller sends again.
RETRYABLE_CODES = frozenset({10002, 10008, 10009, 10023, 10028, 10041, 10047, 10077, 10118, 10194})
DEFAULT_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Message:
    """A message to be stored.

    ``expected_last``: the sequence that must be the last one on ``expected_on`` (default: the message's own subject;
    may hold wildcards); 0 means that there is none yet. ``message_id`` deduplicates within the stream's window.
    """

    subject: str
    body: bytes
    message_id: str | None = None
    expected_last: int | None = None
    expected_on: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def all_headers(self) -> dict[str, str]:
        headers = dict(self.headers)
        if self.message_id is not None:
            headers["Nats-Msg-Id"] = self.message_id
        if self.expected_last is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(self.expected_last)
            if self.expected_on is not None:
                headers["Nats-Expected-Last-Subject-Sequence-Subject"] = self.expected_on
        return headers


@dataclass(frozen=True)
class Stored:
    """The acknowledgement of a publish; ``duplicate``: the message id was seen before, nothing was added."""

    stream: str
    sequence: int
    duplicate: bool


def schedule(at: datetime, target: str) -> dict[str, str]:
    """Headers that make the server deliver a copy to ``target`` (same stream) at ``at``.

    A later message on the same subject replaces the schedule. The stream needs ``allow_msg_schedules``.
    """
    when = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"Nats-Schedule": f"@at {when}", "Nats-Schedule-Target": target}


async def publish(client: Client, message: Message, timeout_s: float = DEFAULT_TIMEOUT_S) -> Stored:
    """Store one message. Raises ``Conflict``, ``NotStored`` (unknown: read back) or ``Rejected``."""
    return _stored(await _request(client, message.subject, message.body, message.all_headers(), timeout_s))


async def publish_batch(client: Client, messages: Sequence[Message], timeout_s: float = DEFAULT_TIMEOUT_S) -> Stored:
    """Store all messages (at most 1000, one stream) or none; the answer is that of the last.

    The stream needs ``allow_atomic``. Slower than single publishes: for atomicity, not for speed.
    """
    if len(messages) == 1:
        return await publish(client, messages[0], timeout_s)
    batch_id = uuid.uuid4().hex
    *first, last = messages
    try:
        for sequence, message in enumerate(first, 1):
            headers = {**message.all_headers(), "Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(sequence)}
            await client.publish(message.subject, message.body, headers=headers)
    except nats.errors.Error as error:
        raise NotStored(f"{first[0].subject}: {type(error).__name__}: {error}") from error
    headers = {
        **last.all_headers(),
        "Nats-Batch-Id": batch_id,
        "Nats-Batch-Sequence": str(len(messages)),
        "Nats-Batch-Commit": "1",
    }
    return _stored(await _request(client, last.subject, last.body, headers, timeout_s))


async def _request(client: Client, subject: str, body: bytes, headers: dict[str, str], timeout_s: float) -> bytes:
    try:
        answer = await client.request(subject, body, timeout=timeout_s, headers=headers or None)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise NotStored(f"{subject}: {type(error).__name__}: {error}") from error
    return answer.data


def _stored(data: bytes) -> Stored:
    answer = orjson.loads(data)
    if "error" in answer:
        error = answer["error"]
        text = f"{error.get('description')} ({error.get('err_code')})"
        if error.get("err_code") in CONFLICT_CODES:
            raise Conflict(text)
        if error.get("code") in (408, 429, 503) or error.get("err_code") in RETRYABLE_CODES:
            raise NotStored(text)
        raise Rejected(text)
    return Stored(answer["stream"], answer["seq"], bool(answer.get("duplicate")))


def api_error_text(error: APIError) -> str:
    return f"{error.description} ({error.err_code})"
