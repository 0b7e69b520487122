"""The spans of an Express execution, recorded as it goes by the process that runs it: nothing of it is ever stored."""

import logging
from typing import Final

from orchestration.asl.limits import HISTORY_LIMIT_EVENTS
from orchestration.asl.protocol import HistoryEvent
from orchestration.asl.state import Status
from orchestration.rfc3339 import rfc3339
from orchestration.runtime.express import Hear
from orchestration.runtime.records import Append, Start
from orchestration.tracing import trace_of
from orchestration.visibility.spans import Followed
from telemetry.recording import record, recording, samples

log = logging.getLogger(__name__)

ENDS: Final = {
    "ExecutionSucceeded": Status.SUCCEEDED,
    "ExecutionFailed": Status.FAILED,
    "ExecutionTimedOut": Status.TIMED_OUT,
    "ExecutionAborted": Status.ABORTED,
}


def follow(execution: str, start: Start) -> Hear | None:
    """``runtime.express.Follow``; None: this process records no spans of its trace.

    Followed as far as a Standard execution can go, for what is followed is kept in memory; nothing of this may harm the
    execution.
    """
    if not recording() or not samples(trace_of(execution, start.trace_header).trace_id):
        return None
    followed: Followed | None = Followed(execution, None)
    began_at = ""

    def hear(events: list[HistoryEvent]) -> None:
        nonlocal began_at, followed
        if followed is None:
            return
        if events[-1].id > HISTORY_LIMIT_EVENTS:
            log.warning("%s: no more spans after %d events", execution, HISTORY_LIMIT_EVENTS)
            followed = None
            return
        began_at = began_at or rfc3339(events[0].at)
        try:
            for span in followed.tell(_as_append(start, began_at, events)):
                record(span)
        except Exception:
            log.exception("%s: its spans cannot be told", execution)
            followed = None

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
