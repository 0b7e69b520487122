"""Operations whose machine, or whose broker, changes under them."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from broker.errors import NotStored
from orchestration.api import execution_machine, executions, versions
from orchestration.api.errors import ApiError
from orchestration.api.executions import ExecutionOperations
from orchestration.machines.model import Head, Revision
from orchestration.machines.store import Found
from orchestration.names import ExecutionName, machine_arn
from orchestration.runtime.records import Start

FIRST = Head(name="m", type="STANDARD", revision="r1", created_at=1.0, updated_at=1.0)


def revision(number: str) -> Revision:
    return Revision(id=number, definition="{}", role_arn="", created_at=0.0, shown=f"shown-{number}")


class MovingStore:
    """The machine gets another revision right after its current one was looked at."""

    def __init__(self) -> None:
        self.head_now = FIRST
        self.put_heads: list[Head] = []

    async def head(self, _name: str) -> Found:
        return Found(self.head_now, 1)

    async def revision(self, _name: str, wanted: str) -> Revision:
        self.head_now = replace(FIRST, revision="r2")
        return revision(wanted)

    async def put(self, head: Head, _after: int) -> None:
        self.put_heads.append(head)


def services(**parts: Any) -> Any:
    return SimpleNamespace(machines=SimpleNamespace(built_in={}), clock=lambda: 1234.56789, **parts)


async def test_the_revision_that_is_published_is_the_one_that_was_named() -> None:
    store = MovingStore()
    publish = versions.handlers(services(store=store))["PublishStateMachineVersion"]
    with pytest.raises(ApiError) as refused:
        await publish({"stateMachineArn": machine_arn("m"), "revisionId": "shown-r1"})
    assert refused.value.code == "ConflictException"
    assert "The current State Machine revision is shown-r2." in str(refused.value)
    assert store.put_heads == []


@pytest.mark.parametrize(
    ("name", "machine", "asked"),
    [("a@b", "a@b@r7", "r7"), ("m", "m@r7", "r7"), ("m", "m@r7#Each@day", "r7"), ("m", "m", "")],
)
async def test_the_revision_of_an_execution_is_read_off_its_reference(
    monkeypatch: pytest.MonkeyPatch, name: str, machine: str, asked: str
) -> None:
    async def find(_client: Any, _arn: str) -> Any:
        return SimpleNamespace(name=ExecutionName(name, "e"), machine=name, start=Start(machine, {}, "f"))

    async def read(_services: Any, _name: str, wanted: str) -> Revision:
        return revision(wanted)

    monkeypatch.setattr(execution_machine, "find", find)
    monkeypatch.setattr(execution_machine, "revision_of", read)
    describe = execution_machine.handlers(services(client=None))["DescribeStateMachineForExecution"]
    assert (await describe({"executionArn": "any"}))["revisionId"] == f"shown-{asked}"


async def test_a_start_that_is_stored_is_answered_though_it_cannot_be_read_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def stored(_messages: Any) -> None:
        await asyncio.sleep(0)

    async def unreachable(*_asked: Any) -> None:
        raise NotStored("no broker")

    monkeypatch.setattr(executions, "GroupPublisher", lambda _client: SimpleNamespace(publish=stored))
    monkeypatch.setattr(executions, "last", unreachable)
    operations = ExecutionOperations(services(client=None))
    assert await operations._store(ExecutionName("m", "e"), Start("m", {}, "f", at=1234.568)) == 1234.568
