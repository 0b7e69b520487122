"""Where an execution is: a tree of branches, and its codec, the checkpoint.

A branch is one line of control; it stands in one state entry. Parallel and Map hang further branches below it, so the
order machine is simply a tree of one. Values are never changed once ``advance`` has returned them: it works on copies
of the few branches that an event concerns, and shares every JSON value.

Must not know what a state does.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any

from orchestration.asl.protocol import Json


class Status(StrEnum):
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


class Waiting(StrEnum):
    """What a branch waits for."""

    TASK = "task"  # the answer of a task that the worker itself runs
    OUTSIDE = "outside"  # a callback, an activity, the end of a job
    RETRY = "retry"  # timer retry:<entry>
    CLOCK = "wait"  # timer wait:<entry>
    CHILDREN = "children"
    TURN = "continue"  # timer continue:<entry>: the advance was getting long


@dataclass(slots=True)
class Branch:
    """One line of control, in state ``state``, entered by history event ``entry``; ``last`` links the next event."""

    state: str
    entry: int
    entered_at: float
    input: Json
    last: int
    waiting: Waiting | None = None
    retries: dict[int, int] = field(default_factory=dict)  # retrier's index -> retries made
    retry_count: int = 0
    earlier: int = 0  # attempts made before the last redrive
    timers: dict[str, float] = field(default_factory=dict)  # outstanding timers -> epoch seconds
    token: str | None = None
    submitted: bool = False  # the service took the request: a worker that takes over need not call again
    parameters: Json = None  # kept only where they cannot be derived again from the input
    heartbeat_s: float | None = None  # already scaled
    timeout_s: float | None = None  # already scaled
    variables: dict[str, Json] = field(default_factory=dict)
    children: "list[Branch | Ended | None] | None" = None  # None: not yet started
    started: int = 0  # the ...StateStarted event of a Parallel or Map
    call: int = 0  # the number of the task's call; counted in a mocked execution only
    role: str | None = None  # whose rights the task has
    items: list[Json] | None = None  # of a Map, where they cannot be derived again from the input
    map_run: str = ""  # the ARN of the map run that a distributed Map waits for, or that has failed
    map_redrives: int = 0  # of that map run
    job: str = ""  # the subject token of the execution whose end the task waits for

    @property
    def attempt(self) -> int:
        """Which attempt of its task is under way, from 1; no number is used twice, redrives or not."""
        return self.earlier + self.retry_count + 1

    def clone(self) -> "Branch":
        """A copy whose own fields may be set; what they hold is shared, but for the list of children."""
        return Branch(
            self.state,
            self.entry,
            self.entered_at,
            self.input,
            self.last,
            self.waiting,
            self.retries,
            self.retry_count,
            self.earlier,
            self.timers,
            self.token,
            self.submitted,
            self.parameters,
            self.heartbeat_s,
            self.timeout_s,
            self.variables,
            None if self.children is None else self.children.copy(),
            self.started,
            self.call,
            self.role,
            self.items,
            self.map_run,
            self.map_redrives,
            self.job,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """A branch that came to its end: ``failed`` tells which fields count. ``last`` is its last event.

    ``remains`` is the failed branch as it stood, for a redrive.
    """

    last: int
    failed: bool = False
    output: Json = None
    error: str | None = None
    cause: str | None = None
    remains: Branch | None = None


@dataclass(slots=True)
class ExecutionState:
    """The checkpoint: everything that is needed to go on."""

    status: Status = Status.RUNNING
    execution_id: str = ""
    input: Json = None
    started_at: float = 0.0
    facts: dict[str, Json] = field(default_factory=dict)  # the shell's part of the context object
    next_event: int = 1
    root: Branch | None = None
    deadline: float | None = None  # the timer "execution"
    output: Json = None
    error: str | None = None
    cause: str | None = None
    remains: Branch | None = None  # what a redrive goes on from, where the execution did not succeed
    redrives: int = 0
    redriven_at: float | None = None
    since: int = 0  # a stop that was told up to this sequence is of before the last redrive
    mock: str = ""  # a test case of a mock file
    calls: dict[str, int] = field(default_factory=dict)  # state -> how often it called; with a test case only

    @property
    def started(self) -> bool:
        return self.next_event > 1

    @classmethod
    def initial(cls) -> "ExecutionState":
        return cls()

    def clone(self) -> "ExecutionState":
        return ExecutionState(
            self.status,
            self.execution_id,
            self.input,
            self.started_at,
            self.facts,
            self.next_event,
            self.root,
            self.deadline,
            self.output,
            self.error,
            self.cause,
            self.remains,
            self.redrives,
            self.redriven_at,
            self.since,
            self.mock,
            self.calls,
        )

    def to_json(self) -> dict[str, Json]:
        """Compact and made of JSON values only; fields at their default are left out."""
        out: dict[str, Json] = {
            "status": self.status,
            "id": self.execution_id,
            "input": self.input,
            "at": self.started_at,
        }
        out["next"] = self.next_event
        if self.facts:
            out["facts"] = self.facts
        if self.remains is not None:
            out["remains"] = _dump(self.remains)
        if self.redrives:
            out["redrives"], out["redriven_at"] = self.redrives, self.redriven_at
        if self.since:
            out["since"] = self.since
        if self.mock:
            out["mock"], out["calls"] = self.mock, self.calls
        if self.root is not None:
            out["root"] = _dump(self.root)
        for name in ("deadline", "output", "error", "cause"):
            if (value := getattr(self, name)) is not None:
                out[name] = value
        return out

    @classmethod
    def from_json(cls, data: dict[str, Json]) -> "ExecutionState":
        return cls(
            status=Status(data["status"]),
            execution_id=data["id"],
            input=data["input"],
            started_at=data["at"],
            facts=data.get("facts", {}),
            next_event=data["next"],
            root=_load(data["root"]) if "root" in data else None,
            deadline=data.get("deadline"),
            output=data.get("output"),
            error=data.get("error"),
            cause=data.get("cause"),
            remains=_load(data["remains"]) if "remains" in data else None,
            redrives=data.get("redrives", 0),
            redriven_at=data.get("redriven_at"),
            since=data.get("since", 0),
            mock=data.get("mock", ""),
            calls=data.get("calls", {}),
        )


# Attribute -> key in the checkpoint, for what is mostly absent. Zero, empty and None all mean absent.
_SPARSE = (
    ("waiting", "waiting"),
    ("retry_count", "n"),
    ("earlier", "earlier"),
    ("timers", "timers"),
    ("token", "token"),
    ("role", "role"),
    ("submitted", "submitted"),
    ("heartbeat_s", "heartbeat"),
    ("timeout_s", "timeout"),
    ("variables", "vars"),
    ("started", "started"),
    ("call", "call"),
    ("job", "job"),
    ("map_run", "map_run"),
    ("map_redrives", "map_redrives"),
)
_sparse_values = attrgetter(*(name for name, _ in _SPARSE))
_SPARSE_KEYS = tuple(key for _, key in _SPARSE)


def _dump(branch: Branch) -> dict[str, Json]:
    out: dict[str, Any] = {
        "state": branch.state,
        "entry": branch.entry,
        "at": branch.entered_at,
        "input": branch.input,
        "last": branch.last,
    }
    out.update([pair for pair in zip(_SPARSE_KEYS, _sparse_values(branch), strict=False) if pair[1]])
    if branch.parameters is not None:
        out["parameters"] = branch.parameters
    if branch.items is not None:
        out["items"] = branch.items
    if branch.retries:
        out["retries"] = list(branch.retries.items())
    if branch.children is not None:
        begun = begun_children(branch.children)
        out["children"] = [_dump_node(node) for node in begun]
        if unbegun := len(branch.children) - len(begun):
            out["unbegun"] = unbegun
    return out


def begun_children(children: "Sequence[Branch | Ended | None]") -> "Sequence[Branch | Ended | None]":
    """Those not yet begun are the tail, which may be a hundred thousand long."""
    return children[: bisect_left(children, True, key=_is_unbegun)]


def _is_unbegun(node: "Branch | Ended | None") -> bool:
    return node is None


def _dump_node(node: Branch | Ended | None) -> dict[str, Json] | None:
    if node is None:
        return None
    if isinstance(node, Branch):
        return _dump(node)
    if node.failed:
        ended: dict[str, Json] = {"last": node.last, "error": node.error, "cause": node.cause, "failed": True}
        return ended if node.remains is None else {**ended, "remains": _dump(node.remains)}
    return {"last": node.last, "output": node.output}


def _load(data: dict[str, Json]) -> Branch:
    branch = Branch(data["state"], data["entry"], data["at"], data["input"], data["last"])
    for name, key in _SPARSE:
        if key in data:
            setattr(branch, name, data[key])
    if "waiting" in data:
        branch.waiting = Waiting(data["waiting"])
    branch.parameters = data.get("parameters")
    branch.items = data.get("items")
    if "retries" in data:
        branch.retries = dict(data["retries"])
    if "children" in data:
        unbegun: list[Branch | Ended | None] = [None] * data.get("unbegun", 0)
        branch.children = [_load_node(node) for node in data["children"]] + unbegun
    return branch


def _load_node(data: dict[str, Json] | None) -> Branch | Ended | None:
    if data is None:
        return None
    if "state" in data:
        return _load(data)
    if data.get("failed"):
        remains = _load(data["remains"]) if "remains" in data else None
        return Ended(data["last"], failed=True, error=data["error"], cause=data["cause"], remains=remains)
    return Ended(data["last"], output=data["output"])
