"""GetExecutionHistory: pages of an execution's events, forwards from a place in the stream, backwards by their ids."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from orchestration.api.history import Frame, told
from orchestration.api.paging import page_size
from orchestration.api.protocol import Handlers
from orchestration.api.recorded import Recorded, appends, find
from orchestration.api.services import ApiServices
from orchestration.asl.protocol import HistoryEvent
from orchestration.runtime.first import first_events
from orchestration.runtime.tokens import token_maker

# Appends read at a time. Most hold two to five events, some hundreds: so few at first, then ever more.
FIRST_CHUNK: Final = 4
LARGEST_CHUNK: Final = 256


def handlers(services: ApiServices) -> Handlers:
    return {"GetExecutionHistory": ExecutionHistory(services).get}


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
        events, following = await read(execution, cursor, page_size(request))
        return {
            "events": told(events, _frame(execution), with_data=request.get("includeExecutionData", True)),
            "nextToken": None if following is None else self._pages.token(kind, following),
        }

    async def _forwards(
        self, execution: Recorded, cursor: Any, size: int
    ) -> tuple[Sequence[HistoryEvent], list[int] | None]:
        """The cursor: the sequence of the append to go on after, and the last event that was told."""
        after, seen = cursor or (0, 0)
        found: list[tuple[int, HistoryEvent]] = []
        wanted, more = FIRST_CHUNK, True
        while more and len(found) <= size:
            chunk = await self._read(execution, after, wanted)
            for sequence, events in chunk:
                found += [(after, event) for event in events if event.id > seen]
                after = sequence
            more, wanted = len(chunk) == wanted, min(2 * wanted, LARGEST_CHUNK)
        page = [event for _, event in found[:size]]
        return page, [found[size - 1][0], page[-1].id] if len(found) > size else None

    async def _backwards(
        self, execution: Recorded, cursor: Any, size: int
    ) -> tuple[Sequence[HistoryEvent], list[int] | None]:
        """The cursor: the last event that was told. An event's page is not known from its number, so all are read."""
        before = cursor[0] if cursor else None
        newest = execution.append.events if execution.append is not None and before is None else ()
        if len(newest) <= size:
            everything = (event for _, events in await self._read(execution) for event in events)
            newest = [event for event in everything if before is None or event.id < before]
        page = newest[-size:][::-1]
        return page, [page[-1].id] if len(newest) > size else None

    async def _read(
        self, execution: Recorded, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Sequence[HistoryEvent]]]:
        """The events of each append after this sequence; while there is none, what follows from the start alone."""
        token = execution.token
        if execution.append is not None:
            return await appends(self._client, token, after=after, limit=limit)
        make_token = token_maker(self._services.secret)
        machine = await self._services.machines.load(execution.start.machine)
        started_at = execution.started_at
        return [(0, first_events(machine, token, execution.start, started_at, partial(make_token, token)))]


def _frame(execution: Recorded) -> Frame:
    role = execution.start.facts.get("Execution", {}).get("RoleArn", "")
    return Frame(role, execution.version_arn, execution.alias_arn)
