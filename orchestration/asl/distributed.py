"""The distributed Map as a state: it asks for a map run, waits outside for its end, and tells both in the history.

What the map run needs is worked out here, once, on entering (its ``plan``: JSON); how it goes on is ``map_run``'s.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from orchestration.asl.distribution import MAX_ITEMS
from orchestration.asl.errors import RUNTIME, PassedOn, PathNotFound, QueryFailed, StatesError
from orchestration.asl.intrinsics import to_text
from orchestration.asl.limits import size_of
from orchestration.asl.machine import Distribution, MapState, Setting
from orchestration.asl.paths import Env
from orchestration.asl.protocol import Json, RunTask, StopMapRun, TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.asl.state import Branch, ExecutionState, Waiting
from orchestration.asl.steps import Outcome, effective_input, finish
from orchestration.asl.turn import Place, Turn, without_nones
from orchestration.names import MapRunName, map_run_of_arn

MAP_RUN: Final = "map-run:start"  # the resource of the command that starts one
MAP_REDRIVE: Final = "map-run:redrive"
READER_FAILED: Final = "States.ItemReaderFailed"
WRITER_FAILED: Final = "States.ResultWriterFailed"
THRESHOLD: Final = "States.ExceedToleratedFailureThreshold"
MAX_BATCH_BYTES: Final = 262_144

Plan = dict[str, Json]


def begin_distributed(
    turn: Turn, state: MapState, place: Place, branch: Branch, items: Callable[[], Json], limit: int
) -> Outcome:
    """Starts a map run; also for each retry. ``items`` reads those of the state's input."""
    assert state.distribution is not None
    env = turn.env(place, branch, retried=True)
    document = effective_input(state, branch, env)
    given = None if state.distribution.reader is not None else items()
    tolerance = _tolerance(state.distribution, document, env)
    plan, refused = _planned(state, document, env, {"concurrency": limit, **tolerance})
    length = 0 if given is None else len(given)
    branch.started = branch.last = turn.record("MapStateStarted", branch.last, {"length": length})
    name = name_of(turn.execution, state, branch)
    branch.last = turn.record("MapRunStarted", branch.last, {"mapRunArn": name.arn})
    branch.waiting, branch.submitted = Waiting.OUTSIDE, False
    branch.map_run, branch.map_redrives = "", 0
    if refused is not None:
        return _failed(turn, branch, refused)
    branch.map_run, branch.parameters = name.arn, plan
    turn.commands.append(run_command(turn, state, place, branch, given))
    return branch


def run_command(turn: Turn, state: MapState, place: Place, branch: Branch, items: Json) -> RunTask:
    """The command of the map run that the branch waits for; what can be derived again is not in the checkpoint."""
    name = name_of(turn.execution, state, branch)
    plan: Plan = {"state": state.name, **name._asdict(), "arn": name.arn, **branch.parameters}
    if items is not None:
        plan["items"] = items
    if state.selector is not None:
        env = turn.env(place, branch, retried=True)
        plan["input"], plan["at"] = effective_input(state, branch, env), branch.entered_at
        plan["context"], plan["variables"] = env.context(), env.variables
    key = f"{turn.execution.execution_id}:{branch.entry}"
    return RunTask(branch.entry, key, MAP_RUN, plan, branch.attempt, state=state.name)


def redrive_distributed(turn: Turn, state: MapState, place: Place, branch: Branch) -> Outcome:
    """A redrive: the same map run goes on, with the children that were unsuccessful, and those not yet started."""
    branch.map_redrives += 1
    details: dict[str, Json] = {"mapRunArn": branch.map_run, "redriveCount": branch.map_redrives}
    branch.last = turn.record("MapRunRedriven", branch.last, details)
    branch.waiting, branch.submitted = Waiting.OUTSIDE, False
    turn.commands.append(redrive_command(turn, branch))
    return branch


def redrive_command(turn: Turn, branch: Branch) -> RunTask:
    key = f"{turn.execution.execution_id}:{branch.entry}"
    return RunTask(branch.entry, key, MAP_REDRIVE, {"arn": branch.map_run}, branch.attempt, state=branch.state)


def stop_command(branch: Branch) -> StopMapRun:
    name = map_run_of_arn(branch.map_run)
    assert name is not None, "the interpreter made it"
    return StopMapRun(name.token)


def react_to_map_run(
    turn: Turn, state: MapState, place: Place, branch: Branch, event: TaskSucceeded | TaskFailed | TaskSubmitted
) -> Outcome:
    """Raises ``PassedOn`` for a failed map run."""
    if isinstance(event, TaskSubmitted):
        branch.submitted = True
        return branch
    if isinstance(event, TaskFailed):
        return _failed(turn, branch, StatesError(event.error, event.cause))
    branch.map_run, branch.map_redrives, branch.parameters = "", 0, None
    succeeded = turn.record("MapRunSucceeded", branch.last, {})
    turn.weigh(size_of(event.output, f"The state/task '{state.name}' returned a result"))
    turn.record("MapStateSucceeded", succeeded, {})
    return finish(turn, state, state.shaping, branch, turn.env(place, branch, retried=True), event.output)


def _failed(turn: Turn, branch: Branch, error: StatesError) -> Outcome:
    branch.parameters = None
    branch.last = turn.record("MapRunFailed", branch.last, without_nones(error=error.error, cause=error.cause))
    raise PassedOn(error.error, error.cause)


def name_of(execution: ExecutionState, state: MapState, branch: Branch) -> MapRunName:
    """Derived from the state entry's attempt, so that whoever starts the map run again starts the same one."""
    machine = execution.execution_id.split(":")[6:7] or ["execution"]
    machine_name = machine[0].partition("/")[0]
    label = (state.distribution.label if state.distribution is not None else "") or _uuid(machine_name, state.name)
    return MapRunName(machine_name, label, _uuid(execution.execution_id, str(branch.entry), str(branch.attempt - 1)))


def _uuid(*parts: str) -> str:
    """A name in the form of a UUID, derived."""
    digits = hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


# --- the plan ----------------------------------------------------------------------------------------------------


def _planned(state: MapState, document: Json, env: Env, limits: Plan) -> tuple[Plan, StatesError | None]:
    """What the map run will be refused for, once it has started. Raises ``QueryFailed``: then it never starts."""
    try:
        return {**limits, **_sources(state, document, env)}, None
    except QueryFailed:
        raise
    except StatesError as refused:
        return limits, refused


def _tolerance(distribution: Distribution, document: Json, env: Env) -> Plan:
    """What is absent tolerates nothing, unless the other is there."""
    count = _number(distribution.tolerated_count, document, env, whole=True, most=MAX_ITEMS)
    percentage = _number(distribution.tolerated_percentage, document, env, whole=False, most=100)
    return without_nones(tolerated_count=count, tolerated_percentage=percentage)


def _sources(state: MapState, document: Json, env: Env) -> Plan:
    distribution = state.distribution
    assert distribution is not None
    plan: Plan = {"express": distribution.express}
    if (reader := distribution.reader) is not None:
        filled = {} if reader.parameters is None else reader.parameters.fill(document, env)
        plan["reader"] = {"resource": reader.resource, "parameters": filled, "config": reader.config}
        plan["max_items"] = _reader_limit(reader.max_items, document, env)
    if (batcher := distribution.batcher) is not None:
        plan["batch"] = without_nones(
            items=_number(batcher.max_items, document, env, whole=True, most=MAX_ITEMS),
            bytes=_number(batcher.max_bytes, document, env, whole=True, most=MAX_BATCH_BYTES),
            input=None if batcher.batch_input is None else batcher.batch_input.fill(document, env),
        )
    if (writer := distribution.writer) is not None:
        filled = {} if writer.parameters is None else writer.parameters.fill(document, env)
        plan["writer"] = {"resource": writer.resource, "parameters": filled, "config": writer.config}
    size_of(plan, f"The state/task '{state.name}' has parameters")
    return plan


def _reader_limit(setting: Setting, document: Json, env: Env) -> int:
    try:
        found = _number(setting, document, env, whole=True, most=None)
    except QueryFailed:
        raise
    except StatesError as error:
        raise StatesError(READER_FAILED, error.cause) from None
    return min(int(found or 0), MAX_ITEMS) or MAX_ITEMS


def _number(setting: Setting, document: Json, env: Env, *, whole: bool, most: int | None) -> Any:
    """None: the field is not there. AWS takes a number in a text, too."""
    if setting.read is None:
        return None
    try:
        value = setting.read(document, env)
    except PathNotFound as missing:
        raise StatesError(RUNTIME, str(missing)) from None
    number = _as_number(value, whole)
    if number is None:
        kind = "integer" if whole else "float"
        raise StatesError(
            RUNTIME,
            f'The {setting.field} field refers to value "{to_text(value)[:1000]}" which is not a valid {kind}: '
            f"{setting.source}",
        )
    if number < 0:
        raise StatesError(RUNTIME, f"field {setting.field.removesuffix('Path')} must be positive")
    if most is not None and number > most:
        raise StatesError(RUNTIME, f"{setting.field.removesuffix('Path')} must be at most {most}: {number}")
    return number


def _as_number(value: Json, whole: bool) -> float | int | None:
    try:
        number = float(value) if type(value) in (int, float, str) else None
    except ValueError:
        return None
    if number is None or number != number or abs(number) > 2**53 or (whole and not number.is_integer()):
        return None
    return int(number) if whole else number
