"""The trace of an execution: derived from its name and history, so that whoever takes it over goes on with it. Pure.

One trace for an execution, or that of whoever started it; in it a span for the execution, each state entry and each
attempt. Must not know how spans are made from a history (``visibility.spans``) nor who asks for a header.
"""

from dataclasses import dataclass
from typing import Final

from orchestration.asl.protocol import RunTask
from telemetry.context import TraceContext, current, parse_trace_header
from telemetry.ids import span_id_of, trace_id_of
from telemetry.recording import recording, samples

LANE: Final = "orchestration"


@dataclass(frozen=True, slots=True)
class Trace:
    """``root`` is the execution's own span; ``parent_id`` None: nothing with a trace started it."""

    trace_id: str
    root: str
    parent_id: str | None


def trace_of(execution: str, trace_header: str) -> Trace:
    """``execution`` is its token, ``trace_header`` what its start says."""
    starter = parse_trace_header(trace_header) if trace_header else None
    root = span_id_of(execution)
    if starter is None:
        return Trace(trace_id_of(LANE, execution), root, None)
    return Trace(starter.trace_id, root, starter.parent_id)


def state_span(execution: str, entry: int) -> str:
    return span_id_of(execution, str(entry))


def attempt_span(execution: str, entry: int, attempt: int) -> str:
    return span_id_of(execution, str(entry), str(attempt))


def enter(trace_header: str) -> None:
    """What this task calls from here on, it calls for an execution that was started with this header."""
    current.set(parse_trace_header(trace_header) if trace_header else None)


def traceparent(execution: str, task: RunTask) -> str:
    """W3C trace context for a call: the same after a take-over, another one for each attempt."""
    return _context(execution, attempt_span(execution, task.entry, task.attempt))


def inside_state(execution: str, entry: int) -> str:
    """W3C trace context for what runs inside a state, whichever attempt it is: the children of a map run."""
    return _context(execution, state_span(execution, entry))


def _context(execution: str, span_id: str) -> str:
    starter = current.get()
    trace_id = trace_id_of(LANE, execution) if starter is None else starter.trace_id
    sampled = samples(trace_id) if recording() else starter is not None and starter.sampled
    return TraceContext(trace_id, span_id, sampled).traceparent
