"""What stands in the stream ``EXEC``: subjects, and the bodies of starts and appends. Pure.

An execution is told by its start and its appends: one message each, in the order of the stream. A start is both the
first record of the history and the work message that a worker takes; a wake message is work only, and its effect on the
execution is told by the append that follows. Must not know orders: an execution has an id, a machine and an input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from typing import Any, Final

import orjson

from orchestration.asl.protocol import ExecutionStarted, HistoryEvent, Json
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


@dataclass(frozen=True)
class Post:
    """A message of the stream, still to be stored."""

    subject: str
    body: bytes


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


def started_subject(execution: str, entry: int, attempt: int) -> str:
    """An activity's worker took the task up."""
    return f"{WAKE}.{execution}.started.{entry}-{attempt}"


def ended_subject(caller: "Caller") -> str:
    """The execution that ``caller`` waits for has ended."""
    return f"{WAKE}.{caller.execution}.ended.{caller.entry}-{caller.attempt}"


def stop_subject(execution: str) -> str:
    return f"{WAKE}.{execution}.stop"


def redrive_subject(execution: str) -> str:
    return f"{WAKE}.{execution}.redrive"


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


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a start says of an execution beside its work; every append says it again. Mostly absent, so kept sparsely.

    ``arn`` is the execution's (empty: the id is all the name that it has), ``caller`` whom its end is told,
    ``qualifier`` the version or alias that was started, ``mock`` a test case of the mock file, ``map_run`` the ARN of
    the map run that this is a child of.
    """

    arn: str = ""
    express: bool = False
    caller: Caller | None = None
    qualifier: str = ""
    mock: str = ""
    map_run: str = ""
    trace_header: str = ""

    @property
    def origin(self) -> "Origin":
        return Origin(**self._stated())

    def _stated(self) -> dict[str, Any]:
        """The fields that are there."""
        return {name: value for name in _ORIGIN if (value := getattr(self, name))}


_ORIGIN: Final = tuple(each.name for each in fields_of(Origin))


@dataclass(frozen=True)
class Start(Origin):
    """Run ``machine`` with ``input``. ``fingerprint`` tells a repeated start from another one of the same id.

    ``machine`` is what ``machines.Machines`` loads: the name of a built-in machine, or ``<name>@<revision>``.
    ``facts`` is the shell's part of the context object. ``at`` is the instant (epoch seconds) that the starter was
    told; 0: nobody was told any, and it is the broker's, of storing it.
    """

    machine: str
    input: Json
    fingerprint: str
    facts: Mapping[str, Json] = field(default_factory=dict)
    at: float = 0.0

    def began_at(self, stored_at: float) -> float:
        return self.at or stored_at

    def first_input(self, execution: str) -> ExecutionStarted:
        return ExecutionStarted(self.arn or execution, self.input, dict(self.facts), self.mock)

    def encode(self) -> bytes:
        body: dict[str, Any] = {
            "v": VERSION,
            "machine": self.machine,
            "input": self.input,
            "fingerprint": self.fingerprint,
            **self._stated(),
        }
        if self.facts:
            body["facts"] = self.facts
        if self.at:
            body["at"] = self.at
        return orjson.dumps(body)


@dataclass(frozen=True)
class Waiting:
    """A state entry that waits for a callback, an activity's worker or the end of a job, ``since`` (epoch seconds).

    Each attempt has a token of its own.
    """

    entry: int
    resource: str
    attempt: int = 1
    since: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Outline(Origin):
    """What an append says of the whole execution, so that the last one alone tells what a list or a view wants.

    ``asked`` names every resource asked for so far, ``waiting`` the entries that wait for the outside. ``summary``
    holds the ``error`` and ``cause`` that ended it or made it wait for a callback, and ``failed_in``, the Fail state
    that ended it. Instants are RFC 3339: ``began_at`` is the start's, ``stopped_at`` that of the event
    that ended it, ``redriven_at`` that of the last of its ``redrives``.
    """

    machine: str
    began_at: str
    status: str
    asked: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    stopped_at: str = ""
    redrives: int = 0
    redriven_at: str = ""


_LATER: Final = ("stopped_at", "redrives", "redriven_at")


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
        body: dict[str, Any] = {
            "v": VERSION,
            "machine": self.machine,
            "began_at": self.began_at,
            "status": self.status,
            **fold(self.events, self.checkpoint),
            "asked": self.asked,
            "waiting": self.waiting,
            "summary": self.summary,
            "timers": self.timers,
            **self._stated(),
        }
        for name in _LATER:
            if value := getattr(self, name):
                body[name] = value
        return orjson.dumps(body)


def decode_start(body: bytes) -> Start:
    fields = fields_in(body)
    try:
        return Start(
            str(fields["machine"]),
            fields["input"],
            str(fields["fingerprint"]),
            fields.get("facts", {}),
            fields.get("at", 0.0),
            **_origin(fields),
        )
    except (KeyError, TypeError) as error:
        raise Unreadable(f"no start: {type(error).__name__}: {error}") from error


def decode_outline(body: bytes) -> Outline:
    """For readers of many appends: about a third of the price of the whole."""
    return decode_outlined(body)[0]


def decode_outlined(body: bytes) -> tuple[Outline, dict[str, Any]]:
    """The outline, and the append's fields as they are stored: payloads that events share are not put back."""
    fields = fields_in(body)
    try:
        return Outline(**_outline(fields)), fields
    except (KeyError, TypeError) as error:
        raise Unreadable(f"no append: {type(error).__name__}: {error}") from error


def decode_append(body: bytes) -> Append:
    fields = fields_in(body)
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
        "waiting": tuple(Waiting(**waiting) for waiting in fields["waiting"]),
        "summary": fields["summary"],
        **{name: fields[name] for name in _LATER if name in fields},
        **_origin(fields),
    }


def _origin(fields: dict[str, Any]) -> dict[str, Any]:
    stated = {name: fields[name] for name in _ORIGIN if name in fields}
    if "caller" in stated:
        stated["caller"] = Caller(**stated["caller"])
    return stated


def execution_of(subject: str) -> str:
    """The execution that a subject is about: the third token of each."""
    return subject.split(".", 3)[2]


def fields_in(body: bytes) -> dict[str, Any]:
    """A body's JSON object. Raises ``Unreadable``."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise Unreadable("not a JSON object")
    return fields
