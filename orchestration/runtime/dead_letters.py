"""Work that can never be done: set apart in the stream with its reason, so that nothing vanishes unseen."""

from typing import Final

import orjson
from nats.aio.client import Client
from pydantic import BaseModel, ConfigDict

from broker.publish import Message, publish
from broker.pull import Delivery
from broker.read import Record
from orchestration.broker_setup import CONDUCTOR
from orchestration.runtime.records import DEAD, execution_of

BODY_CHARACTERS: Final = 4096
REASON: Final = "unreadable"


class DeadLetter(BaseModel):
    """``seq`` is the message's own sequence in the stream, where it still stands whole."""

    model_config = ConfigDict(frozen=True)

    seq: int
    order_id: str
    subject: str
    consumer: str
    reason: str
    cause: str
    at: str
    state: str = "parked"
    body: str


def read_letter(record: Record) -> DeadLetter:
    letter = orjson.loads(record.body)
    return DeadLetter(
        seq=letter["sequence"],
        order_id=execution_of(letter["subject"]),
        subject=letter["subject"],
        consumer=CONDUCTOR,
        reason=REASON,
        cause=letter["reason"],
        at=record.at,
        body=letter["body"],
    )


async def set_apart(client: Client, work: Delivery, reason: str) -> None:
    """Stored before the message is terminated; raises ``broker.errors.BrokerError`` where it is not."""
    letter = {
        "subject": work.subject,
        "sequence": work.stream_sequence,
        "reason": reason,
        "body": work.body[:BODY_CHARACTERS].decode(errors="replace"),
    }
    subject = f"{DEAD}.{work.stream_sequence}"
    await publish(client, Message(subject, orjson.dumps(letter), message_id=subject))
    await work.term(reason)
