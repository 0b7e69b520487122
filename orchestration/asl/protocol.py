"""What goes into the interpreter and what comes out: closed unions of frozen dataclasses.

``Input`` events tell what happened outside; ``Command`` objects say what the shell must do; ``HistoryEvent`` is one
line of the execution's history, with AWS's type names and detail keys.
"""

from dataclasses import dataclass, field
from typing import Any

Json = Any  # whatever json.loads can give


@dataclass(frozen=True)
class Now:
    """The impure facts of one advance. ``u`` in [0, 1) is a fresh random number (jitter); ``at`` is epoch seconds."""

    at: float
    u: float


# --- what happened outside ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExecutionStarted:
    """The first input of every execution. ``input`` is parsed JSON.

    ``facts`` is the shell's part of the context object (``$$``), by section: {"Execution": {"RoleArn": …},
    "StateMachine": {"Id": …, "Name": …}}; the interpreter adds what it knows itself.
    """

    execution_id: str
    input: Json
    facts: dict[str, Json] = field(default_factory=dict)
    mock: str = ""  # ``<machine>#<test case>`` of a mock file: only then are the calls of each state counted


@dataclass(frozen=True)
class TaskStarted:
    """Somebody took up the task: an activity's worker, who called itself ``worker_name``. Its heartbeat begins now."""

    entry: int
    worker_name: str | None = None
    attempt: int | None = None


@dataclass(frozen=True)
class TaskSucceeded:
    """The task of state entry ``entry`` answered. Also a callback's SendTaskSuccess.

    ``attempt``: which attempt it answers, where an answer may come after the next attempt has begun; None: the present.
    ``submitted``: what the service said when it took the request, where that may not have been told before.
    """

    entry: int
    output: Json
    attempt: int | None = None
    submitted: Json = None


@dataclass(frozen=True)
class TaskSubmitted:
    """The service took the request of a ``.waitForTaskToken`` or ``.sync`` task; the state goes on waiting."""

    entry: int
    output: Json
    attempt: int | None = None


@dataclass(frozen=True)
class TaskFailed:
    """``error`` States.Timeout makes it a TaskTimedOut in the history. Also a callback's SendTaskFailure.

    ``stage``: ``Schedule``, ``Start`` or ``Submit`` where the task never got further; the history's event is named so.
    """

    entry: int
    error: str | None
    cause: str | None
    attempt: int | None = None
    submitted: Json = None  # as in ``TaskSucceeded``
    stage: str = ""


@dataclass(frozen=True)
class HeartbeatReceived:
    entry: int
    attempt: int | None = None


@dataclass(frozen=True)
class TimerFired:
    """A timer asked for by ``SetTimer``; one that is no longer waited for is ignored.

    ``due``: when it was to fire, where it may come again after the next timer of the same name was set; None: the
    present one.
    """

    timer: str
    due: float | None = None

    def is_past(self, now_due: float) -> bool:
        """Whether it was of an earlier timer than the one that is due at ``now_due``."""
        return self.due is not None and self.due < now_due


@dataclass(frozen=True)
class StopRequested:
    """``sequence`` is that of the message that tells it: one told before the last redrive does not concern it."""

    error: str | None
    cause: str | None
    sequence: int = 0


@dataclass(frozen=True)
class RedriveRequested:
    """Go on from where the execution failed, timed out or was aborted.

    ``number`` counts an execution's redrives from 1: one that has been made already, or is not the next, is ignored.
    ``sequence`` is that of the message that tells it.
    """

    number: int
    sequence: int = 0


Input = (
    ExecutionStarted
    | TaskStarted
    | TaskSucceeded
    | TaskSubmitted
    | TaskFailed
    | HeartbeatReceived
    | TimerFired
    | StopRequested
    | RedriveRequested
)

# --- what the shell must do --------------------------------------------------------------------------------------


@dataclass(frozen=True, init=False)
class RunTask:
    """Call ``resource`` with ``parameters`` and answer with TaskSucceeded or TaskFailed of this ``entry``.

    ``key`` is the idempotency key: the same for every attempt of this state entry. ``token`` is given where the task
    waits for a callback. The shell enforces ``timeout_s`` for a task that it runs itself.
    """

    entry: int
    key: str
    resource: str
    parameters: Json
    attempt: int  # from 1
    timeout_s: float | None = None
    heartbeat_s: float | None = None
    token: str | None = None
    role: str | None = None  # Credentials' RoleArn
    state: str = ""
    mock: str = ""  # the execution's test case
    call: int = 0  # where there is one: how often the execution called this state before

    def __init__(
        self,
        entry: int,
        key: str,
        resource: str,
        parameters: Json,
        attempt: int,
        timeout_s: float | None = None,
        heartbeat_s: float | None = None,
        token: str | None = None,
        role: str | None = None,
        state: str = "",
        mock: str = "",
        call: int = 0,
    ) -> None:
        # By hand, as in HistoryEvent: several times as fast as a frozen dataclass's own.
        fields = self.__dict__
        fields["entry"], fields["key"], fields["resource"], fields["parameters"] = entry, key, resource, parameters
        fields["attempt"], fields["timeout_s"], fields["heartbeat_s"] = attempt, timeout_s, heartbeat_s
        fields["token"], fields["role"], fields["state"], fields["mock"], fields["call"] = (
            token,
            role,
            state,
            mock,
            call,
        )


@dataclass(frozen=True)
class SetTimer:
    """Answer with ``TimerFired(timer)`` at ``at`` (epoch seconds). Setting it again moves it."""

    timer: str
    at: float


@dataclass(frozen=True)
class CancelTimer:
    timer: str


@dataclass(frozen=True)
class StopMapRun:
    """Nobody waits for this map run any more (``run`` is its subject token): it and its children are to be stopped."""

    run: str


@dataclass(frozen=True)
class StopExecution:
    """Nobody waits for the end of this execution any more (``execution`` is its subject token): it is to be stopped."""

    execution: str


Command = RunTask | SetTimer | CancelTimer | StopMapRun | StopExecution

# --- the history -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, init=False)
class HistoryEvent:
    """One event; ``id`` counts from 1 without gaps, ``previous`` is the event that led to it (0: none).

    ``details`` has AWS's keys, but what is JSON text there (input, output, parameters) is a JSON value here.
    """

    id: int
    previous: int
    type: str  # AWS's names: TaskStateEntered, TaskScheduled, ExecutionFailed …
    at: float
    details: dict[str, Json]

    def __init__(self, id: int, previous: int, type: str, at: float, details: dict[str, Json] | None = None) -> None:
        # By hand: a frozen dataclass sets each field through object.__setattr__, four times as slow, and a step of an
        # order makes five of these.
        fields = self.__dict__
        fields["id"], fields["previous"], fields["type"], fields["at"] = id, previous, type, at
        fields["details"] = {} if details is None else details
