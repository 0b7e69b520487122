"""AWS Step Functions Local's mock file: recorded answers, by state machine, test case, state and number of the call.

Pure but for ``load``. Must not know any service: a Return is what the service would have answered.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from orchestration.asl.errors import RUNTIME
from orchestration.asl.machine import Pattern, TaskKind
from orchestration.asl.protocol import Json, RunTask, TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.asl.resources import parse_resource
from orchestration.errors import OrchestrationError

SEPARATOR: Final = "#"  # between machine and test case, as in the ARN that starts an execution


class MockFileInvalid(OrchestrationError):
    """Give up: the file is not there, or does not say what a mock file says. The message lists every problem."""


@dataclass(frozen=True)
class Returned:
    value: Json


@dataclass(frozen=True)
class Thrown:
    error: str | None
    cause: str | None


@dataclass(frozen=True)
class Answers:
    """Of calls number ``first`` to ``last``, from 0."""

    first: int
    last: int
    answer: Returned | Thrown


Responses = tuple[Answers, ...]


@dataclass(frozen=True)
class MockFile:
    """``cases``: machine -> test case -> state -> its answers."""

    cases: Mapping[str, Mapping[str, Mapping[str, Responses]]] = field(default_factory=dict)

    def has(self, machine: str, case: str) -> bool:
        return case in self.cases.get(machine, {})

    def answers(self, task: RunTask) -> bool:
        """Activities have workers of their own; of a test case that is not there, the file tells so."""
        if parse_resource(task.resource).kind is TaskKind.ACTIVITY:
            return False
        return self._responses(task) is not None or not self.has(*_parts(task))

    def told(self, task: RunTask) -> TaskSucceeded | TaskSubmitted | TaskFailed:
        responses = self._responses(task)
        if responses is None:
            return TaskFailed(task.entry, RUNTIME, f"the mock file has no test case {task.mock!r}")
        found = next((each.answer for each in responses if each.first <= task.call <= each.last), None)
        if found is None:
            cause = f"the mock file has no answer for call {task.call} of the state {task.state!r} in {task.mock}"
            return TaskFailed(task.entry, RUNTIME, cause)
        resource = parse_resource(task.resource)
        submitted: Json = {} if resource.pattern is Pattern.JOB else None
        if isinstance(found, Thrown):
            return TaskFailed(task.entry, found.error, found.cause, submitted=submitted)
        if resource.pattern is Pattern.CALLBACK:
            return TaskSubmitted(task.entry, found.value)
        value = found.value
        if resource.kind is TaskKind.LAMBDA and isinstance(value, dict) and "Payload" in value:
            value = value["Payload"]
        return TaskSucceeded(task.entry, value, submitted=submitted)

    def _responses(self, task: RunTask) -> Responses | None:
        machine, case = _parts(task)
        return self.cases.get(machine, {}).get(case, {}).get(task.state)


NO_MOCKS: Final = MockFile()


def _parts(task: RunTask) -> tuple[str, str]:
    """Machine and test case."""
    machine, _, case = task.mock.partition(SEPARATOR)
    return machine, case


def mock_of(machine: str, case: str) -> str:
    """As a ``RunTask`` names it."""
    return f"{machine}{SEPARATOR}{case}"


def load(path: Path) -> MockFile:
    """Raises ``MockFileInvalid``."""
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise MockFileInvalid(f"the mock file {path} cannot be read: {error.strerror or error}") from error
    except orjson.JSONDecodeError as error:
        raise MockFileInvalid(f"the mock file {path} is not JSON: {error}") from error
    problems: list[str] = []
    made = read(content, problems)
    if problems:
        raise MockFileInvalid("\n".join([f"the mock file {path} is malformed:", *problems]))
    return made


def read(content: Json, problems: list[str]) -> MockFile:
    """Every problem is added to ``problems``, with its place."""
    top = _object(content, "the file", problems)
    responses = {
        name: _responses(entry, f"MockedResponses.{name}", problems)
        for name, entry in _object(top.get("MockedResponses", {}), "MockedResponses", problems).items()
    }
    cases: dict[str, dict[str, dict[str, Responses]]] = {}
    for machine, entry in _object(top.get("StateMachines"), "StateMachines", problems).items():
        place = f"StateMachines.{machine}"
        entry = _object(entry, place, problems)
        tests = _object(entry.get("TestCases"), f"{place}.TestCases", problems)
        cases[machine] = {
            test: _states(states, f"{place}.TestCases.{test}", responses, problems) for test, states in tests.items()
        }
    return MockFile(cases)


def _states(states: Json, place: str, responses: Mapping[str, Responses], problems: list[str]) -> dict[str, Responses]:
    found: dict[str, Responses] = {}
    for state, name in _object(states, place, problems).items():
        if isinstance(name, str) and name in responses:
            found[state] = responses[name]
        else:
            problems.append(f"{place}.{state}: MockedResponses has no {name!r}")
    return found


def _responses(entry: Json, place: str, problems: list[str]) -> Responses:
    made = [
        _answers(number, answer, f"{place}.{number}", problems) for number, answer in _items(entry, place, problems)
    ]
    found = sorted((each for each in made if each is not None), key=lambda each: each.first)
    for before, after in itertools.pairwise(found):
        if after.first <= before.last:
            problems.append(f"{place}: call {after.first} has two answers")
    return tuple(found)


def _items(entry: Json, place: str, problems: list[str]) -> list[tuple[str, Json]]:
    return list(_object(entry, place, problems).items())


def _answers(number: str, answer: Json, place: str, problems: list[str]) -> Answers | None:
    first, dash, last = number.partition("-")
    if not (_is_number(first) and (_is_number(last) if dash else True)) or (dash and int(last) < int(first)):
        problems.append(f"{place}: {number!r} is neither a number nor a range such as 1-3")
        return None
    match answer:
        case {"Return": value} if len(answer) == 1:
            told: Returned | Thrown = Returned(value)
        case {"Throw": {"Error": str(error), "Cause": str(cause)} as throw} if len(answer) == 1 and len(throw) == 2:
            told = Thrown(error or None, cause or None)
        case {"Throw": {"Error": str(error)} as throw} if len(answer) == 1 and len(throw) == 1:
            told = Thrown(error or None, None)
        case _:
            problems.append(f'{place}: must be {{"Return": …}} or {{"Throw": {{"Error": "…", "Cause": "…"}}}}')
            return None
    return Answers(int(first), int(last or first), told)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _object(value: Json, place: str, problems: list[str]) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    problems.append(f"{place}: must be a JSON object")
    return {}
