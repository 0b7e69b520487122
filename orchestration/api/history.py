"""History events as the API tells them: AWS's member for the details of each type, payloads as JSON text. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestration.api.payloads import json_text
from orchestration.asl.protocol import HistoryEvent, Json

# Types whose events have no details at all; every other one has the member, be it empty.
BARE: Final = frozenset(
    {
        "LambdaFunctionStarted",
        "MapRunAborted",
        "MapRunSucceeded",
        "MapStateAborted",
        "MapStateFailed",
        "MapStateSucceeded",
        "ParallelStateAborted",
        "ParallelStateFailed",
        "ParallelStateStarted",
        "ParallelStateSucceeded",
        "TaskStateAborted",
        "WaitStateAborted",
    }
)
# Execution data: what is JSON text in the API, and the member that says whether it was cut off (it never is).
_PAYLOADS: Final[Mapping[str, str | None]] = {"input": "inputDetails", "output": "outputDetails", "parameters": None}
_ASSIGNED: Final = "assignedVariables"
_WHOLE: Final = {"truncated": False}


@dataclass(frozen=True)
class Frame:
    """What the first event tells beside the input: under which role and as which version or alias it runs."""

    role_arn: str = ""
    version_arn: str = ""
    alias_arn: str = ""

    def details(self) -> dict[str, str]:
        told = {
            "roleArn": self.role_arn,
            "stateMachineVersionArn": self.version_arn,
            "stateMachineAliasArn": self.alias_arn,
        }
        return {name: value for name, value in told.items() if value}


def told(events: Sequence[HistoryEvent], frame: Frame, *, with_data: bool) -> list[dict[str, Any]]:
    return [_event(event, frame, with_data) for event in events]


def details_member(kind: str) -> str | None:
    """The member of ``HistoryEvent`` that holds the details of events of this type."""
    if kind in BARE:
        return None
    for ending in ("StateEntered", "StateExited"):
        if kind.endswith(ending):
            kind = ending
    return f"{kind[0].lower()}{kind[1:]}EventDetails"


def _event(event: HistoryEvent, frame: Frame, with_data: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "timestamp": round(event.at, 3),
        "type": event.type,
        "id": event.id,
        "previousEventId": event.previous,
    }
    member = details_member(event.type)
    if member is not None:
        # An execution that ran out of its own time tells no error.
        made[member] = {} if event.type == "ExecutionTimedOut" else _details(event.details, with_data)
        if event.type == "ExecutionStarted":
            made[member] |= frame.details()
    return made


def _details(details: Mapping[str, Json], with_data: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in details.items():
        if name == _ASSIGNED:
            if with_data:
                made[name] = {variable: json_text(assigned) for variable, assigned in value.items()}
                made["assignedVariablesDetails"] = _WHOLE
        elif name not in _PAYLOADS:
            made[name] = value
        elif with_data:
            made[name] = json_text(value)
            if flag := _PAYLOADS[name]:
                made[flag] = _WHOLE
    return made
