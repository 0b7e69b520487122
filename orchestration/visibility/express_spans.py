"""The spans of an Express execution, recorded as it goes by the process that runs it: nothing of it is ever stored."""

from typing import Final

from orchestration.asl.protocol import HistoryEvent
from orchestration.asl.state import Status
from orchestration.rfc3339 import rfc3339
from orchestration.runtime.express import Hear
from orchestration.runtime.records import Append, Start
from orchestration.tracing import trace_of
from orchestration.visibility.spans import Followed
from telemetry.recording import record, samples

ENDS: Final = {
    "ExecutionSucceeded": Status.SUCCEEDED,
    "ExecutionFailed": Status.FAILED,
    "ExecutionTimedOut": Status.TIMED_OUT,
    "ExecutionAborted": Status.ABORTED,
}


def follow(execution: str, start: Start) -> Hear | None:
    """``runtime.express.Follow``; None: this process records no spans of its trace."""
    if not samples(trace_of(execution, start.trace_header).trace_id):
        return None
    followed = Followed(execution, None)
    began_at = ""

    def hear(events: list[HistoryEvent]) -> None:
        nonlocal began_at
        began_at = began_at or rfc3339(events[0].at)
        for span in followed.tell(_as_append(start, began_at, events)):
            record(span)

    return hear


def _as_append(start: Start, began_at: str, events: list[HistoryEvent]) -> Append:
    """What would have been stored of a Standard execution."""
    last = events[-1]
    status = ENDS.get(last.type, Status.RUNNING)
    return Append(
        machine=start.machine,
        began_at=began_at,
        status=status,
        events=events,
        checkpoint=None,
        summary={name: last.details.get(name) for name in ("error", "cause")},
        stopped_at="" if status is Status.RUNNING else rfc3339(last.at),
        arn=start.arn,
        trace_header=start.trace_header,
    )
