"""What wakes an execution: the bodies of wake messages, and of what a map run is told of its items. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from orchestration.asl.protocol import (
    HeartbeatReceived,
    Json,
    RedriveRequested,
    StopRequested,
    TaskFailed,
    TaskStarted,
    TaskSucceeded,
    TimerFired,
)
from orchestration.errors import Unreadable
from orchestration.runtime.records import fields_in

Wake = TimerFired | TaskStarted | TaskSucceeded | TaskFailed | HeartbeatReceived | StopRequested | RedriveRequested


def encode_wake(wake: Wake) -> bytes:
    match wake:
        case TimerFired(timer, due):
            return orjson.dumps({"timer": timer} if due is None else {"timer": timer, "due": due})
        case TaskStarted(entry, worker_name, attempt):
            return orjson.dumps({"started": entry, "worker_name": worker_name, "attempt": attempt})
        case TaskSucceeded(entry, output, attempt, submitted):
            return orjson.dumps({"succeeded": entry, "output": output, "attempt": attempt} | _submitted(submitted))
        case TaskFailed(entry, error, cause, attempt, submitted):
            fields = {"failed": entry, "error": error, "cause": cause, "attempt": attempt}
            return orjson.dumps(fields | _submitted(submitted))
        case HeartbeatReceived(entry, attempt):
            return orjson.dumps({"heartbeat": entry, "attempt": attempt})
        case StopRequested(error, cause):
            return orjson.dumps({"stop": True, "error": error, "cause": cause})
        case RedriveRequested(number):
            return orjson.dumps({"redrive": number})


def encode_timer(timer: str, due: float) -> bytes:
    """The wake message of a timer that is due at ``due`` (epoch seconds)."""
    return orjson.dumps({"timer": timer, "due": due})


def due_of(subject: str, body: bytes) -> float | None:
    """When the timer of a wake message was due; None: it is another message, or of an older program."""
    if ".timer." not in subject:
        return None
    due = fields_in(body).get("due")
    return due if isinstance(due, float) else None


def _submitted(submitted: Json) -> dict[str, Json]:
    return {} if submitted is None else {"submitted": submitted}


def decode_wake(body: bytes, sequence: int = 0) -> Wake:
    """``sequence`` is the message's own."""
    fields = fields_in(body)
    match fields:
        case {"timer": str(timer)}:
            due = fields.get("due")
            return TimerFired(timer, due if isinstance(due, float | int) else None)
        case {"started": int(entry), "worker_name": worker_name}:
            return TaskStarted(entry, worker_name, fields.get("attempt"))
        case {"succeeded": int(entry), "output": output}:
            return TaskSucceeded(entry, output, fields.get("attempt"), fields.get("submitted"))
        case {"failed": int(entry), "error": error, "cause": cause}:
            return TaskFailed(entry, error, cause, fields.get("attempt"), fields.get("submitted"))
        case {"heartbeat": int(entry)}:
            return HeartbeatReceived(entry, fields.get("attempt"))
        case {"stop": True, "error": error, "cause": cause}:
            return StopRequested(error, cause, sequence)
        case {"redrive": int(number)}:
            return RedriveRequested(number, sequence)
        case other:
            raise Unreadable(f"a wake message with {sorted(other)}")


@dataclass(frozen=True)
class ItemEnded:
    """What a map run is told of its item number ``entry``: the child execution, described as AWS does it.

    ``child`` has the keys of ``callers.describe``: Status, Input, Output, Error, Cause, ExecutionArn, StartDate …
    """

    entry: int
    attempt: int
    child: Mapping[str, Json]

    def encode(self) -> bytes:
        return orjson.dumps({"entry": self.entry, "attempt": self.attempt, "child": self.child})


def decode_item_ended(body: bytes) -> ItemEnded:
    try:
        return ItemEnded(**fields_in(body))
    except TypeError as error:
        raise Unreadable(f"no end of an item: {error}") from error
