"""Telling the state entry that waits for an execution how it ended: the words of a ``.sync`` task's answer. Pure.

The message is stored together with the append that ends the execution, so a caller is told exactly when it ended; a
map run, which has thousands of items, right after it (see ``drive.Drive.run``).
Must not know who stores it, or how.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from orchestration.asl.errors import TASK_FAILED
from orchestration.asl.protocol import Json, TaskFailed, TaskSucceeded
from orchestration.asl.state import ExecutionState
from orchestration.runtime import records, wakes

ITEM: Final = "item"
SYNC: Final = "sync"
SYNC_2: Final = "sync:2"
SUCCEEDED: Final = "SUCCEEDED"


@dataclass(frozen=True, kw_only=True)
class Ending:
    """An execution that has ended. Instants are epoch seconds; ``machine_arn`` is empty for a machine without one."""

    arn: str
    machine_arn: str
    status: str
    input: Json
    output: Json
    error: str | None
    cause: str | None
    began_at: float
    stopped_at: float


def ending_of(state: ExecutionState, arn: str, began_at: float, stopped_at: float) -> Ending:
    return Ending(
        arn=arn,
        machine_arn=state.facts.get("StateMachine", {}).get("Id", ""),
        status=state.status,
        input=state.input,
        output=state.output,
        error=state.error,
        cause=state.cause,
        began_at=began_at,
        stopped_at=stopped_at,
    )


def tell(caller: records.Caller, ending: Ending) -> records.Post:
    """The wake message for the caller."""
    return records.Post(records.ended_subject(caller), _body(caller, ending))


def _body(caller: records.Caller, ending: Ending) -> bytes:
    entry, attempt = caller.entry, caller.attempt
    if caller.form == ITEM:
        return wakes.ItemEnded(entry, attempt, describe(ending, as_text=False)).encode()
    described = describe(ending, as_text=caller.form == SYNC)
    # A child may end before its caller has noted that it was started.
    submitted = {name: described[name] for name in ("ExecutionArn", "StartDate")}
    if ending.status == SUCCEEDED:
        return wakes.encode_wake(TaskSucceeded(entry, described, attempt, submitted))
    return wakes.encode_wake(TaskFailed(entry, TASK_FAILED, text_of(described), attempt, submitted))


def describe(ending: Ending, *, as_text: bool) -> dict[str, Any]:
    """As AWS describes an execution to its caller: keys sorted, instants in milliseconds.

    ``as_text``: input and output as JSON text (``.sync``), not as JSON (``.sync:2``).
    """
    told: dict[str, Any] = {
        "ExecutionArn": ending.arn,
        "Input": text_of(ending.input) if as_text else ending.input,
        "InputDetails": {"Included": True},
        "Name": ending.arn.split(":")[7] if ending.arn.count(":") >= 7 else ending.arn,
        "StartDate": int(ending.began_at * 1000),
        "StateMachineArn": ending.machine_arn,
        "Status": ending.status,
        "StopDate": int(ending.stopped_at * 1000),
    }
    if ending.status == SUCCEEDED:
        told["Output"] = text_of(ending.output) if as_text else ending.output
        told["OutputDetails"] = {"Included": True}
    failure = {"Error": ending.error, "Cause": ending.cause}
    told |= {name: value for name, value in failure.items() if value is not None}
    return dict(sorted(told.items()))


def text_of(value: Json) -> str:
    return orjson.dumps(value).decode()
