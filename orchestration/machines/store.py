"""Heads and revisions in the stream ``MACHINES``: read by direct get, heads written by compare-and-set."""

import asyncio
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from broker.errors import Conflict, NotStored
from broker.publish import Message, publish
from broker.read import all_of, last
from orchestration.machine_subjects import HEAD, STREAM, head_subject, revision_subject
from orchestration.machines.model import Head, Revision, decode_head, decode_revision

RECENT_S: Final = 1.0
MOST_RECENT: Final = 1000


@dataclass(frozen=True)
class Found:
    """A head as it is stored; ``sequence`` is what its next writer must name."""

    head: Head
    sequence: int


class MachineStore:
    """Every method raises ``broker.errors.BrokerError`` when the broker is out of reach or refuses."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._recent: dict[str, tuple[float, Found]] = {}

    async def head(self, name: str) -> Found | None:
        """Also of a deleted machine; None: there never was one of this name."""
        record = await last(self._client, STREAM, head_subject(name))
        return None if record is None else Found(decode_head(record.body), record.sequence)

    async def recent_head(self, name: str) -> Found | None:
        """As ``head``, but what another process changed within the last second may not be seen yet.

        AWS promises no more to a start: "Executions started immediately after you call UpdateStateMachine may use the
        previous state machine definition and roleArn" (API reference, UpdateStateMachine).
        """
        now = asyncio.get_running_loop().time()
        read_at, found = self._recent.get(name, (0.0, None))
        if found is not None and now - read_at < RECENT_S:
            return found
        found = await self.head(name)
        if found is not None:
            if len(self._recent) >= MOST_RECENT:
                self._recent.clear()
            self._recent[name] = (now, found)
        return found

    async def put(self, head: Head, after: int) -> None:
        """Store the head if the last one's sequence is still ``after`` (0: there is none). Raises ``Conflict``.

        Where no acknowledgement comes, what is stored is read back: ``NotStored`` then means that it is not.
        """
        subject, body = head_subject(head.name), head.encode()
        try:
            await self._put(subject, body, after)
        finally:
            self._recent.pop(head.name, None)

    async def _put(self, subject: str, body: bytes, after: int) -> None:
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
