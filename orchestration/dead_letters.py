"""Work that can never be done: set apart in the stream with its reason, so that nothing vanishes unseen."""

from typing import Final

import orjson
from nats.aio.client import Client

from broker.publish import Message, publish
from broker.pull import Delivery
from orchestration.records import DEAD

BODY_CHARACTERS: Final = 4096


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
