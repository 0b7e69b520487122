"""Which executions can be redriven."""

from dataclasses import replace

import pytest

from orchestration.api import redrive
from orchestration.api.recorded import Recorded
from orchestration.asl.interpreter import ExecutionState, Status
from orchestration.names import ExecutionName
from orchestration.rfc3339 import rfc3339
from orchestration.runtime.records import Append, Start

DAY_S = 24 * 3600.0
BEGAN, STOPPED = 1_000_000.0, 1_000_100.0


def execution(status: Status, *, events: int = 5, map_run: str = "", stopped_at: float = STOPPED) -> Recorded:
    state = ExecutionState.initial()
    state.status, state.next_event = status, events + 1
    append = Append(
        machine="m@1",
        began_at=rfc3339(BEGAN),
        status=status.value,
        events=(),
        checkpoint=state.to_json(),
        stopped_at="" if status is Status.RUNNING else rfc3339(stopped_at),
    )
    start = Start("m@1", {}, "f", arn="arn", map_run=map_run)
    return Recorded(ExecutionName("m", "n"), start, BEGAN, append)


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMED_OUT, Status.ABORTED])
def test_what_ended_without_success_can_be_redriven_for_a_fortnight(status: Status) -> None:
    assert redrive.status(execution(status), STOPPED + 13.9 * DAY_S) == ("REDRIVABLE", None)
    late = redrive.status(execution(status), STOPPED + 14.1 * DAY_S)
    assert late == ("NOT_REDRIVABLE", "Execution redrivable period exceeded")


@pytest.mark.parametrize("status", [Status.RUNNING, Status.SUCCEEDED])
def test_what_runs_or_succeeded_cannot(status: Status) -> None:
    reason = f"Execution is {status.value} and cannot be redriven"
    assert redrive.status(execution(status), STOPPED) == ("NOT_REDRIVABLE", reason)


def test_what_no_append_tells_of_runs() -> None:
    fresh = replace(execution(Status.RUNNING), append=None)
    assert redrive.status(fresh, STOPPED) == ("NOT_REDRIVABLE", "Execution is RUNNING and cannot be redriven")


def test_a_full_history_has_no_room_for_a_redrive() -> None:
    assert redrive.status(execution(Status.FAILED, events=24_998), STOPPED)[0] == "REDRIVABLE"
    reason = "Execution history event limit exceeded"
    assert redrive.status(execution(Status.FAILED, events=24_999), STOPPED) == ("NOT_REDRIVABLE", reason)


def test_an_execution_older_than_a_year_cannot_go_on() -> None:
    stopped_at = BEGAN + 366 * DAY_S
    old = execution(Status.FAILED, stopped_at=stopped_at)
    assert redrive.status(old, stopped_at) == ("NOT_REDRIVABLE", "Execution has exceeded the max execution time")


def test_a_child_of_a_map_run_is_redriven_by_it() -> None:
    assert redrive.status(execution(Status.FAILED, map_run="arn:run"), STOPPED) == ("REDRIVABLE_BY_MAP_RUN", None)
