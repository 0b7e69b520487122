"""Heads and revisions in the stream ``MACHINES``: read by direct get, heads written by compare-and-set."""

from dataclasses import dataclass

from nats.aio.client import Client

from broker.errors import Conflict, NotStored
from broker.publish import Message, publish
from broker.read import all_of, last
from orchestration.machine_subjects import HEAD, STREAM, head_subject, revision_subject
from orchestration.machines.model import Head, Revision, decode_head, decode_revision


@dataclass(frozen=True)
class Found:
    """A head as it is stored; ``sequence`` is what its next writer must name."""

    head: Head
    sequence: int


class MachineStore:
    """Every method raises ``broker.errors.BrokerError`` when the broker is out of reach or refuses."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def head(self, name: str) -> Found | None:
        """Also of a deleted machine; None: there never was one of this name."""
        record = await last(self._client, STREAM, head_subject(name))
        return None if record is None else Found(decode_head(record.body), record.sequence)

    async def put(self, head: Head, after: int) -> None:
        """Store the head if the last one's sequence is still ``after`` (0: there is none). Raises ``Conflict``.

        Where no acknowledgement comes, what is stored is read back: ``NotStored`` then means that it is not.
        """
        subject, body = head_subject(head.name), head.encode()
        try:
            await publish(self._client, Message(subject, body, expected_last=after))
        except NotStored:
            record = await last(self._client, STREAM, subject)
            if record is None or record.body != body:
                raise

    async def revision(self, name: str, revision: str) -> Revision | None:
        record = await last(self._client, STREAM, revision_subject(name, revision))
        return None if record is None else decode_revision(record.body)

    async def put_revision(self, name: str, revision: Revision) -> None:
        """Its id is new, so that storing it twice is storing it once."""
        message = Message(revision_subject(name, revision.id), revision.encode(), expected_last=0)
        try:
            await publish(self._client, message)
        except Conflict:
            return

    async def heads(self) -> list[Head]:
        """All that are not deleted, by name."""
        records = await all_of(self._client, STREAM, f"{HEAD}.*")
        heads = (decode_head(record.body) for record in records)
        return sorted((head for head in heads if not head.deleted), key=lambda head: head.name)

    async def names(self) -> list[str]:
        return [head.name for head in await self.heads()]
