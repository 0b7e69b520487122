"""Everything that the stream says of executions, read as it grows, and what must hold of each history.

Of the appends only what the checks want is kept.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from nats.aio.client import Client

from broker.errors import BrokerError
from broker.read import Record, all_of
from orchestration.asl.protocol import HistoryEvent
from orchestration.runtime import records
from orchestration.tasks.posting import STREAM as POSTS

PAUSE_S = 0.2


@dataclass
class Appended:
    sequence: int
    append_id: str
    status: str
    events: list[HistoryEvent]
    last: records.Append


@dataclass
class Story:
    """One execution. ``appends`` in the order of the stream."""

    appends: list[Appended] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return bool(self.appends) and self.appends[-1].status != "RUNNING"

    @property
    def events(self) -> list[HistoryEvent]:
        return [event for append in self.appends for event in append.events]

    def told(self) -> Counter[tuple[str, str]]:
        """What must be the same whoever was killed. An answer may be stored before the note that it was asked for."""
        told = ((event.type, str(event.details.get("name", ""))) for event in self.events)
        return Counter(each for each in told if each[0] != "TaskSubmitted")

    def check_whole(self) -> None:
        """No gap, no duplicate, one beginning and one end; each append after the one that its writer knew."""
        events = self.events
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        assert all(event.previous < event.id for event in events)
        ends = [event.type for event in events if event.type.startswith("Execution")]
        assert len(ends) == 2, ends
        assert (events[0].type, events[-1].type) == ("ExecutionStarted", ends[-1])
        ids = [append.append_id for append in self.appends]
        assert len(ids) == len(set(ids)), ids
        before = [0, *(append.sequence for append in self.appends)]
        known = [int(append.append_id.rsplit(".", 3)[1]) for append in self.appends]
        assert known == before[:-1], "an append follows another than its writer knew"


@dataclass
class Follower:
    """``stories`` by an execution's token. ``on_question`` gets the bodies of messages in queues, each once."""

    client: Client
    on_question: Callable[[dict[str, Any]], None]
    stories: dict[str, Story] = field(default_factory=dict)
    ended: int = 0
    _appended: int = 0
    _posted: int = 0

    async def follow(self) -> None:
        """For ever, over restarts of the broker."""
        while True:
            with contextlib.suppress(BrokerError):
                for record in await all_of(
                    self.client, records.STREAM, f"{records.LOG}.*", start=self._appended + 1, limit=2000
                ):
                    self._note(record)
                for record in await all_of(self.client, POSTS, "aws.>", start=self._posted + 1):
                    self._posted = record.sequence
                    self.on_question(orjson.loads(record.body))
            await asyncio.sleep(PAUSE_S)

    def _note(self, record: Record) -> None:
        self._appended = record.sequence
        append = records.decode_append(record.body)
        story = self.stories.setdefault(records.execution_of(record.subject), Story())
        self.ended += append.status != "RUNNING" and not story.ended
        story.appends.append(
            Appended(record.sequence, record.headers["Nats-Msg-Id"], append.status, list(append.events), append)
        )
