"""Queries that take long are evaluated beside the event loop, and come to the same."""

import asyncio
import threading
from typing import Any

import pytest

from orchestration.asl.interpreter import ExecutionState, Impatient, advance, load_machine
from orchestration.asl.protocol import ExecutionStarted, Now, SetTimer
from orchestration.asl.state import Waiting
from orchestration.runtime import pacing
from orchestration.runtime.pacing import Pacing

START = ExecutionStarted("arn:aws:states:us-east-1:000000000000:execution:m:e", {}, {}, "")
NOW = Now(1_700_000_000.0, 0.5)
LONG, SHORT = "$sum($map([1..900], function($n) { $n * 2 }))", "1 + 1"


def passing(expression: str, count: int = 1) -> Any:
    states: dict[str, Any] = {
        f"S{number}": {"Type": "Pass", "Output": f"{{% {expression} %}}", "Next": f"S{number + 1}"}
        for number in range(count)
    }
    end = {f"S{count}": {"Type": "Succeed"}}
    return load_machine({"QueryLanguage": "JSONata", "StartAt": "S0", "States": states | end})


def token(entry: int, attempt: int) -> str:
    return ""


def test_an_advance_without_patience_changes_nothing() -> None:
    state = ExecutionState.initial()
    with pytest.raises(Impatient):
        advance(passing(LONG), state, START, NOW, token, patience=1_000)
    assert not state.started


async def test_a_slow_machine_goes_to_the_thread_from_its_first_long_query_on(monkeypatch: pytest.MonkeyPatch) -> None:
    here, seen = threading.get_ident(), []

    def noted(*given: Any, **more: Any) -> Any:
        seen.append((threading.get_ident() == here, more))
        return advance(*given, **more)

    monkeypatch.setattr(pacing, "advance", noted)
    paced = Pacing()
    slow, quick = passing(LONG), passing(SHORT)
    for _ in range(2):
        step = await paced.advance("slow", slow, ExecutionState.initial(), START, NOW, token)
        assert step == advance(slow, ExecutionState.initial(), START, NOW, token)
    await paced.advance("quick", quick, ExecutionState.initial(), START, NOW, token)
    assert [at_home for at_home, _ in seen] == [True, False, False, True]


async def test_the_event_loop_goes_on_while_a_long_query_is_evaluated() -> None:
    forever = passing("$sum($map([1..100000], function($n) { $n * 2 }))")
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    going = asyncio.create_task(others())
    step = await Pacing().advance("m", forever, ExecutionState.initial(), START, NOW, token)
    going.cancel()
    assert step.state.status == "FAILED"
    assert turns > 20


def test_many_long_queries_in_a_row_are_several_advances() -> None:
    """So that others of the slow have their turn in between."""
    step = advance(passing(LONG, 50), ExecutionState.initial(), START, NOW, token)
    (timer,) = (command for command in step.commands if isinstance(command, SetTimer))
    assert timer.timer.startswith(Waiting.TURN)
    assert len(step.history) < 50
