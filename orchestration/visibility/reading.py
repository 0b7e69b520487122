"""One execution's story, read from the stream itself, so that it tells what was stored a moment ago.

Bounded: beyond a budget of bytes, payloads are left out; the events and entries of the longest history have room.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from broker.read import Record, all_of, last
from orchestration.asl.interpreter import Machine
from orchestration.asl.protocol import HistoryEvent, Json
from orchestration.errors import OrchestrationError
from orchestration.names import execution_of_arn, is_token
from orchestration.rfc3339 import epoch_s
from orchestration.runtime import records
from orchestration.runtime.machines import Machines
from orchestration.visibility.executions import ExecutionRow
from orchestration.visibility.folding import Reader, row_of
from orchestration.visibility.graph import Graph, graph_of
from orchestration.visibility.story import Entry, entries_of

CHUNK: Final = 256
PAYLOAD_BYTES: Final = 8 * 1024 * 1024
_PAYLOADS: Final = ("input", "output", "parameters")

# The reference of a machine as it is now, by its name; None: there is none.
Current = Callable[[str], Awaitable[str | None]]


@dataclass(frozen=True)
class Story:
    """``whole``: every payload is there. ``graph`` None: the machine cannot be loaded any more."""

    execution: ExecutionRow
    entries: list[Entry]
    graph: Graph | None
    whole: bool


class Stories:
    """Every method raises ``broker.errors.BrokerError`` and ``errors.OrchestrationError``."""

    def __init__(self, client: Client, machines: Machines, current: Current, readers: Mapping[str, Reader]) -> None:
        self._client = client
        self._machines = machines
        self._current = current
        self._readers = readers

    async def story(self, arn_or_token: str, *, with_data: bool = True) -> Story | None:
        name = execution_of_arn(arn_or_token)
        token = name.token if name else arn_or_token
        if not is_token(token):
            return None
        start = await last(self._client, records.STREAM, records.start_subject(token))
        if start is None:
            return None
        latest = await last(self._client, records.STREAM, records.log_subject(token))
        row = row_of([_Stored(record) for record in (start, latest) if record is not None], self._readers)
        if row is None:
            return None
        graph = await self._graph(row.reference)
        undoes = {node.name: node.undoes for node in graph.nodes if node.undoes} if graph else {}
        events, whole = await self._events(token, with_data)
        return Story(row, entries_of(events, undoes), graph, whole)

    async def graph(self, machine: str) -> Graph | None:
        """Of the machine as it is now."""
        reference = await self._current(machine)
        return None if reference is None else graph_of((await self._machines.load(reference)).definition)

    async def _graph(self, reference: str) -> Graph | None:
        try:
            machine: Machine = await self._machines.load(reference)
        except OrchestrationError:
            return None
        return graph_of(machine.definition)

    async def _events(self, token: str, with_data: bool) -> tuple[list[HistoryEvent], bool]:
        events: list[HistoryEvent] = []
        budget = PAYLOAD_BYTES if with_data else 0
        start = 1
        while True:
            chunk = await all_of(self._client, records.STREAM, records.log_subject(token), start=start, limit=CHUNK)
            for record in chunk:
                found = records.decode_append(record.body).events
                events += found if budget > 0 else map(_without_payloads, found)
                budget -= len(record.body)
            if len(chunk) < CHUNK:
                return events, budget > 0
            start = chunk[-1].sequence + 1


class _Stored:
    """A record as ``folding`` wants it."""

    def __init__(self, record: Record) -> None:
        self.subject = record.subject
        self.body = record.body
        self.stream_sequence = record.sequence
        self.at = epoch_s(record.at)


def _without_payloads(event: HistoryEvent) -> HistoryEvent:
    details: dict[str, Json] = {name: value for name, value in event.details.items() if name not in _PAYLOADS}
    return HistoryEvent(event.id, event.previous, event.type, event.at, details)
