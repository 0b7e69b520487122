"""Histories that the interpreter itself made, told as spans: each once, however the appends are cut."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.asl.protocol import HistoryEvent, RunTask
from orchestration.rfc3339 import rfc3339
from orchestration.runtime.records import Append
from orchestration.tracing import attempt_span, state_span, trace_of, traceparent
from orchestration.visibility.spans import Followed
from telemetry.context import TraceContext
from telemetry.span import Attribute, Span
from tests.unit.asl.world import World
from tests.unit.visibility.test_story import RETRY, TASK, failing, machine

STARTER = TraceContext("1" * 32, "2" * 16)
PARALLEL = {
    "Type": "Parallel",
    "Branches": [
        {"StartAt": "A", "States": {"A": {**TASK, "Retry": [RETRY], "End": True}}},
        {"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Succeed"}}},
    ],
    "Next": "Last",
}


class OrderWords:
    def of_input(self, given: Any) -> Mapping[str, Attribute]:
        return {"order": given["order"]}

    def of_call(self, resource: str) -> Mapping[str, Attribute]:
        return {"path": resource.rpartition("/")[2]}


@cache
def a_history(failures: int = 1) -> list[HistoryEvent]:
    states = {"First": {**TASK, "Retry": [RETRY], "Next": "Both"}, "Both": PARALLEL, "Last": {"Type": "Succeed"}}
    world = World(machine("First", **states), failing(failures)).run({"order": "o-1"})
    return world.history


def appends(history: Sequence[HistoryEvent], cuts: Sequence[int]) -> list[Append]:
    edges = [0, *sorted(set(cuts)), len(history)]
    return [
        Append(
            machine="m",
            began_at=rfc3339(history[0].at),
            status="RUNNING" if to < len(history) else "SUCCEEDED",
            events=list(history[since:to]),
            checkpoint={},
            stopped_at=rfc3339(history[-1].at) if to == len(history) else "",
            trace_header=STARTER.traceparent,
        )
        for since, to in pairwise(edges)
        if since < to
    ]


def spans_of(history: Sequence[HistoryEvent], cuts: Sequence[int] = ()) -> list[Span]:
    followed = Followed("e-1", OrderWords())
    return [span for append in appends(history, cuts) for span in followed.tell(append)]


def test_it_is_one_trace_that_hangs_together_under_the_starters_span() -> None:
    spans = spans_of(a_history())
    assert {span.trace_id for span in spans} == {STARTER.trace_id}
    ids = [span.span_id for span in spans]
    assert len(set(ids)) == len(ids)
    assert all(span.parent_id in {*ids, STARTER.span_id} for span in spans)
    (root,) = (span for span in spans if span.parent_id == STARTER.span_id)
    assert (root.span_id, root.attributes["order"], root.error) == (trace_of("e-1", "").root, "o-1", None)


def test_every_state_entry_and_every_attempt_is_a_span() -> None:
    history = a_history(failures=2)
    spans = {span.span_id: span for span in spans_of(history)}
    entered = [event for event in history if event.type.endswith("StateEntered")]
    assert len(entered) == 6
    for event in entered:
        assert spans[state_span("e-1", event.id)].name == event.details["name"]
    first = entered[0].id
    tries = [spans[attempt_span("e-1", first, number)] for number in (1, 2, 3)]
    assert [span.error for span in tries] == ["Broken: try 1", "Broken: try 2", None]
    assert {span.parent_id for span in tries} == {state_span("e-1", first)}
    assert tries[0].attributes["path"] == "charges"


def test_a_state_is_linked_to_what_it_followed_from() -> None:
    history = a_history(failures=1)
    spans = {span.name: span for span in spans_of(history)}
    first = next(event.id for event in history if event.type.endswith("StateEntered"))
    assert [link.span_id for link in spans["Both"].links] == [attempt_span("e-1", first, 2)]
    assert spans["A"].links == ()


def test_a_task_is_told_the_span_of_its_attempt() -> None:
    task = RunTask(entry=7, key="k", resource="http://payment/charges", parameters={}, attempt=2)
    assert traceparent("e-1", task).split("-")[1:3] == [trace_of("e-1", "").trace_id, attempt_span("e-1", 7, 2)]


@settings(max_examples=40)
@given(st.lists(st.integers(1, 30), max_size=6), st.integers(0, 6))
def test_whoever_goes_on_with_it_tells_the_rest_alike(cuts: list[int], begin: int) -> None:
    history = a_history()
    inside = [cut for cut in cuts if cut < len(history)]
    parts = appends(history, inside)
    whole = spans_of(history, inside)
    begin = min(begin, len(parts))
    one, other = Followed("e-1", OrderWords()), Followed("e-1", OrderWords())
    before = [span for append in parts[:begin] for span in one.tell(append)]
    for append in parts[:begin]:
        other.tell(append)
    assert before + [span for append in parts[begin:] for span in other.tell(append)] == whole
    assert {span.span_id for span in whole} == {span.span_id for span in spans_of(history)}
