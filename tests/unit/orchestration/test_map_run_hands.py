"""Map runs in a worker's hands: what is appended, and which of them are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from orchestration.asl.map_run import MapRunState
from orchestration.errors import HistoryUnreachable
from orchestration.runtime import map_runs, records
from orchestration.runtime.map_run_records import Beginning, Checkpoint, encode_limits
from orchestration.runtime.map_run_store import Found, MapRunStore
from orchestration.runtime.map_runs import MapRuns, MapRunTools

BEGINNING = Beginning(parent="p", parent_arn="", machine="m", entry=1, attempt=1, plan=cast(Any, {}), facts={})
IN_FLIGHT = MapRunState(running={0: 1}, started=1, read=1, exhausted=True, total=1)


@dataclass
class Store:
    """Nothing is heard of the first ``unheard`` appends: they may be stored later than anybody looks for them."""

    unheard: int = 0
    appends: list[tuple[str, bytes]] = field(default_factory=list)

    async def load(self, run: str) -> Found:
        return Found(Checkpoint(arn="a", parent_arn="p", machine_arn="m", began_at="", state=IN_FLIGHT), 7)

    async def beginning(self, run: str) -> Beginning:
        return BEGINNING

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
        self.appends.append((append_id, body))
        if len(self.appends) <= self.unheard:
            raise HistoryUnreachable(run)
        return after + 1


def hands(store: Store) -> MapRuns:
    return MapRuns(MapRunTools(cast(Any, None), cast(MapRunStore, store), None, "w", lambda: 0.0))


async def test_no_append_is_taken_for_another_one_that_nothing_was_heard_of() -> None:
    store = Store(unheard=1)
    runs = hands(store)
    with pytest.raises(HistoryUnreachable):
        await runs.tell("r", encode_limits(concurrency=5), 1)
    await runs.tell("r", encode_limits(tolerated_count=3), 2)
    (first, second) = store.appends
    assert first[1] != second[1]
    assert first[0] != second[0]


async def test_the_longest_unused_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_runs, "MAX_KEPT", 2)
    runs = hands(Store())
    for run in ("a", "b", "a", "c"):
        await runs.tell(run, encode_limits(concurrency=5), 1)
    assert list(runs._kept) == ["a", "c"]
