"""Heads and revisions keep what is put into them, and workers parse a revision once."""

import asyncio
import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.errors import NotStored
from orchestration.asl.interpreter import load_machine
from orchestration.errors import HistoryUnreachable, Unreadable
from orchestration.machines.loaded import StoredMachines
from orchestration.machines.model import (
    Alias,
    Head,
    Revision,
    Route,
    Version,
    decode_head,
    decode_revision,
    reference,
)
from orchestration.machines.store import MachineStore

DEFINITION = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'

names = st.text(min_size=1, max_size=10)
instants = st.floats(min_value=0, max_value=2e9)
versions = st.builds(Version, st.integers(1, 9), names, instants, st.none() | names)
routes = st.builds(Route, st.integers(1, 9), st.integers(0, 100))
aliases = st.builds(Alias, names, st.lists(routes).map(tuple), instants, instants, st.none() | names)
heads = st.builds(
    Head,
    name=names,
    type=st.sampled_from(["STANDARD", "EXPRESS"]),
    revision=names,
    created_at=instants,
    updated_at=instants,
    versions=st.lists(versions, max_size=3).map(tuple),
    aliases=st.lists(aliases, max_size=3).map(tuple),
    tags=st.dictionaries(names, names, max_size=3),
    deleted=st.booleans(),
)


@settings(max_examples=50)
@given(heads)
def test_a_head_is_read_as_it_was_written(head: Head) -> None:
    assert decode_head(head.encode()) == head


def test_a_revision_is_read_as_it_was_written() -> None:
    revision = Revision(id="1", definition=DEFINITION, role_arn="r", created_at=1.5, logging={"level": "ALL"})
    assert decode_revision(revision.encode()) == revision


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 1}', b"null"])
def test_what_is_no_head_or_revision_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        decode_head(body)
    with pytest.raises(Unreadable):
        decode_revision(body)


class InMemory:
    """A store whose revisions are all the same definition; counts what is asked of it."""

    def __init__(self, definition: str = DEFINITION, broken: bool = False) -> None:
        self.asked: list[tuple[str, str]] = []
        self._definition = definition
        self._broken = broken

    async def revision(self, name: str, revision: str) -> Revision | None:
        self.asked.append((name, revision))
        if self._broken:
            raise NotStored("no broker")
        if revision == "none":
            return None
        return Revision(id=revision, definition=self._definition, role_arn="r", created_at=0.0)


def loaded(store: InMemory, **limits: Any) -> StoredMachines:
    built_in = {"own": load_machine({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})}
    return StoredMachines(cast(MachineStore, store), built_in, **limits)


async def test_a_revision_is_parsed_once_and_scaled() -> None:
    store = InMemory()
    machines = loaded(store, time_scale=0.5)
    machine = await machines.load(reference("a@b", "r1"))
    assert await machines.load("a@b@r1") is machine
    assert store.asked == [("a@b", "r1")]
    assert machine.time_scale == 0.5


async def test_the_built_in_machines_are_not_looked_up() -> None:
    store = InMemory()
    assert (await loaded(store).load("own")).graph.start_at == "A"
    assert store.asked == []


async def test_only_so_many_machines_are_kept() -> None:
    store = InMemory()
    machines = loaded(store, max_machines=2)
    for revision in ("1", "2", "1", "3", "1", "2"):
        await machines.load(f"m@{revision}")
    assert [revision for _, revision in store.asked] == ["1", "2", "3", "2"]


async def test_only_so_much_text_is_kept() -> None:
    store = InMemory()
    machines = loaded(store, max_bytes=len(DEFINITION))
    for revision in ("1", "1", "2", "1"):
        await machines.load(f"m@{revision}")
    assert [revision for _, revision in store.asked] == ["1", "2", "1"]


@pytest.mark.parametrize("wanted", ["m", "m@none", "@", ""])
async def test_what_is_not_there_is_unreadable(wanted: str) -> None:
    with pytest.raises(Unreadable):
        await loaded(InMemory()).load(wanted)


@pytest.mark.parametrize("text", ["{", "[]", '{"StartAt": "A"}'])
async def test_a_definition_that_cannot_be_loaded_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        await loaded(InMemory(text)).load("m@1")


async def test_a_broker_out_of_reach_is_told_as_such() -> None:
    with pytest.raises(HistoryUnreachable):
        await loaded(InMemory(broken=True)).load("m@1")


async def test_executions_that_wait_for_one_machine_load_it_once() -> None:
    store = InMemory()
    machines = loaded(store)
    one, other = await asyncio.gather(machines.load("m@1"), machines.load("m@1"))
    assert one is other
    assert store.asked == [("m", "1")]


async def test_reading_a_long_definition_lets_others_work() -> None:
    states = {f"S{number}": {"Type": "Pass", "Next": f"S{number + 1}"} for number in range(3000)}
    text = json.dumps({"StartAt": "S0", "States": {**states, "S3000": {"Type": "Succeed"}}})
    loading = asyncio.create_task(loaded(InMemory(text)).load("m@1"))
    turns = 0
    while not loading.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 3
    assert len((await loading).graph.states) == 3001
