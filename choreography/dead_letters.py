"""Stream DEAD_LETTERS: what no listener could process, with its reason; inspection and replay.

Subject ``dead_letters.<order id>.<consumer>.<stream sequence>``: one subject a message that failed, its last message is
its present state (parked, then replayed). The first is stored only if there is none, so parking twice parks once.
"""

import base64
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from nats.aio.client import Client
from pydantic import ValidationError

from broker.errors import Conflict
from broker.publish import Message, publish
from broker.read import Record, all_of, few_of
from choreography.broker_setup import DEAD_LETTERS
from choreography.cloud_events import again, compose, event_id, heading_of, parse, subject_of
from choreography.errors import Malformed, NotReplayable
from choreography.events import BODIES, EventType
from choreography.reactions import hears
from services.commands import Outgoing
from services.operations import Service


class Reason(StrEnum):
    MALFORMED = "malformed"
    RETRIES_USED_UP = "retries_used_up"
    KEY_REUSED = "key_reused"  # the operation was done before, for another order under the same id
    UNDO_FAILED = "undo_failed"
    STUCK_UNDOING = "stuck_undoing"
    MAX_DELIVERIES = "max_deliveries"  # whoever got it died or never answered


# The order does not go on by itself: a person must repair something and replay.
NEEDS_A_PERSON: Final = frozenset({Reason.UNDO_FAILED, Reason.STUCK_UNDOING, Reason.MAX_DELIVERIES})

_PREFIX: Final = "dead-letter-"
REPLAYED: Final = "replayed"
PARKED: Final = "parked"


@dataclass(frozen=True)
class DeadLetter:
    """A message that failed. ``sequence`` names it for inspection and replay; the rest tells what happened."""

    sequence: int
    order_id: str
    consumer: str
    reason: str
    cause: str
    attempts: int
    subject: str
    subject_sequence: int
    at: str
    state: str
    headers: dict[str, str]
    body: bytes

    @property
    def needs_a_person(self) -> bool:
        return self.state == PARKED and self.reason in NEEDS_A_PERSON

    def as_json(self) -> dict[str, Any]:
        try:
            text, encoding = self.body.decode(), "text"
        except UnicodeDecodeError:
            text, encoding = base64.b64encode(self.body).decode(), "base64"
        return {
            "seq": self.sequence,
            "order_id": self.order_id,
            "consumer": self.consumer,
            "reason": self.reason,
            "cause": self.cause,
            "attempts": self.attempts,
            "subject": self.subject,
            "stream_sequence": self.subject_sequence,
            "at": self.at,
            "state": self.state,
            "headers": self.headers,
            "body": text,
            "body_encoding": encoding,
        }


def letter(
    *,
    consumer: str,
    reason: Reason,
    cause: str,
    attempts: int,
    subject: str,
    sequence: int,
    headers: Mapping[str, str],
    body: bytes,
) -> Message:
    """The message that parks another, whatever is in it. Plain."""
    order_id = subject.split(".")[1] if subject.count(".") >= 2 else "unknown"
    own = {
        _PREFIX + "reason": str(reason),
        _PREFIX + "cause": _one_line(cause),
        _PREFIX + "attempts": str(attempts),
        _PREFIX + "subject": subject,
        _PREFIX + "state": PARKED,
    }
    kept = {name: value for name, value in headers.items() if not name.startswith("Nats-")}
    return Message(f"dead_letters.{order_id}.{consumer}.{sequence}", body, expected_last=0, headers={**kept, **own})


async def park(client: Client, message: Message) -> bool:
    """Store a dead letter; False if it was parked before. Raises ``NotStored`` or ``Rejected``."""
    try:
        await publish(client, message)
    except Conflict:
        return False
    return True


async def dead_letters(client: Client, order_id: str = "*") -> list[DeadLetter]:
    """All dead letters, or those of one order, oldest first, each in its present state. Raises ``NotStored``."""
    read = all_of if order_id == "*" else few_of
    return folded(await read(client, DEAD_LETTERS, f"dead_letters.{order_id}.>"))


def folded(records: Iterable[Record]) -> list[DeadLetter]:
    """A letter keeps the sequence of its parking; a later message on its subject only changes its state."""
    letters: dict[str, DeadLetter] = {}
    for record in records:
        earlier = letters.get(record.subject)
        current = _read(record)
        if earlier is not None:
            current = DeadLetter(**{**vars(earlier), "state": current.state})
        letters[record.subject] = current
    return list(letters.values())


async def replay(client: Client, sequence: int, *, at: str, data: bytes | None = None) -> list[str]:
    """Send a dead letter again to whoever failed on it, under a new id; ``data``: with this body instead.

    Returns the ids sent. Doing it twice sends the same ids. Raises ``NotReplayable`` or ``NotStored``.
    """
    found = next((each for each in await dead_letters(client) if each.sequence == sequence), None)
    if found is None:
        raise NotReplayable(f"there is no dead letter {sequence}")
    sent = replays(found, at=at, data=data)
    for outgoing in sent:
        await publish(client, Message(outgoing.subject, outgoing.body, outgoing.id, headers=outgoing.headers))
    subject = f"dead_letters.{found.order_id}.{found.consumer}.{found.subject_sequence}"
    mark = Message(
        subject,
        found.body,
        expected_last=sequence,
        headers={**found.headers, **_own(found), _PREFIX + "state": REPLAYED},
    )
    with contextlib.suppress(Conflict):  # marked before: this was a repeat
        await publish(client, mark)
    return [outgoing.id for outgoing in sent]


def replays(found: DeadLetter, *, at: str, data: bytes | None = None) -> list[Outgoing]:
    """The messages that replay a dead letter. Plain. Raises ``NotReplayable``."""
    try:
        type_ = heading_of(found.subject).type
        suffix = f"replay-{found.sequence}"
        message = _fixed(found, type_, data, suffix, at) if data is not None else _same(found, type_, suffix)
    except Malformed as error:
        raise NotReplayable(f"{error}; replay it with a body that can be read") from error
    receivers = [found.consumer] if found.consumer in set(Service) else [s for s in Service if type_ in hears(s)]
    return [
        Outgoing(
            f"{message.id}:{receiver}",
            subject_of(found.order_id, type_, receiver),
            {**message.headers, "ce-id": f"{message.id}:{receiver}"},
            message.body,
        )
        for receiver in receivers
    ]


def _same(found: DeadLetter, type_: EventType, suffix: str) -> Outgoing:
    parse(subject_of(found.order_id, type_), found.headers, found.body)
    new_id = event_id(found.order_id, type_, suffix)
    return Outgoing(new_id, found.subject, again(found.headers, new_id), found.body)


def _fixed(found: DeadLetter, type_: EventType, data: bytes, suffix: str, at: str) -> Outgoing:
    try:
        body = BODIES[type_].model_validate_json(data)
    except ValidationError as error:
        raise NotReplayable(f"the new body is no {type_}: {error.errors(include_url=False)[0]['msg']}") from error
    outgoing = compose(type_, body, source="replay", at=at, suffix=suffix)
    if heading_of(outgoing.subject).order_id != found.order_id:
        raise NotReplayable(f"the new body is about another order than {found.order_id}")
    return outgoing


def _read(record: Record) -> DeadLetter:
    _, order_id, consumer, sequence = record.subject.split(".")
    headers = {name: value for name, value in record.headers.items() if not name.startswith(("Nats-", _PREFIX))}
    own = {name.removeprefix(_PREFIX): value for name, value in record.headers.items() if name.startswith(_PREFIX)}
    return DeadLetter(
        sequence=record.sequence,
        order_id=order_id,
        consumer=consumer,
        reason=own.get("reason", ""),
        cause=own.get("cause", ""),
        attempts=int(own.get("attempts", "0")),
        subject=own.get("subject", ""),
        subject_sequence=int(sequence),
        at=record.at,
        state=own.get("state", PARKED),
        headers=headers,
        body=record.body,
    )


def _own(found: DeadLetter) -> dict[str, str]:
    return {
        _PREFIX + "reason": found.reason,
        _PREFIX + "cause": found.cause,
        _PREFIX + "attempts": str(found.attempts),
        _PREFIX + "subject": found.subject,
    }


def _one_line(text: str) -> str:
    """A header holds one line of printable characters."""
    return "".join(c if c.isprintable() and c.isascii() else " " for c in text)[:500].strip()
