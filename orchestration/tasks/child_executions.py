"""``states:startExecution``: an execution inside another, started and left alone, or waited for (``.sync``).

The child's name is the parameters' own, or made from the task's key and attempt: whoever takes the task over after a
crash finds the child that was started. Must not know how an execution is stored, nor who tells its end.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import orjson

from orchestration.asl.machine import Pattern
from orchestration.asl.protocol import Json, RunTask
from orchestration.tasks.registry import Told, in_time, pattern_of, succeeded
from orchestration.tasks.sdk import Invalid, failed, optimized_cause, own_metadata, parameters_of, stable_id
from orchestration.tracing import traceparent
from telemetry.recording import recording

CLIENT_ERROR: Final = "StepFunctions.SdkClientException"


@dataclass(frozen=True)
class Waiter:
    """The state entry that is told of the child's end; ``form``: ``sync`` (JSON as text) or ``sync:2``."""

    execution: str
    entry: int
    attempt: int
    form: str


@dataclass(frozen=True)
class ChildStart:
    """``started_by`` names one attempt of one state entry: asked again, it gets what it started before."""

    machine_arn: str
    name: str
    input: str
    started_by: str
    waiter: Waiter | None = None
    trace_header: str = ""


@dataclass(frozen=True)
class ChildStarted:
    arn: str
    started_at: float


class Refused(Exception):
    """AWS's error of StartExecution."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class Unreachable(Exception):
    """The broker refused the start for good."""


class Executions(Protocol):
    async def start_child(self, child: ChildStart) -> ChildStarted:
        """Raises ``Refused``, ``Unreachable``, and ``HistoryUnreachable`` where the child may be started or not."""
        ...


class ChildTasks:
    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        return await in_time(task, self._start(execution, task))

    async def _start(self, execution: str, task: RunTask) -> Told:
        request_id = stable_id(task, "request", task.attempt)
        try:
            started = await self._executions.start_child(child_of(execution, task))
        except Unreachable as error:
            return failed(task, CLIENT_ERROR, f"Unable to execute HTTP request: {error}")
        except Invalid as wrong:
            return failed(task, *_told_of(Refused("ValidationException", str(wrong)), request_id))
        except Refused as refused:
            return failed(task, *_told_of(refused, request_id))
        answer = {"ExecutionArn": started.arn, "StartDate": int(started.started_at * 1000)}
        return succeeded(task, {**answer, **own_metadata(request_id)})


def child_of(execution: str, task: RunTask) -> ChildStart:
    """Pure. Raises ``Invalid``."""
    given = parameters_of(task, ("StateMachineArn",), ("Input", "Name", "TraceHeader"))
    waiter = None
    if pattern_of(task.resource) is Pattern.JOB:
        form = "sync:2" if task.resource.endswith(":2") else "sync"
        waiter = Waiter(execution, task.entry, task.attempt, form)
    return ChildStart(
        machine_arn=str(given["StateMachineArn"]),
        name=str(given.get("Name") or stable_id(task, task.attempt)),
        input=_text(given.get("Input", {})),
        started_by=f"{task.key}:{task.attempt}",
        waiter=waiter,
        trace_header=str(given.get("TraceHeader") or (traceparent(execution, task) if recording() else "")),
    )


def _text(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _told_of(refused: Refused, request_id: str) -> tuple[str, str]:
    code = refused.code if refused.code.endswith("Exception") else f"{refused.code}Exception"
    cause = optimized_cause(refused.message, "AWSStepFunctions", refused.code, request_id, refused.status)
    return f"StepFunctions.{code}", cause
