"""Spans recorded in a process come to a collector, and nobody waits for one that is away."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.diagnosis.decoding import decode
from lab.diagnosis.seen import SeenSpan
from lab.errors import BadInput
from services.spans import COMPONENT, LANE
from telemetry import recording
from telemetry.otlp import Otlp, Unexported
from telemetry.recording import Recorder
from telemetry.span import Kind, Link, Span

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
RESOURCE = {COMPONENT: "lane-payment", LANE: "lane"}


def a_span(number: int = 1, **more: object) -> Span:
    fields = {"name": "work", "kind": Kind.SERVER, "trace_id": TRACE, "span_id": f"{number:016x}"}
    return Span(**{**fields, "began_at": 10.0, "ended_at": 10.5, **more})  # type: ignore[arg-type]  # a bag of fields


class Collector(http.server.BaseHTTPRequestHandler):
    seen: list[SeenSpan]
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.status == 200:
            self.seen.extend(decode(body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def collecting(port: int = 0, status: int = 200) -> Iterator[tuple[str, list[SeenSpan]]]:
    handler = type("Handler", (Collector,), {"seen": [], "status": status})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", handler.seen  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_span_is_told_whole() -> None:
    link = Link(trace_id=TRACE, span_id="a" * 16)
    told = {"text": "ü", "number": 7, "share": 0.5, "yes": True}
    span = a_span(parent_id="b" * 16, links=(link,), attributes=told, error="it broke")
    with collecting() as (url, seen):
        size = Otlp(url, RESOURCE).send([span, a_span(2, service="lane-door")])
    first, second = sorted(seen, key=lambda each: each.span_id)
    assert (first.lane, first.component, first.kind, first.error) == ("lane", "lane-payment", "server", "it broke")
    assert (first.parent_id, first.links, dict(first.attributes)) == ("b" * 16, ("a" * 16,), told)
    assert (first.began_at, first.ended_at) == (10.0, 10.5)
    assert (second.component, second.error, second.parent_id) == ("lane-door", None, None)
    assert 0 < first.size + second.size < size


def test_what_is_no_request_is_refused() -> None:
    with pytest.raises(BadInput):
        decode(b"\xff\xff\xff")


def test_a_collector_that_is_away_and_one_that_refuses_are_told_apart() -> None:
    with pytest.raises(Unexported) as away:
        Otlp("http://127.0.0.1:9", RESOURCE).send([a_span()])
    assert not away.value.refused
    with collecting(status=400) as (url, _seen), pytest.raises(Unexported) as refused:
        Otlp(url, RESOURCE).send([a_span()])
    assert refused.value.refused


def test_every_recorded_span_comes_at_the_latest_when_the_process_ends() -> None:
    with collecting() as (url, seen):
        recorder = Recorder(url, RESOURCE, 1.0)
        for number in range(1, 2001):
            recorder.record(a_span(number))
        recorder.stop(within_s=5.0)
        assert len({span.span_id for span in seen}) == len(seen) == 2000


def test_traces_that_are_not_sampled_are_not_sent() -> None:
    with collecting() as (url, seen):
        recorder = Recorder(url, RESOURCE, 0.0)
        recorder.record(a_span())
        recorder.stop(within_s=5.0)
        assert seen == []


def test_nobody_waits_for_a_collector_that_is_away_and_room_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recording, "ROOM", 100)
    recorder = Recorder("http://127.0.0.1:9", RESOURCE, 1.0)
    began = time.perf_counter()
    for number in range(1, 1001):
        recorder.record(a_span(number))
    assert time.perf_counter() - began < 0.5
    assert len(recorder._waiting) <= 100
    recorder.stop(within_s=2.0)


def test_nothing_is_recorded_before_it_is_started() -> None:
    assert not recording.recording()
    assert not recording.samples(TRACE)
    recording.record(a_span())
