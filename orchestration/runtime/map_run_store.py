"""Map runs in JetStream: an append names the one before it, and is stored with what it brings about, or not at all."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from nats.aio.client import Client

from broker.errors import BrokerError, Conflict, NotStored, Rejected
from broker.publish import Message, publish, publish_batch, schedule
from broker.read import Record, last
from orchestration.asl.protocol import TimerFired
from orchestration.errors import HistoryUnreachable, Lost, Unreadable
from orchestration.runtime import map_run_records, records, wakes

TRY_S: Final = 5.0
TRIES: Final = 4
PAUSE_S: Final = 0.2


@dataclass(frozen=True)
class Found:
    """``checkpoint`` None: there is none, or the map run was stopped before it began."""

    checkpoint: map_run_records.Checkpoint | None
    sequence: int


class MapRunStore:
    """Every method raises ``HistoryUnreachable``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def load(self, run: str) -> Found:
        record = await self._last(map_run_records.log_subject(run))
        if record is None:
            return Found(None, 0)
        return Found(map_run_records.decode_checkpoint(record.body), record.sequence)

    async def beginning(self, run: str) -> map_run_records.Beginning:
        record = await self._last(map_run_records.begin_subject(run))
        if record is None:
            raise Unreadable(f"the map run {run!r} never began")
        return map_run_records.decode_beginning(record.body)

    async def start_of(self, execution: str) -> records.Start:
        record = await self._last(records.start_subject(execution))
        if record is None:
            raise Unreadable(f"{execution!r} never started")
        return records.decode_start(record.body)

    async def append_of(self, execution: str) -> records.Append:
        """Its last one."""
        record = await self._last(records.log_subject(execution))
        if record is None:
            raise HistoryUnreachable(f"no append of {execution!r} is to be seen yet")
        return records.decode_append(record.body)

    async def child_end(self, run: str, number: int) -> wakes.ItemEnded | None:
        record = await self._last(map_run_records.child_end_subject(run, number))
        return None if record is None else wakes.decode_item_ended(record.body)

    async def redrive(self, run: str, attempt: int) -> None:
        """Told twice, it is done once."""
        try:
            message = Message(map_run_records.redrive_subject(run), map_run_records.encode_redrive(attempt))
            await publish(self._client, message)
        except BrokerError as error:
            raise HistoryUnreachable(f"{run}: {error}") from error

    async def append(
        self,
        run: str,
        body: bytes,
        *,
        after: int,
        append_id: str,
        posts: Sequence[records.Post] = (),
        look_at: float | None = None,
    ) -> int:
        """The append's sequence. ``append_id`` is this one append's own. Raises ``Lost`` when another's came first.

        ``look_at`` (epoch seconds): when the map run is to be told that it wanted to look again.
        """
        subject = map_run_records.log_subject(run)
        batch = [Message(post.subject, post.body) for post in posts]
        if look_at is not None:
            batch.append(_look(run, look_at))
        batch.append(Message(subject, body, message_id=append_id, expected_last=after))
        doubt: BrokerError | None = None
        for number in range(TRIES):
            if number:
                await asyncio.sleep(PAUSE_S * 2**number)
            try:
                return (await publish_batch(self._client, batch, TRY_S)).sequence
            except (Conflict, NotStored) as error:
                doubt = error
            except Rejected as error:
                raise HistoryUnreachable(f"{run}: {error}") from error
            found = await self._last(subject)
            if found is not None and found.headers.get("Nats-Msg-Id") == append_id:
                return found.sequence
            if found is not None and found.sequence > after:
                raise Lost(f"{run}: {found.sequence} was appended after {after}")
        raise HistoryUnreachable(f"{run}: {doubt}")

    async def _last(self, subject: str) -> Record | None:
        try:
            return await last(self._client, records.STREAM, subject)
        except NotStored as error:
            raise HistoryUnreachable(str(error)) from error


def _look(run: str, at: float) -> Message:
    return Message(
        records.timer_subject(run, map_run_records.LOOK),
        wakes.encode_wake(TimerFired(map_run_records.LOOK)),
        headers=schedule(datetime.fromtimestamp(at, UTC), records.timer_wake_subject(run, map_run_records.LOOK)),
    )
