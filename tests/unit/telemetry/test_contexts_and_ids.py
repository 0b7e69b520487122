"""Trace contexts from headers and back, and which traces are sampled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.context import TraceContext, parse_trace_header, parse_traceparent
from telemetry.ids import sampled, span_id_of, trace_id_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_traceparent_goes_there_and_back(flags: str) -> None:
    text = f"00-{TRACE}-{SPAN}-{flags}"
    context = parse_traceparent(text)
    assert context == TraceContext(TRACE, SPAN, flags == "01")
    assert context.traceparent == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no context",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_what_is_no_traceparent_begins_no_trace(text: str) -> None:
    assert parse_traceparent(text) is None


def test_later_versions_are_read_as_far_as_they_are_known() -> None:
    assert parse_traceparent(f"01-{TRACE}-{SPAN}-01-more") == TraceContext(TRACE, SPAN)


def test_amazons_own_header_names_the_same_trace() -> None:
    assert parse_trace_header(f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={SPAN};Sampled=1") == TraceContext(TRACE, SPAN)
    without_parent = parse_trace_header(f"Root=1-{TRACE[:8]}-{TRACE[8:]};Sampled=0")
    assert without_parent is not None
    assert (without_parent.trace_id, without_parent.parent_id, without_parent.sampled) == (TRACE, None, False)


@given(st.text(max_size=60), st.text(max_size=60))
def test_ids_have_the_right_length_and_tell_names_apart(one: str, other: str) -> None:
    assert (len(trace_id_of(one, other)), len(span_id_of(one))) == (32, 16)
    assert (trace_id_of(one) == trace_id_of(other)) == (one == other)


@given(st.integers(0, 2**128 - 1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_keeps_what_a_smaller_one_keeps(number: int, one: float, other: float) -> None:
    trace_id = f"{number:032x}"
    if sampled(trace_id, min(one, other)):
        assert sampled(trace_id, max(one, other))


def test_the_share_that_is_sampled_is_the_one_asked_for() -> None:
    ids = [trace_id_of(str(number)) for number in range(20_000)]
    assert not any(sampled(trace_id, 0.0) for trace_id in ids)
    assert all(sampled(trace_id, 1.0) for trace_id in ids)
    assert 0.09 < sum(sampled(trace_id, 0.1) for trace_id in ids) / len(ids) < 0.11
