"""What stands in the stream ``EXEC``: subjects, and the bodies of starts, appends and wake messages. Pure.

An execution is told by its start and its appends: one message each, in the order of the stream. A start is both the
first record of the history and the work message that a worker takes; a wake message is work only, and its effect on the
execution is told by the append that follows. Must not know orders: an execution has an id, a machine and an input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from orchestration.asl.protocol import (
    HeartbeatReceived,
    HistoryEvent,
    Json,
    StopRequested,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)
from orchestration.errors import Unreadable
from orchestration.runtime.sharing import fold, unfold

STREAM: Final = "EXEC"
VERSION: Final = 1

START: Final = "exec.start"
LOG: Final = "exec.log"
TIMER: Final = "exec.timer"
WAKE: Final = "exec.wake"
# One token more than a story's subjects have: a dead letter's number must not be taken for an order's id.
DEAD: Final = "exec.dead.letter"

Wake = TimerFired | TaskSucceeded | TaskFailed | HeartbeatReceived | StopRequested


def start_subject(execution: str) -> str:
    return f"{START}.{execution}"


def log_subject(execution: str) -> str:
    return f"{LOG}.{execution}"


def story_subject(execution: str) -> str:
    """The start and all appends of one execution."""
    return f"exec.*.{execution}"


def timer_subject(execution: str, timer: str) -> str:
    return f"{TIMER}.{execution}.{_token(timer)}"


def timer_wake_subject(execution: str, timer: str) -> str:
    return f"{WAKE}.{execution}.timer.{_token(timer)}"


def callback_subject(execution: str, entry: int, attempt: int) -> str:
    return f"{WAKE}.{execution}.callback.{entry}-{attempt}"


def heartbeat_subject(execution: str, entry: int, attempt: int) -> str:
    return f"{WAKE}.{execution}.heartbeat.{entry}-{attempt}"


def stop_subject(execution: str) -> str:
    return f"{WAKE}.{execution}.stop"


def _token(name: str) -> str:
    """A name as one token of a subject: dots, blanks and wildcards would split or widen it."""
    return "".join(c if c.isalnum() or c in "-_" else f"={ord(c):x}=" for c in name)


@dataclass(frozen=True)
class Caller:
    """The state entry that waits for an execution to end: a nested one's ``.sync`` task, or a map run's item.

    ``form`` says how it is told: ``sync`` (output as text), ``sync:2`` (output as JSON) or ``item``.
    """

    execution: str
    entry: int
    attempt: int
    form: str


@dataclass(frozen=True)
class Start:
    """Run ``machine`` with ``input``. ``fingerprint`` tells a repeated start from another one of the same id.

    ``machine`` is what ``machines.Machines`` loads: the name of a built-in machine, or ``<name>@<revision>``.
    ``arn`` is the execution's (empty: the id is all the name that it has), ``facts`` the shell's part of the context
    object. ``qualifier`` is the version or alias that was started, ``mock`` a test case of the mock file, ``map_run``
    the ARN of the map run that this is a child of.
    """

    machine: str
    input: Json
    fingerprint: str
    arn: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)
    express: bool = False
    caller: Caller | None = None
    qualifier: str = ""
    mock: str = ""
    map_run: str = ""
    trace_header: str = ""

    def encode(self) -> bytes:
        fields: dict[str, Any] = {
            "v": VERSION,
            "machine": self.machine,
            "input": self.input,
            "fingerprint": self.fingerprint,
        }
        for name in _SPARSE:
            if value := getattr(self, name):
                fields[name] = value
        return orjson.dumps(fields)


_SPARSE: Final = ("arn", "facts", "express", "caller", "qualifier", "mock", "map_run", "trace_header")


@dataclass(frozen=True)
class Waiting:
    """A state entry that waits for a callback; each attempt has a token of its own."""

    entry: int
    resource: str
    attempt: int = 1


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What an append says of the whole execution, so that the last one alone tells what a list or a view wants.

    ``asked`` names every resource asked for so far, ``waiting`` the callbacks waited for, ``began_at`` (RFC 3339) is
    the broker's instant of the start. ``summary`` holds the ``error`` and ``cause`` that ended it or made it wait for a
    callback, and ``failed_in``, the Fail state that ended it.
    """

    machine: str
    began_at: str
    status: str
    asked: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Append(Outline):
    """One advance (or several that were one step): what happened, and the checkpoint after it.

    ``timers`` names the open timers that the broker keeps, stored with this append or an earlier one. Whatever else is
    waited for is some worker's to wait for.
    """

    events: Sequence[HistoryEvent]
    checkpoint: Json
    timers: tuple[str, ...] = ()

    def encode(self) -> bytes:
        return orjson.dumps(
            {
                "v": VERSION,
                "machine": self.machine,
                "began_at": self.began_at,
                "status": self.status,
                **fold(self.events, self.checkpoint),
                "asked": self.asked,
                "waiting": self.waiting,
                "summary": self.summary,
                "timers": self.timers,
            }
        )


def decode_start(body: bytes) -> Start:
    fields = _fields(body)
    try:
        caller = fields.get("caller")
        return Start(
            str(fields["machine"]),
            fields["input"],
            str(fields["fingerprint"]),
            caller=None if caller is None else Caller(**caller),
            **{name: fields[name] for name in _SPARSE if name in fields and name != "caller"},
        )
    except (KeyError, TypeError) as error:
        raise Unreadable(f"no start: {type(error).__name__}: {error}") from error


def decode_outline(body: bytes) -> Outline:
    """For readers of many appends: about a third of the price of the whole."""
    fields = _fields(body)
    try:
        return Outline(**_outline(fields))
    except (KeyError, TypeError) as error:
        raise Unreadable(f"no append: {type(error).__name__}: {error}") from error


def decode_append(body: bytes) -> Append:
    fields = _fields(body)
    try:
        events, checkpoint = unfold(fields)
        return Append(
            **_outline(fields),
            events=[HistoryEvent(**event) for event in events],
            checkpoint=checkpoint,
            timers=tuple(fields.get("timers", ())),  # not there in the oldest records
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise Unreadable(f"no append: {type(error).__name__}: {error}") from error


def _outline(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "machine": fields["machine"],
        "began_at": fields["began_at"],
        "status": fields["status"],
        "asked": tuple(fields["asked"]),
        "waiting": tuple(Waiting(w["entry"], w["resource"], w.get("attempt", 1)) for w in fields["waiting"]),
        "summary": fields["summary"],
    }


def encode_wake(wake: Wake) -> bytes:
    match wake:
        case TimerFired(timer):
            return orjson.dumps({"timer": timer})
        case TaskSucceeded(entry, output, attempt):
            return orjson.dumps({"succeeded": entry, "output": output, "attempt": attempt})
        case TaskFailed(entry, error, cause, attempt):
            return orjson.dumps({"failed": entry, "error": error, "cause": cause, "attempt": attempt})
        case HeartbeatReceived(entry, attempt):
            return orjson.dumps({"heartbeat": entry, "attempt": attempt})
        case StopRequested(error, cause):
            return orjson.dumps({"stop": True, "error": error, "cause": cause})


def decode_wake(body: bytes) -> Wake:
    fields = _fields(body)
    match fields:
        case {"timer": str(timer)}:
            return TimerFired(timer)
        case {"succeeded": int(entry), "output": output}:
            return TaskSucceeded(entry, output, fields.get("attempt"))
        case {"failed": int(entry), "error": error, "cause": cause}:
            return TaskFailed(entry, error, cause, fields.get("attempt"))
        case {"heartbeat": int(entry)}:
            return HeartbeatReceived(entry, fields.get("attempt"))
        case {"stop": True, "error": error, "cause": cause}:
            return StopRequested(error, cause)
        case other:
            raise Unreadable(f"a wake message with {sorted(other)}")


def execution_of(subject: str) -> str:
    """The execution that a subject is about: the third token of each."""
    return subject.split(".", 3)[2]


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise Unreadable("not a JSON object")
    return fields
