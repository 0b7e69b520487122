"""Messages for the outside: queues, topics and event buses as subjects of the stream ``AWS``.

``aws.sqs.<queue>``, ``aws.sns.<topic>``, ``aws.events.<bus>``; names are escaped as in ``orchestration.names``. The
body is the message as its receiver would get it; what AWS keeps beside the body is JSON in the header ``Aws-Message``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from nats.aio.client import Client

from broker import publish as broker
from broker.errors import BrokerError, NotStored
from orchestration.asl.protocol import Json
from orchestration.errors import HistoryUnreachable
from orchestration.names import escaped

STREAM: Final = "AWS"
SUBJECT: Final = "aws"
DETAILS: Final = "Aws-Message"
TRIES: Final = 3


class PostFailed(Exception):
    """The broker refused the message for good."""


@dataclass(frozen=True)
class Post:
    """``service``: sqs, sns or events. ``once`` is what it is deduplicated by, within the stream's window."""

    service: str
    name: str
    body: str
    once: str
    details: Mapping[str, Json] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        return f"{SUBJECT}.{self.service}.{escaped(self.name)}"


class Posts(Protocol):
    async def post(self, post: Post) -> None:
        """Raises ``PostFailed``, and ``HistoryUnreachable`` where the message may be stored or not.

        Posted again under the same id, it is stored once.
        """
        ...


class BrokerPosts:
    """Stored when ``post`` returns."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def post(self, post: Post) -> None:
        headers = {DETAILS: json.dumps(post.details)}  # ASCII, on one line
        message = broker.Message(post.subject, post.body.encode(), message_id=post.once, headers=headers)
        doubt: NotStored | None = None
        for _ in range(TRIES):
            try:
                await broker.publish(self._client, message)
            except NotStored as error:
                doubt = error
            except BrokerError as error:
                raise PostFailed(str(error)) from error
            else:
                return
        raise HistoryUnreachable(f"{post.subject}: {doubt}")
