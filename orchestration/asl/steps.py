"""What each simple state does on entering: Pass, Choice, Wait, Succeed, Fail; and how every state's data is shaped.

Each ``begin_…`` gives ``Leave``, ``Ended``, or the branch that now waits; it raises ``StatesError``. The table of all
types is in ``walking``.
"""

from orchestration.asl.errors import NO_NEXT_STATE, RUNTIME, PathNotFound, QueryFailed, StatesError
from orchestration.asl.expressions import Expression
from orchestration.asl.limits import size_of
from orchestration.asl.machine import ChoiceState, FailState, PassState, Shaping, State, SucceedState, Text, WaitState
from orchestration.asl.paths import Env, Path
from orchestration.asl.protocol import Json
from orchestration.asl.state import Branch, Ended, Waiting
from orchestration.asl.templates import Template
from orchestration.asl.timestamps import parse_timestamp
from orchestration.asl.turn import Leave, Place, Turn

Outcome = Leave | Ended | Branch


def read(path: Path | None, document: Json, env: Env) -> Json:
    """InputPath, OutputPath and the like; null makes it {}. Raises ``StatesError``."""
    if path is None:
        return {}
    if path.root == "input" and not path.steps:
        return document
    try:
        return path.read(document, env)
    except PathNotFound as missing:
        raise StatesError(RUNTIME, str(missing)) from None


def effective_input(state: State, branch: Branch, env: Env) -> Json:
    return read(state.input_path, branch.input, env)


def leave(
    turn: Turn, state: State, branch: Branch, env: Env, output: Json, *, result: Json, next_state: str | None
) -> Leave:
    """Applies OutputPath (or Output) and Assign, which calls ``result`` ``$``. Both see the variables as they were."""
    return shaped(turn, state, branch, env, output, result, next_state, state.assign, state.output)


def shaped(
    turn: Turn,
    state: State,
    branch: Branch,
    env: Env,
    output: Json,
    result: Json,
    next_state: str | None,
    assigning: Template | None,
    queried: Template | None,
) -> Leave:
    """``assigning`` and ``queried`` are Assign and Output: the state's, or those of a Choice rule."""
    assigned = None if assigning is None else assign(turn, assigning, result, env)
    left = read(state.output_path, output, env) if queried is None else queried.fill(result, env)
    if left is not branch.input:
        turn.weigh(size_of(left, f"The state/task '{state.name}' returned a result"))
    return Leave(left, next_state, assigned)


def assign(turn: Turn, template: Template | None, result: Json, env: Env) -> dict[str, Json] | None:
    if template is None:
        return None
    filled = template.fill(result, env)
    assigned: dict[str, Json] = filled if isinstance(filled, dict) else {}
    turn.weigh(size_of({**env.variables, **assigned}, "The variables have values"))
    return assigned


def finish(turn: Turn, state: State, shaping: Shaping, branch: Branch, env: Env, result: Json) -> Leave:
    """From a result to the state's output: ResultSelector, ResultPath, OutputPath; or Output."""
    env.result = result
    selected = result if shaping.result_selector is None else shaping.result_selector.fill(result, env)
    return leave(
        turn,
        state,
        branch,
        env,
        placed(shaping.result_path, branch.input, selected),
        result=result,
        next_state=state.next,
    )


def placed(result_path: Path | None, document: Json, result: Json) -> Json:
    if result_path is None:
        return document
    return result_path.write(document, result) if result_path.steps else result


def begin_pass(turn: Turn, state: PassState, place: Place, branch: Branch) -> Outcome:
    env = turn.env(place, branch)
    document = effective_input(state, branch, env)
    if state.has_result:
        result = state.result
    elif state.shaping.parameters is not None:
        result = state.shaping.parameters.fill(document, env)
    else:
        result = document
    return finish(turn, state, state.shaping, branch, env, result)


def begin_succeed(turn: Turn, state: SucceedState, place: Place, branch: Branch) -> Outcome:
    env = turn.env(place, branch)
    document = effective_input(state, branch, env)
    return leave(turn, state, branch, env, document, result=document, next_state=None)


def begin_fail(turn: Turn, state: FailState, place: Place, branch: Branch) -> Outcome:
    env = turn.env(place, branch)
    error = state.error if state.error_path is None else text_of(state.error_path, "ErrorPath", branch.input, env)
    cause = state.cause if state.cause_path is None else text_of(state.cause_path, "CausePath", branch.input, env)
    return Ended(branch.last, failed=True, error=error, cause=cause, remains=branch)


def text_of(text: Text, field_name: str, document: Json, env: Env) -> str:
    filled = text.read(document, env)
    if not isinstance(filled, str):
        raise StatesError(RUNTIME, f"The {field_name} '{text.source}' must give a string")
    size_of(filled, f"The {field_name} gave a text")
    return filled


def begin_choice(turn: Turn, state: ChoiceState, place: Place, branch: Branch) -> Outcome:
    env = turn.env(place, branch)
    document = effective_input(state, branch, env)
    for rule in state.rules:
        if rule.holds(document, env):
            return shaped(turn, state, branch, env, document, document, rule.next, rule.assign, rule.output)
    if state.default is None:
        raise StatesError(RUNTIME, NO_NEXT_STATE)
    return leave(turn, state, branch, env, document, result=document, next_state=state.default)


def begin_wait(turn: Turn, state: WaitState, place: Place, branch: Branch) -> Outcome:
    env = turn.env(place, branch)
    document = effective_input(state, branch, env)
    branch.waiting = Waiting.CLOCK
    turn.set_timer(branch, Waiting.CLOCK, turn.scaled(_wait_s(turn, state, document, env)))
    return branch


def _wait_s(turn: Turn, state: WaitState, document: Json, env: Env) -> float:
    if state.seconds.value is not None:
        return state.seconds.value
    if state.seconds.path is not None:
        return float(whole_seconds(state.seconds.path, "SecondsPath", document, env, least=0))
    if state.seconds.query is not None:
        return float(queried_seconds(state.seconds.query, "Seconds", env, least=0))
    at = state.timestamp
    if state.timestamp_query is not None:
        at = _queried_timestamp(state.timestamp_query, env)
    if state.timestamp_path is not None:
        text = read(state.timestamp_path, document, env)
        at = parse_timestamp(text)
        if at is None:
            raise StatesError(
                RUNTIME,
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format "
                f"string: {state.timestamp_path.text} == {text}",
            )
    return max(0.0, (at or 0.0) - turn.now.at)


def whole_seconds(path: Path, field_name: str, document: Json, env: Env, *, least: int = 1) -> int:
    value = read(path, document, env)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not least <= value <= 99_999_999:
        raise StatesError(
            RUNTIME,
            f"The {field_name} parameter does not reference a valid integer value of {least} to 99999999: "
            f"{path.text} == {value}",
        )
    return int(value)


def _queried_timestamp(query: Expression, env: Env) -> float:
    text = query(None, env)
    at = parse_timestamp(text)
    if at is None:
        problem = f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {text}"
        raise QueryFailed(problem, "Timestamp")
    return at


def queried_seconds(query: Expression, field_name: str, env: Env, *, least: int = 1) -> int:
    """Raises ``QueryFailed`` unless the query gives a whole number in the language's bounds."""
    value = query(None, env)
    if type(value) is not int or not least <= value <= 99_999_999:
        problem = f"The {field_name} field must be a valid integer value of {least} to 99999999: {value}"
        raise QueryFailed(problem, field_name)
    return value


def resume_wait(turn: Turn, state: WaitState, place: Place, branch: Branch) -> Outcome:
    """The timer of a Wait state has fired."""
    env = turn.env(place, branch)
    document = effective_input(state, branch, env)
    return leave(turn, state, branch, env, document, result=document, next_state=state.next)
