"""The Task state: from its schedule to its answer, and the history events that tell of it.

Must not know how a resource is called: it asks for ``RunTask``. The worker itself watches the timeout of a task that it
runs; where the answer comes from outside (callback, activity, job), a timer does.
"""

from typing import Final

from orchestration.asl.errors import RUNTIME, TIMEOUT, PassedOn, StatesError
from orchestration.asl.integrations import wrong_fields
from orchestration.asl.intrinsics import to_text
from orchestration.asl.limits import size_of
from orchestration.asl.machine import Pattern, Resource, Seconds, TaskKind, TaskState
from orchestration.asl.paths import Env
from orchestration.asl.protocol import (
    HeartbeatReceived,
    Json,
    RunTask,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
)
from orchestration.asl.state import Branch, ExecutionState, Waiting
from orchestration.asl.steps import Outcome, effective_input, finish, queried_seconds, text_of, whole_seconds
from orchestration.asl.turn import Place, Turn, without_nones
from orchestration.names import execution_of_arn

HEARTBEAT: Final = "heartbeat"
DEADLINE: Final = "timeout"


def begin_task(turn: Turn, state: TaskState, place: Place, branch: Branch) -> Outcome:
    """Schedules the task; also for each retry."""
    resource = state.resource
    if resource.pattern is Pattern.CALLBACK:
        branch.token = turn.token_of(branch.entry, branch.attempt)
    env = turn.env(place, branch, retried=True)
    document = effective_input(state, branch, env)
    parameters = _parameters(state, document, env)
    if parameters is not branch.input:
        turn.weigh(size_of(parameters, f"The state/task '{state.name}' has parameters"))
    if wrong := wrong_fields(resource, parameters):
        told = f"The Parameters '{to_text(parameters)}' could not be used to start the Task: [{', '.join(wrong)}]"
        raise StatesError(RUNTIME, told)
    timeout = _seconds(state.timeout, "TimeoutSeconds", document, env)
    heartbeat = _seconds(state.heartbeat, "HeartbeatSeconds", document, env)
    branch.role = None if state.role is None else text_of(state.role, "RoleArn", document, env)
    branch.timeout_s = None if timeout is None else turn.scaled(timeout)
    branch.heartbeat_s = None if heartbeat is None else turn.scaled(heartbeat)
    branch.submitted, branch.started, branch.job = False, 0, ""
    branch.parameters = None if _derivable(state) else parameters
    _record_schedule(turn, resource, branch, parameters, timeout, heartbeat)
    _count_call(turn, state, branch)
    turn.commands.append(run_task(turn.execution, state, branch, parameters))
    if resource.pattern is Pattern.ANSWER:
        branch.waiting = Waiting.TASK
        return branch
    branch.waiting = Waiting.OUTSIDE
    if resource.kind is not TaskKind.ACTIVITY:  # its time begins when a worker takes it
        _set_limits(turn, branch)
    return branch


def _set_limits(turn: Turn, branch: Branch) -> None:
    if branch.timeout_s is not None:
        turn.set_timer(branch, DEADLINE, branch.timeout_s)
    if branch.heartbeat_s is not None:
        turn.set_timer(branch, HEARTBEAT, branch.heartbeat_s)


def _count_call(turn: Turn, state: TaskState, branch: Branch) -> None:
    """A mock file numbers its answers by the calls of a state in the whole execution."""
    execution = turn.execution
    if execution.mock:
        branch.call = execution.calls.get(state.name, 0)
        execution.calls = {**execution.calls, state.name: branch.call + 1}


def run_task(execution: ExecutionState, state: TaskState, branch: Branch, parameters: Json) -> RunTask:
    """The command of the open task.

    The idempotency key names the execution and the state entry, not the attempt: a retry, and a repetition after a
    crash, carry the same key. A state that is entered again (a loop) is another entry, and has another key.
    """
    return RunTask(
        entry=branch.entry,
        key=f"{execution.execution_id}:{branch.entry}",
        resource=state.resource.text,
        parameters=parameters,
        attempt=branch.attempt,
        timeout_s=branch.timeout_s,
        heartbeat_s=branch.heartbeat_s,
        token=branch.token,
        role=branch.role,
        state=state.name,
        mock=execution.mock,
        call=branch.call,
    )


def open_parameters(state: TaskState, branch: Branch, env: Env) -> Json:
    """The parameters of an open task: as kept in the checkpoint, or derived again."""
    if not _derivable(state):
        return branch.parameters
    return _parameters(state, effective_input(state, branch, env), env)


def _parameters(state: TaskState, document: Json, env: Env) -> Json:
    template = state.shaping.parameters
    return document if template is None else template.fill(document, env)


def _derivable(state: TaskState) -> bool:
    path, template = state.input_path, state.shaping.parameters
    return (path is None or path.root != "context") and (template is None or template.derivable)


def _seconds(seconds: Seconds, field_name: str, document: Json, env: Env) -> float | None:
    if seconds.path is not None:
        return float(whole_seconds(seconds.path, f"{field_name}Path", document, env))
    if seconds.query is not None:
        return float(queried_seconds(seconds.query, field_name, env))
    return seconds.value


# --- what comes back ---------------------------------------------------------------------------------------------


def react_to_task(
    turn: Turn,
    state: TaskState,
    place: Place,
    branch: Branch,
    event: TaskStarted | TaskSucceeded | TaskFailed | TaskSubmitted | HeartbeatReceived,
) -> Outcome:
    """Raises ``PassedOn`` for a failed task, ``StatesError`` where its result cannot be used."""
    if isinstance(event, TaskStarted):
        return _started(turn, state, branch, event)
    if isinstance(event, HeartbeatReceived):
        if branch.heartbeat_s is not None and branch.waiting is Waiting.OUTSIDE:
            turn.set_timer(branch, HEARTBEAT, branch.heartbeat_s)
        return branch
    if isinstance(event, TaskSucceeded | TaskFailed):
        branch.job = ""
        if event.submitted is not None and not branch.submitted:
            _record_answer(turn, state, branch, "Submitted", event.submitted)
    try:
        if isinstance(event, TaskFailed):
            size_of([event.error, event.cause], f"The state/task '{state.name}' returned an error")
            raise PassedOn(event.error, event.cause)
        turn.weigh(size_of(event.output, f"The state/task '{state.name}' returned a result"))
    except StatesError as failure:
        record_failure(turn, state, branch, failure, event.stage if isinstance(event, TaskFailed) else "")
        raise PassedOn(failure.error, failure.cause) from None
    if isinstance(event, TaskSubmitted):
        _record_answer(turn, state, branch, "Submitted", event.output)
        branch.submitted, branch.job = True, _job(state.resource, event.output)
        return branch
    _record_answer(turn, state, branch, "Succeeded", event.output)
    return finish(turn, state, state.shaping, branch, turn.env(place, branch, retried=True), event.output)


def _started(turn: Turn, state: TaskState, branch: Branch, event: TaskStarted) -> Branch:
    """A worker has taken the task: from now on it must show that it lives."""
    if state.resource.kind is TaskKind.ACTIVITY:
        branch.last = turn.record("ActivityStarted", branch.last, without_nones(workerName=event.worker_name))
    branch.started = branch.last
    _set_limits(turn, branch)
    return branch


def _job(resource: Resource, answer: Json) -> str:
    """The execution that a ``states:startExecution.sync`` has started, to be stopped when nobody waits any more."""
    if resource.service != "states" or resource.pattern is not Pattern.JOB or not isinstance(answer, dict):
        return ""
    started = execution_of_arn(str(answer.get("ExecutionArn", "")))
    return "" if started is None else started.token


def _record_answer(turn: Turn, state: TaskState, branch: Branch, ending: str, output: Json) -> None:
    kind = state.resource.kind
    if ending == "Submitted" and kind is not TaskKind.TASK:
        return  # an activity has no such event
    details = {"output": output}
    if kind is TaskKind.TASK:
        details |= state.resource.names()
    branch.last = turn.record(f"{kind}{ending}", branch.last, details)


def record_failure(turn: Turn, state: TaskState, branch: Branch, error: StatesError, stage: str = "") -> None:
    kind = state.resource.kind
    ending = "TimedOut" if error.error == TIMEOUT and not stage else f"{stage}Failed"
    details = without_nones(error=error.error, cause=error.cause)
    if kind is TaskKind.TASK:
        details |= state.resource.names()
    branch.last = turn.record(f"{kind}{ending}", branch.last, details)


# --- the history -------------------------------------------------------------------------------------------------


def _record_schedule(
    turn: Turn, resource: Resource, branch: Branch, parameters: Json, timeout: float | None, heartbeat: float | None
) -> None:
    limits: dict[str, Json] = {} if branch.role is None else {"taskCredentials": {"roleArn": branch.role}}
    if timeout is not None:
        limits["timeoutInSeconds"] = int(timeout)
    if heartbeat is not None:
        limits["heartbeatInSeconds"] = int(heartbeat)
    if resource.kind is TaskKind.TASK:
        details = {"parameters": parameters, **resource.names(), **limits}
        if resource.region is not None:
            details["region"] = resource.region
        branch.last = turn.record("TaskScheduled", branch.last, details)
        branch.last = turn.record("TaskStarted", branch.last, resource.names())
        return
    details = {"input": parameters, "resource": resource.text, **limits}
    branch.last = turn.record(f"{resource.kind}Scheduled", branch.last, details)
    if resource.kind is TaskKind.LAMBDA:
        branch.last = turn.record("LambdaFunctionStarted", branch.last, {})
