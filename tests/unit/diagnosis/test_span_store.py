"""The collector's store: each span once, and an order's spans by any span that names it."""

from pathlib import Path

from lab.diagnosis.seen import SeenSpan
from lab.diagnosis.store import SpanStore
from services.spans import ORDER_ID


def a_span(span_id: str, trace: str = "t1", lane: str = "one", **more: object) -> SeenSpan:
    return SeenSpan(lane, f"{lane}-p", trace, span_id, None, "work", "server", 1.0, 2.0, **more)  # type: ignore[arg-type]


def test_an_orders_spans_are_those_of_its_traces_in_its_lane(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "telemetry" / "spans.db")
    named = a_span("a", attributes={ORDER_ID: "o-1"}, links=("x",), error="broken", size=10)
    store.add([named, a_span("b"), a_span("c", "t2", attributes={ORDER_ID: "o-2"})], 100)
    store.add([a_span("d", "t3", "other", attributes={ORDER_ID: "o-1"})], 30)
    assert store.of_order("one", "o-1") == [named, a_span("b")]
    assert [span.span_id for span in store.of_order("other", "o-1")] == ["d"]
    assert store.of_order("one", "o-9") == []
    store.close()


def test_a_span_that_comes_twice_is_one_and_is_counted(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "spans.db")
    store.add([a_span("a"), a_span("b")], 100)
    store.add([a_span("b")], 50)
    assert store.figures() == {"one": {"spans": 2, "doubles": 1, "requests": 2, "bytes": 150}}
    store.close()
