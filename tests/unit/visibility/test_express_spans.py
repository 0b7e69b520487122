"""The spans of an Express execution, recorded by the process that runs it: those that a Standard one would have."""

from dataclasses import dataclass, field, replace

import pytest

from orchestration.asl.interpreter import load_machine
from orchestration.runtime.express import Follow, run_express
from orchestration.runtime.records import Start
from orchestration.tracing import state_span, trace_of
from orchestration.visibility import express_spans
from telemetry import recording
from telemetry.context import TraceContext
from telemetry.span import Kind, Span
from tests.unit.orchestration.test_express import FACTS, World, task

STARTER = TraceContext("1" * 32, "2" * 16)
START = Start("m@1", {"n": 2}, "f", FACTS, arn="arn:e", express=True, trace_header=STARTER.traceparent)


@dataclass
class Kept:
    """Stands for the process's recorder."""

    ratio: float = 1.0
    spans: list[Span] = field(default_factory=list)

    def record(self, span: Span) -> None:
        self.spans.append(span)


class Followed(World):
    @property
    def follow(self) -> Follow:
        return express_spans.follow


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    kept = Kept()
    monkeypatch.setattr(recording, "_recorder", kept)
    return kept


async def test_execution_state_and_attempt_have_a_span_each_in_the_starters_trace(kept: Kept) -> None:
    await run_express(load_machine(task("http://x/double")), START, "token", Followed())
    attempt, state, root = kept.spans
    assert {span.trace_id for span in kept.spans} == {STARTER.trace_id}
    assert (root.name, root.parent_id, root.error) == ("m@1", STARTER.span_id, None)
    assert (state.name, state.parent_id) == ("T", root.span_id)
    assert (attempt.kind, attempt.parent_id) == (Kind.CLIENT, state.span_id)
    assert root.began_at <= state.began_at <= attempt.began_at <= attempt.ended_at <= root.ended_at


async def test_a_failure_is_told_by_all_three(kept: Kept) -> None:
    result = await run_express(load_machine(task("http://x/fail")), START, "token", Followed())
    assert result.status == "FAILED"
    assert [span.error.split(":")[0] for span in kept.spans if span.error] == ["Broken"] * 3


async def test_without_a_starter_it_is_a_trace_of_its_own(kept: Kept) -> None:
    await run_express(load_machine(task("http://x/double")), replace(START, trace_header=""), "token", Followed())
    (root,) = (span for span in kept.spans if span.parent_id is None)
    assert root.trace_id == trace_of("token", "").trace_id
    assert state_span("token", 2) in {span.span_id for span in kept.spans}


async def test_no_more_is_kept_of_one_than_of_a_standard_execution(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(express_spans, "HISTORY_LIMIT_EVENTS", 4)
    result = await run_express(load_machine(task("http://x/double")), START, "token", Followed())
    assert result.status == "SUCCEEDED"
    assert START.arn not in {span.attributes.get("aws.stepfunctions.execution") for span in kept.spans}
    assert "no more spans after 4 events" in caplog.text


async def test_a_trace_that_is_not_sampled_costs_nothing(kept: Kept) -> None:
    kept.ratio = 0.0
    assert express_spans.follow("token", START) is None
