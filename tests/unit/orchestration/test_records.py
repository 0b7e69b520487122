"""Subjects and bodies of the stream, and tokens: what is written is read back, what is foreign is refused."""

import pytest

from orchestration.asl.protocol import (
    HeartbeatReceived,
    HistoryEvent,
    RedriveRequested,
    StopRequested,
    TaskFailed,
    TaskStarted,
    TaskSucceeded,
    TimerFired,
)
from orchestration.errors import Unreadable
from orchestration.rfc3339 import epoch_s, rfc3339
from orchestration.runtime import records, wakes
from orchestration.runtime.tokens import read_token, token_maker


def test_append_round_trip() -> None:
    append = records.Append(
        machine="m",
        began_at="2026-01-01T00:00:00.000000Z",
        status="RUNNING",
        events=(HistoryEvent(1, 0, "ExecutionStarted", 1.5, {"input": {"a": [1]}}),),
        checkpoint={"x": 1},
        asked=("http://payment/charges",),
        waiting=(records.Waiting(7, "approval:ask.waitForTaskToken"),),
        summary={"error": "E"},
        timers=("deadline:7",),
    )
    read = records.decode_append(append.encode())
    assert tuple(read.events) == append.events
    assert (read.checkpoint, read.asked, read.waiting, read.summary, read.timers) == (
        append.checkpoint,
        append.asked,
        append.waiting,
        append.summary,
        append.timers,
    )


def test_start_round_trip() -> None:
    start = records.Start("m", {"order_id": "o"}, "f")
    assert records.decode_start(start.encode()) == start
    caller = records.Caller("parent", 3, 1, "sync")
    full = records.Start("m@1", [], "f", {"StateMachine": {"Id": "a"}}, arn="arn", caller=caller, mock="T", map_run="r")
    assert records.decode_start(full.encode()) == full


@pytest.mark.parametrize(
    "wake",
    [
        TimerFired("retry:7"),
        TimerFired("retry:7", 1_700_000_000.125),
        TaskSucceeded(7, {"decision": "approve"}),
        TaskFailed(7, "ApprovalRejected", None),
        TaskStarted(7, "worker", 2),
        HeartbeatReceived(7, 2),
        StopRequested("E", "because"),
        RedriveRequested(1),
    ],
)
def test_wake_round_trip(wake: wakes.Wake) -> None:
    assert wakes.decode_wake(wakes.encode_wake(wake)) == wake


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"{}", b"nothing", b'{"timer": 7}', b'{"succeeded": "7"}'])
def test_foreign_bodies_are_unreadable(body: bytes) -> None:
    for decode in (records.decode_start, records.decode_append, wakes.decode_wake):
        with pytest.raises(Unreadable):
            decode(body)


def test_the_wake_message_of_a_timer_says_when_it_was_due() -> None:
    wake = wakes.decode_wake(wakes.encode_timer("retry:7", 1_700_000_000.1))
    assert wake == TimerFired("retry:7", 1_700_000_000.1)


def test_a_timer_name_is_one_token_of_its_subjects() -> None:
    for name in ("retry:7", "a.b", "*", ">", "a b"):
        assert records.timer_subject("o", name).count(".") == 3
        assert records.timer_wake_subject("o", name).count(".") == 4
    assert records.timer_subject("o", "a:b") != records.timer_subject("o", "a.b")


@pytest.mark.parametrize(
    "subject",
    [
        records.start_subject("o-1"),
        records.log_subject("o-1"),
        records.timer_wake_subject("o-1", "t"),
        records.callback_subject("o-1", 3, 1),
        records.stop_subject("o-1"),
        records.redrive_subject("o-1"),
        records.started_subject("o-1", 3, 1),
        records.ended_subject(records.Caller("o-1", 3, 1, "sync")),
    ],
)
def test_the_execution_of_a_subject(subject: str) -> None:
    assert records.execution_of(subject) == "o-1"


def test_instants() -> None:
    assert rfc3339(epoch_s("2026-11-22T11:00:00.123456789Z")) == "2026-11-22T11:00:00.123457Z"
    assert epoch_s("2026-11-22T11:00:00Z") == 1795345200
    # A broker's text and its nanoseconds must give the very same float: what follows from a start is derived from it.
    assert epoch_s("2026-11-22T11:00:00.123456789Z") == 1795345200123456789 / 1_000_000_000


def test_tokens_are_bound_to_one_entry_and_one_secret() -> None:
    token = token_maker("secret")("order-1", 7, 2)
    assert read_token("secret", token) == ("order-1", 7, 2)
    assert read_token("other", token) is None
    execution, entry, attempt, mac = token.split(".")
    for forged in (
        f"order-2.{entry}.{attempt}.{mac}",
        f"{execution}.8.{attempt}.{mac}",
        f"{execution}.{entry}.1.{mac}",
        f"{execution}.{entry}.{attempt}.{mac[:-1]}",
        f"{execution}.{entry}.{attempt}.{'0' * len(mac)}",
        f"{execution}.٧.{attempt}.{mac}",
        f"{execution}.{entry}.{attempt}.é",
        "",
        "..",
        token + ".",
    ):
        assert read_token("secret", forged) is None


def test_what_is_repeated_is_stored_once_and_read_whole() -> None:
    document = {"order": {"a": 1, "b": 2}, "text": "x" * 1000}
    events = [
        HistoryEvent(1, 0, "TaskStateExited", 1.0, {"name": "A", "output": document}),
        HistoryEvent(2, 1, "TaskStateEntered", 1.0, {"name": "B", "input": document}),
        HistoryEvent(3, 2, "TaskScheduled", 1.0, {"parameters": document["order"], "shared": {"input": 0}}),
        HistoryEvent(4, 3, "TaskSucceeded", 1.0, {"output": [document]}),
    ]
    checkpoint = {"root": {"state": "B", "input": document, "children": []}, "input": {"x": 1}}
    body = records.Append(machine="m", began_at="t", status="RUNNING", events=events, checkpoint=checkpoint).encode()
    assert len(body) < 2 * 1000 + 900
    read = records.decode_append(body)
    assert read.events == events
    assert read.checkpoint == checkpoint
    assert checkpoint["root"]["input"] is document  # folding leaves its arguments as they are
