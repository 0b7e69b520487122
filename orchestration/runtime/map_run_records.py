"""What stands in the stream of map runs: subjects, the beginning of each, its appends, and what it is told. Pure.

A map run has a token as an execution has. Its appends are checkpoints only: its children's histories tell the story.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from orchestration.asl import map_run
from orchestration.asl.distributed import Plan
from orchestration.asl.map_run_checkpoint import from_json, to_json
from orchestration.asl.protocol import Json, StopRequested
from orchestration.errors import Unreadable
from orchestration.names import ExecutionName
from orchestration.runtime import records, wakes

LOOK: Final = "look"  # the one timer of a map run
LOG: Final = "exec.maprun"
INDEX: Final = "exec.maprunof"  # by the execution that started it


def log_subject(run: str) -> str:
    return f"{LOG}.{run}"


def index_subject(parent: str, run: str) -> str:
    return f"{INDEX}.{parent}.{run}"


def begin_subject(run: str) -> str:
    return f"{records.WAKE}.{run}.begin"


def limits_subject(run: str) -> str:
    return f"{records.WAKE}.{run}.limits"


def child_end_subject(run: str, number: int) -> str:
    return records.ended_subject(records.Caller(run, number, 1, "item"))


@dataclass(frozen=True)
class Beginning:
    """All that a map run needs to know, stored once.

    ``parent`` is the token of the execution whose state ``entry`` waits for it; ``machine`` what that execution runs;
    ``facts`` its part of the context object.
    """

    plan: Plan
    machine: str
    parent: str
    parent_arn: str
    entry: int
    attempt: int
    facts: Mapping[str, Json]
    mock: str = ""
    trace_header: str = ""

    def encode(self) -> bytes:
        return orjson.dumps({"begin": self})

    @property
    def item_machine(self) -> str:
        """The reference of the machine that each child runs: see ``map_run_machines``."""
        return f"{self.machine.partition('#')[0]}#{self.plan['state']}"

    def child(self, number: int, again: int = 0) -> ExecutionName:
        """``again``: the redrive for which it is started anew, where it cannot go on."""
        name = uuid.uuid5(uuid.UUID(self.plan["run"]), f"{number}.{again}" if again else str(number))
        return ExecutionName(self.plan["machine"], str(name), "", self.plan["label"])

    def child_start(self, run: str, number: int, given: Json, again: int = 0) -> records.Post:
        """The start of child ``number``; the same whoever makes it."""
        name = self.child(number, again)
        machine = self.facts.get("StateMachine", {})
        facts = {
            **self.facts,
            "Execution": {**self.facts.get("Execution", {}), "Name": name.name},
            "StateMachine": {
                "Id": f"{machine.get('Id', '')}/{self.plan['label']}",
                "Name": f"{machine.get('Name', '')}/{self.plan['label']}",
            },
        }
        start = records.Start(
            self.item_machine,
            given,
            name.name,
            facts,
            arn=name.arn,
            express=self.plan["express"],
            caller=records.Caller(run, number, 1, "item"),
            mock=self.mock,
            map_run=self.plan["arn"],
            trace_header=self.trace_header,
        )
        return records.Post(records.start_subject(name.token), start.encode())


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One append. Instants are RFC 3339, empty where there is none."""

    arn: str
    parent_arn: str
    machine_arn: str
    began_at: str
    state: map_run.MapRunState
    stopped_at: str = ""
    redriven_at: str = ""

    def encode(self) -> bytes:
        fields = {name: value for name, value in vars(self).items() if value and name != "state"}
        return orjson.dumps({"v": records.VERSION, **fields, "state": to_json(self.state)})


# What stands in the place of a checkpoint where the map run was stopped before it began.
NEVER: Final = orjson.dumps({"v": records.VERSION, "never": True})


def decode_checkpoint(body: bytes) -> Checkpoint | None:
    """None: it never began."""
    fields = _fields(body)
    if "never" in fields:
        return None
    try:
        state = from_json(fields.pop("state"))
        fields.pop("v")
        return Checkpoint(state=state, **fields)
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"no checkpoint of a map run: {type(error).__name__}: {error}") from error


def decode_beginning(body: bytes) -> Beginning:
    try:
        return Beginning(**_fields(body)["begin"])
    except (KeyError, TypeError) as error:
        raise Unreadable(f"no beginning of a map run: {error}") from error


def redrive_subject(run: str) -> str:
    return f"{records.WAKE}.{run}.redrive"


def encode_redrive(attempt: int) -> bytes:
    return orjson.dumps({"redrive_for": attempt})


def encode_limits(**changed: Any) -> bytes:
    """What is None stays as it is."""
    return orjson.dumps({"limits": {name: value for name, value in changed.items() if value is not None}})


def decode_told(body: bytes, sequence: int) -> map_run.Event:
    """What a wake message tells a map run; ``sequence`` is the message's own."""
    match _fields(body):
        case {"begin": _}:
            return map_run.Begun()
        case {"limits": dict(limits)}:
            return map_run.LimitsChanged(**limits)
        case {"entry": int(number), "child": {"Status": str(status)}}:
            return map_run.ChildEnded(number, status, sequence)
        case {"timer": _}:
            return map_run.Looked()
        case {"redrive_for": int(attempt)}:
            return map_run.Redriven(attempt, sequence)
    match wakes.decode_wake(body):
        case StopRequested(error, cause):
            return map_run.Stopped(error, cause, sequence)
        case other:
            raise Unreadable(f"a map run is told {type(other).__name__}")


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise Unreadable("not a JSON object")
    return fields
