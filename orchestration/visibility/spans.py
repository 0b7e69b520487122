"""From an execution's appends to its spans: one for each attempt and each state entry when it has ended, and one for
the execution itself. Pure.

What was told can be made again from the appends before, so nothing depends on this memory of one execution.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from orchestration.asl.protocol import HistoryEvent, Json
from orchestration.asl.state import Status
from orchestration.rfc3339 import epoch_s
from orchestration.runtime.records import Append
from orchestration.tracing import Trace, attempt_span, state_span, trace_of
from orchestration.visibility.story import Attempt, Entry, EntryStatus, StoryFold
from telemetry.span import Attribute, Kind, Link, Span

STATE: Final = "aws.stepfunctions.state"
EXECUTION: Final = "aws.stepfunctions.execution"
ATTEMPT: Final = "lab.attempt"
MAX_ERROR: Final = 300
REDRIVEN: Final = "ExecutionRedriven"


class Words(Protocol):
    """What the owner of a machine adds to its spans."""

    def of_input(self, given: Json) -> Mapping[str, Attribute]: ...

    def of_call(self, resource: str) -> Mapping[str, Attribute]: ...


@dataclass
class Followed:
    """One execution as far as it was followed. ``next_event``: the first event that it has not heard of."""

    execution: str
    words: Words | None
    next_event: int = 1
    _fold: StoryFold = field(default_factory=lambda: StoryFold({}))
    _input: Json = None
    _open: dict[int, int] = field(default_factory=dict)  # entry -> how many of its attempts were told
    _after: dict[int, Entry] = field(default_factory=dict)  # entry -> the one that it followed

    def tell(self, append: Append) -> list[Span]:
        """What has ended with this append."""
        for event in append.events:
            self._hear(event)
        if any(event.type == REDRIVEN for event in append.events):
            self._reopen()
        trace = trace_of(self.execution, append.trace_header)
        spans = [span for number in tuple(self._open) for span in self._ended(trace, self._fold.entries[number])]
        if append.status != Status.RUNNING and append.events:
            spans.append(self._root(trace, append))
        return spans

    def _hear(self, event: HistoryEvent) -> None:
        self._fold.tell(event)
        if event.type == "ExecutionStarted":
            self._input = event.details.get("input")
        elif event.type.endswith("StateEntered"):
            self._open[event.id] = 0
            before = self._fold.entry_of(event.previous)
            if before is not None and before.id != self._fold.entries[event.id].inside:
                self._after[event.id] = before
        self.next_event = event.id + 1

    def _reopen(self) -> None:
        """A redrive goes on with entries that had ended."""
        for number, entry in self._fold.entries.items():
            if entry.exited_at is None:
                self._open.setdefault(number, len(entry.attempts) - 1)

    def _ended(self, trace: Trace, entry: Entry) -> Iterator[Span]:
        over = entry.exited_at is not None
        for attempt in entry.attempts[self._open[entry.id] :]:
            if attempt.ended_at is None and not over:
                break
            self._open[entry.id] += 1
            yield self._attempt(trace, entry, attempt)
        if over:
            del self._open[entry.id]
            yield self._state(trace, entry, self._after.pop(entry.id, None))

    def _attempt(self, trace: Trace, entry: Entry, attempt: Attempt) -> Span:
        ended_at = attempt.ended_at or entry.exited_at or attempt.asked_at
        unanswered = None if attempt.ended_at is not None else "the state ended first"
        told = self.words.of_call(attempt.resource) if self.words is not None else {}
        return Span(
            name=attempt.resource or entry.type,
            kind=Kind.CLIENT,
            trace_id=trace.trace_id,
            span_id=attempt_span(self.execution, entry.id, attempt.number),
            parent_id=state_span(self.execution, entry.id),
            began_at=attempt.asked_at,
            ended_at=ended_at,
            attributes={ATTEMPT: attempt.number, **told},
            error=_text(attempt.error, attempt.cause) or unanswered,
        )

    def _state(self, trace: Trace, entry: Entry, before: Entry | None) -> Span:
        bad = entry.status in (EntryStatus.FAILED, EntryStatus.CAUGHT, EntryStatus.ABORTED)
        return Span(
            name=entry.state,
            kind=Kind.INTERNAL,
            trace_id=trace.trace_id,
            span_id=state_span(self.execution, entry.id),
            parent_id=state_span(self.execution, entry.inside) if entry.inside else trace.root,
            began_at=entry.entered_at,
            ended_at=entry.exited_at or entry.entered_at,
            links=() if before is None else (Link(trace_id=trace.trace_id, span_id=self._last_of(before)),),
            attributes={STATE: entry.type},
            error=(_text(entry.error, entry.cause) or entry.status.value) if bad else None,
        )

    def _last_of(self, entry: Entry) -> str:
        """What its end followed from."""
        if not entry.attempts:
            return state_span(self.execution, entry.id)
        return attempt_span(self.execution, entry.id, entry.attempts[-1].number)

    def _root(self, trace: Trace, append: Append) -> Span:
        told = self.words.of_input(self._input) if self.words is not None else {}
        error = _text(append.summary.get("error"), append.summary.get("cause")) or append.status
        return Span(
            name=append.machine,
            kind=Kind.INTERNAL,
            trace_id=trace.trace_id,
            span_id=trace.root,
            parent_id=trace.parent_id,
            began_at=epoch_s(append.began_at),
            ended_at=epoch_s(append.stopped_at) if append.stopped_at else append.events[-1].at,
            attributes={EXECUTION: append.arn or self.execution, **told},
            error=None if append.status == Status.SUCCEEDED else error,
        )


def _text(error: Json, cause: Json) -> str | None:
    return ": ".join(str(each) for each in (error, cause) if each)[:MAX_ERROR] or None
