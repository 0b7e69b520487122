"""Answering a state that waits for a callback: a token is looked at, and its one result is stored as a wake message.

That exactly one result per token is stored is the stream's doing (compare-and-set on the wake subject); that the entry
still waits is read from the history's last append.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Final

from nats.aio.client import Client

from broker.errors import Conflict, NotStored
from broker.publish import Message, publish
from broker.read import Record, all_of, last
from orchestration.asl.protocol import HeartbeatReceived, TaskFailed, TaskSucceeded
from orchestration.runtime import records, wakes
from orchestration.runtime.tokens import read_token

Result = TaskSucceeded | TaskFailed
TRIES: Final = 3
CHUNK: Final = 16  # appends held at a time; each may be as large as a message


class Sent(StrEnum):
    ACCEPTED = "accepted"
    REPEATED = "repeated"  # the same result was stored before
    CONFLICT = "conflict"  # another result was stored before
    TOO_LATE = "too_late"  # nobody waits for it
    UNKNOWN = "unknown"  # forged, of no execution here, or of an entry that asks for something else


async def send_result(
    client: Client, secret: str, token: str, scheme: str | None, result_of: Callable[[int], Result]
) -> Sent:
    """Store the result for a token of an entry that asks a resource of this ``scheme`` (None: of any).

    Raises ``broker.errors.BrokerError``: send it again, it is stored once at most.
    """
    parsed = read_token(secret, token)
    if parsed is None:
        return Sent.UNKNOWN
    execution, entry, attempt = parsed
    result = replace(result_of(entry), attempt=attempt)
    append = await last(client, records.STREAM, records.log_subject(execution))
    if append is None:
        return Sent.UNKNOWN
    waits_for = _resource((append,), entry, attempt)
    if scheme is not None:
        asked = waits_for or await _asked(client, append, entry, attempt)
        if asked is not None and not asked.startswith(scheme):
            return Sent.UNKNOWN
    subject = records.callback_subject(execution, entry, attempt)
    earlier = await last(client, records.STREAM, subject)
    if earlier is not None:
        return _compare(earlier, result)
    if waits_for is None:
        return Sent.TOO_LATE
    return await _store(client, Message(subject, wakes.encode_wake(result), expected_last=0), result)


async def send_heartbeat(client: Client, secret: str, token: str) -> Sent:
    """Let an entry that still waits know that its task is being worked on. Raises ``broker.errors.BrokerError``."""
    parsed = read_token(secret, token)
    if parsed is None:
        return Sent.UNKNOWN
    execution, entry, attempt = parsed
    append = await last(client, records.STREAM, records.log_subject(execution))
    if append is None:
        return Sent.UNKNOWN
    if _resource((append,), entry, attempt) is None:
        return Sent.TOO_LATE
    if await last(client, records.STREAM, records.callback_subject(execution, entry, attempt)) is not None:
        return Sent.TOO_LATE
    subject = records.heartbeat_subject(execution, entry, attempt)
    await publish(client, Message(subject, wakes.encode_wake(HeartbeatReceived(entry, attempt))))
    return Sent.ACCEPTED


def _resource(appends: Iterable[Record], entry: int, attempt: int) -> str | None:
    """Whom the entry asks or asked, by the first of these appends that says that it waits."""
    waiting = (each for append in appends for each in records.decode_outline(append.body).waiting)
    return next((each.resource for each in waiting if (each.entry, each.attempt) == (entry, attempt)), None)


async def _asked(client: Client, newest: Record, entry: int, attempt: int) -> str | None:
    """Whom an entry asked that waits no longer."""
    start = 1
    while start < newest.sequence:
        chunk = await all_of(client, records.STREAM, newest.subject, start=start, limit=CHUNK)
        asked = _resource(chunk, entry, attempt)
        if asked is not None or not chunk:
            return asked
        start = chunk[-1].sequence + 1
    return None


async def _store(client: Client, message: Message, result: Result) -> Sent:
    doubt: Exception | None = None
    for _ in range(TRIES):
        try:
            await publish(client, message)
        except (Conflict, NotStored) as error:
            doubt = error
        else:
            return Sent.ACCEPTED
        found = await last(client, records.STREAM, message.subject)
        if found is not None:
            # Ours, where an earlier try was stored after all: the same words either way.
            return _compare(found, result) if isinstance(doubt, Conflict) else Sent.ACCEPTED
    raise NotStored(f"{message.subject}: {doubt}") from doubt


def _compare(found: Record, result: Result) -> Sent:
    """The same decision with another comment or output is the same decision."""
    match wakes.decode_wake(found.body), result:
        case (TaskSucceeded(), TaskSucceeded()):
            return Sent.REPEATED
        case (TaskFailed(error=first), TaskFailed(error=second)) if first == second:
            return Sent.REPEATED
        case _:
            return Sent.CONFLICT
