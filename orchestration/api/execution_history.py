"""GetExecutionHistory: pages of an execution's events, forwards from a place in the stream, backwards by their ids.

A page is bounded in events and in bytes, and no more of the history is held at once than about a page.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

import orjson

from broker.read import last
from orchestration.api.history import Frame, told
from orchestration.api.paging import page_size
from orchestration.api.protocol import Handlers
from orchestration.api.recorded import Recorded, appends, find
from orchestration.api.services import ApiServices
from orchestration.asl.interpreter import ExecutionState
from orchestration.asl.protocol import HistoryEvent
from orchestration.rfc3339 import rfc3339
from orchestration.runtime.first import first_now
from orchestration.runtime.pacing import PACING
from orchestration.runtime.records import STREAM, log_subject
from orchestration.runtime.tokens import token_maker

# Appends read at a time. Most hold two to five events, some hundreds: so few at first, then ever more.
FIRST_CHUNK: Final = 4
LARGEST_CHUNK: Final = 256
# Backwards, events are read at a time.
FIRST_EVENTS: Final = 32
# Of a page's details as JSON; what AWS answers with is not larger either.
PAGE_BYTES: Final = 4 * 1024 * 1024


def handlers(services: ApiServices) -> Handlers:
    return {"GetExecutionHistory": ExecutionHistory(services).get}


class Filling:
    """A page: so many events, and no more than so many bytes of them, but always one."""

    def __init__(self, size: int, max_bytes: int = PAGE_BYTES) -> None:
        self.events: list[HistoryEvent] = []
        self._size = size
        self._max_bytes = max_bytes
        self._bytes = 0

    def take(self, events: Iterable[HistoryEvent]) -> bool:
        """Whether there was room for all of them."""
        for event in events:
            weight = len(orjson.dumps(event.details))
            if self.events and (len(self.events) == self._size or self._bytes + weight > self._max_bytes):
                return False
            self.events.append(event)
            self._bytes += weight
        return True

    def room_for(self, taken: int) -> int:
        """How many more things fit, at least one, where all so far were ``taken`` of them."""
        return max(1, taken * (self._max_bytes - self._bytes) // max(1, self._bytes))


class ExecutionHistory:
    def __init__(self, services: ApiServices) -> None:
        self._services = services
        self._client = services.client
        self._pages = services.pages

    async def get(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = await find(self._client, request["executionArn"])
        backwards = bool(request.get("reverseOrder"))
        kind = f"GetExecutionHistory:{'<' if backwards else '>'}:{execution.arn}"
        token = request.get("nextToken")
        cursor = self._pages.cursor(kind, token) if token else None
        read = self._backwards if backwards else self._forwards
        page = Filling(page_size(request))
        following = await read(execution, cursor, page)
        return {
            "events": told(page.events, _frame(execution), with_data=request.get("includeExecutionData", True)),
            "nextToken": None if following is None else self._pages.token(kind, following),
        }

    async def _forwards(self, execution: Recorded, cursor: Any, page: Filling) -> list[int] | None:
        """The cursor: the sequence of the append to go on after, and the last event that was told."""
        after, seen = cursor or (0, 0)
        wanted = FIRST_CHUNK
        while True:
            chunk = await self._read(execution, after, wanted)
            for sequence, events in chunk:
                if not page.take(event for event in events if event.id > seen):
                    return [after, page.events[-1].id]
                after = sequence
            if len(chunk) < wanted:
                return None
            wanted = min(2 * wanted, LARGEST_CHUNK, page.room_for(len(chunk)))

    async def _backwards(self, execution: Recorded, cursor: Any, page: Filling) -> list[int] | None:
        """The cursor: the last event that was told."""
        before = cursor[0] if cursor else None
        if execution.state is None:
            ((_, events),) = await self._read(execution)
            whole = page.take(event for event in reversed(events) if before is None or event.id < before)
            return None if whole else [page.events[-1].id]
        before = before or execution.state.next_event
        wanted = FIRST_EVENTS
        while before > 1:
            events = await self._between(execution, max(1, before - wanted), before)
            if not page.take(reversed(events)):
                return [page.events[-1].id]
            before = max(1, before - wanted)
            wanted = min(2 * wanted, LARGEST_CHUNK, page.room_for(len(page.events)))
        return None

    async def _between(self, execution: Recorded, first: int, before: int) -> list[HistoryEvent]:
        """The events from id ``first`` up to ``before``."""
        found: list[HistoryEvent] = []
        after = await self._place(execution.token, first, slack=before - first)
        more = True
        while more and (not found or found[-1].id < before - 1):
            chunk = await self._read(execution, after, FIRST_CHUNK)
            found += [event for _, events in chunk for event in events if first <= event.id < before]
            more = len(chunk) == FIRST_CHUNK
            after = chunk[-1][0] if chunk else after
        return found

    async def _place(self, token: str, first: int, slack: int) -> int:
        """A sequence such that the append that follows it begins with event ``first``, or not far before it.

        The stream cannot be read backwards, nor by an event's number: so the interval is halved.
        """
        newest = await last(self._client, STREAM, log_subject(token))
        low, high = 0, 0 if newest is None else newest.sequence
        while high - low > 1:
            middle = (low + high) // 2
            ((sequence, events),) = await appends(self._client, token, after=middle, limit=1)
            if not events or events[0].id > first:
                high = middle
                continue
            low = sequence - 1
            if events[0].id + slack >= first or events[-1].id >= first:
                break
        return low

    async def _read(
        self, execution: Recorded, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Sequence[HistoryEvent]]]:
        """The events of each append after this sequence; while there is none, what follows from the start alone."""
        token = execution.token
        if execution.append is not None:
            return await appends(self._client, token, after=after, limit=limit)
        make_token = token_maker(self._services.secret)
        machine = await self._services.machines.load(execution.start.machine)
        start = execution.start
        now = first_now(token, rfc3339(execution.started_at))
        first = start.first_input(token)
        nothing = ExecutionState.initial()
        step = await PACING.advance(start.machine, machine, nothing, first, now, partial(make_token, token))
        return [(0, step.history)]


def _frame(execution: Recorded) -> Frame:
    role = execution.start.facts.get("Execution", {}).get("RoleArn", "")
    return Frame(role, execution.version_arn, execution.alias_arn)
