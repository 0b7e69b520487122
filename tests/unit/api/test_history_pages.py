"""Pages of a history: bounded in events and bytes, and made without reading more of it than they need."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.api import execution_history
from orchestration.api.execution_history import ExecutionHistory, Filling
from orchestration.asl.protocol import HistoryEvent
from orchestration.asl.state import ExecutionState

GAP = 10  # records of other executions between two appends


class Log:
    """A stream with one execution's appends in it; it counts the events that are read."""

    def __init__(self, appends: Sequence[int], payload: str = "") -> None:
        self.count = sum(appends)
        self.read = 0
        ids = iter(range(1, self.count + 1))

        def event() -> HistoryEvent:
            return HistoryEvent(next(ids), 0.0, "PassStateEntered", 0, {"input": payload})

        self._stored = [(GAP * place, [event() for _ in range(size)]) for place, size in enumerate(appends, 1)]

    async def appends(
        self, _client: Any, _token: str, *, after: int, limit: int
    ) -> list[tuple[int, list[HistoryEvent]]]:
        found = [each for each in self._stored if each[0] > after][:limit]
        self.read += sum(len(events) for _, events in found)
        return found

    async def last(self, *_asked: Any) -> Any:
        return SimpleNamespace(sequence=self._stored[-1][0])

    @property
    def execution(self) -> Any:
        return SimpleNamespace(token="m~e", append=self, state=ExecutionState(next_event=self.count + 1))


async def pages(log: Log, size: int, *, backwards: bool) -> list[list[int]]:
    services: Any = SimpleNamespace(client=None, pages=None)
    history = ExecutionHistory(services)
    found: list[list[int]] = []
    cursor: Any = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution_history, "appends", log.appends)
        patch.setattr(execution_history, "last", log.last)
        while cursor is not None or not found:
            page = Filling(size)
            cursor = await (history._backwards if backwards else history._forwards)(log.execution, cursor, page)
            found.append([event.id for event in page.events])
    return found


@settings(max_examples=60)
@given(st.lists(st.integers(0, 90), min_size=1, max_size=60).filter(any), st.integers(1, 1000), st.booleans())
async def test_the_pages_together_are_the_history(appends: list[int], size: int, backwards: bool) -> None:
    log = Log(appends)
    found = await pages(log, max(size, log.count // 30), backwards=backwards)
    ids = list(range(1, log.count + 1))
    assert [each for page in found for each in page] == (ids[::-1] if backwards else ids)
    assert all(len(page) == len(found[0]) for page in found[:-1])


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_page_is_bounded_in_bytes_and_little_more_is_read(backwards: bool) -> None:
    log = Log([4] * 50, payload="x" * 250_000)
    found = await pages(log, 1000, backwards=backwards)
    assert {len(page) for page in found[:-1]} == {16}
    assert sum(map(len, found)) == 200
    assert log.read < len(found) * 100


async def test_an_event_that_is_too_large_is_a_page_of_its_own() -> None:
    log = Log([3], payload="x" * (execution_history.PAGE_BYTES + 1))
    assert await pages(log, 1000, backwards=True) == [[3], [2], [1]]


async def test_the_newest_events_are_found_without_the_older_ones() -> None:
    log = Log([5] * 5_000)
    services: Any = SimpleNamespace(client=None, pages=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution_history, "appends", log.appends)
        patch.setattr(execution_history, "last", log.last)
        page = Filling(10)
        assert await ExecutionHistory(services)._backwards(log.execution, None, page) == [24_991]
    assert log.read < 500
