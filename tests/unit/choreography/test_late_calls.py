"""A call that takes longer than any caller waits: a failed try for the caller, and yet told once it is done."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from choreography.calls import Calls
from services.commands import Answer, Command, Outgoing, Result
from services.errors import NoAnswer
from services.faults.plan import FaultKind
from services.operations import Operation
from tests.unit.choreography.samples import an_order

NEWS = Outgoing("o-1:PaymentCharged", "orders.o-1.PaymentCharged", {}, b"{}")


class SlowService:
    def __init__(self, attempt: int | None) -> None:
        self.attempt = attempt
        self.go_on = asyncio.Event()

    async def execute(self, command: Command, *, hang_s: float | None = None) -> Answer:
        await self.go_on.wait()
        answer = Answer(command.operation, Result.DONE)
        assert command.outgoing is not None
        command.outgoing(answer)  # as a transaction would
        return answer

    def attempt_under_way(self, command: Command) -> int | None:
        return self.attempt


class ToldOutbox:
    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.asked = asyncio.Event()

    async def send(self, rows: Sequence[Outgoing]) -> None:
        self.sent += rows
        self.asked.set()


def command(told: list[Outgoing]) -> Command:
    def outgoing(_answer: Answer) -> tuple[Outgoing, ...]:
        told.append(NEWS)
        return (NEWS,)

    return Command(Operation.CHARGE, an_order(), "o-1:charge", outgoing=outgoing)


@pytest.mark.parametrize(("counted", "attempt"), [(2, 2), (None, 5)])
async def test_the_caller_goes_on_and_the_late_work_is_told(counted: int | None, attempt: int) -> None:
    service, outbox = SlowService(counted), ToldOutbox()
    sending: Any = outbox
    calls = Calls(service, sending, timeout_s=0.01, durable=True)
    told: list[Outgoing] = []
    with pytest.raises(NoAnswer) as no_answer:
        await asyncio.wait_for(calls.execute(command(told), told, deliveries=5), 5)
    assert (no_answer.value.kind, no_answer.value.attempt) == (FaultKind.SLOW, attempt)
    assert outbox.sent == []
    service.go_on.set()
    await asyncio.wait_for(outbox.asked.wait(), 5)
    assert outbox.sent == [NEWS]
    await calls.close()


async def test_what_is_late_at_the_end_is_let_go() -> None:
    service, outbox = SlowService(1), ToldOutbox()
    sending: Any = outbox
    calls = Calls(service, sending, timeout_s=0.01, durable=True)
    told: list[Outgoing] = []
    with pytest.raises(NoAnswer):
        await calls.execute(command(told), told, deliveries=1)
    await asyncio.wait_for(calls.close(), 5)
    assert outbox.sent == []
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
