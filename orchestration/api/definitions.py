"""Whether a machine may be created: the language's own check, Express's limits, and what nothing here serves. Pure."""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from orchestration.api.errors import ApiError
from orchestration.asl.checking import Problem, Severity, check
from orchestration.asl.findings import SCHEMA
from orchestration.asl.loading import MAX_GRAPH_DEPTH
from orchestration.machines.model import EXPRESS
from orchestration.tasks.supported import unsupported

CALLBACK: Final = ".waitForTaskToken"
JOB: Final = ".sync"
ACTIVITY: Final = ":activity:"
MAX_TOLD: Final = 100


def problems_of(text: str, kind: str) -> list[Problem]:
    """``kind``: STANDARD or EXPRESS."""
    problems = check(text)
    if any(problem.severity is Severity.ERROR for problem in problems):
        return problems if kind != EXPRESS else [*problems, *_express_of(text)]
    return [*problems, *_express_of(text)] if kind == EXPRESS else problems


def told_problems(text: str, kind: str, *, mocked: bool) -> list[Problem]:
    """With what no integration serves, once all else is right; ``mocked``: a mock file may answer for any."""
    problems = problems_of(text, kind)
    if any(problem.severity is Severity.ERROR for problem in problems):
        return problems
    return [*problems, *unsupported(orjson.loads(text), mocked=mocked)]


def refuse(problems: list[Problem]) -> None:
    """Raises ``ApiError`` InvalidDefinition, which tells every error, up to a bound."""
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        told = ", ".join(map(_told, errors[:MAX_TOLD]))
        raise ApiError("InvalidDefinition", f"Invalid State Machine Definition: '{told}'")


def _told(problem: Problem) -> str:
    return f"{problem.code}: {problem.message} at {problem.path or 'null'}"


def _express_of(text: str) -> Iterator[Problem]:
    try:
        definition = orjson.loads(text)
    except orjson.JSONDecodeError:
        return
    yield from express_problems(definition)


def express_problems(graph: Any, path: str = "", depth: int = 0) -> Iterator[Problem]:
    """What Express does not do: wait for a callback, a job's end or an activity, or run a distributed Map."""
    states = graph.get("States") if isinstance(graph, dict) else None
    if not isinstance(states, dict) or depth > MAX_GRAPH_DEPTH:
        return
    for name, state in states.items():
        if isinstance(state, dict):
            yield from _state(state, f"{path}/States/{name}", depth)


def _state(state: dict[str, Any], path: str, depth: int) -> Iterator[Problem]:
    resource = state.get("Resource")
    if state.get("Type") == "Task" and isinstance(resource, str):
        yield from _resource(resource, f"{path}/Resource")
    for field in ("ItemProcessor", "Iterator"):
        processor = state.get(field)
        if isinstance(processor, dict):
            config = processor.get("ProcessorConfig")
            if isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED":
                message = "Express state machine does not support Map state with mode 'DISTRIBUTED'"
                yield Problem(SCHEMA, f"{path}/{field}/ProcessorConfig/Mode", message)
            yield from express_problems(processor, f"{path}/{field}", depth + 1)
    branches = state.get("Branches")
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        yield from express_problems(branch, f"{path}/Branches[{index}]", depth + 1)


def _resource(resource: str, path: str) -> Iterator[Problem]:
    if resource.endswith(CALLBACK):
        # The blank at its end is AWS's.
        yield Problem(SCHEMA, path, f"Express state machine does not support '{CALLBACK}' service integration ")
    elif resource.endswith((JOB, f"{JOB}:2")):
        yield Problem(SCHEMA, path, f"Express state machine does not support '{JOB}' service integration")
    elif ACTIVITY in resource:
        yield Problem(SCHEMA, path, "Express state machine does not support activities")
