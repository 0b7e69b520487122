"""The state that a TestState request is about: found in its definition, checked, and checked against its mock. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from orchestration.api.definitions import ACTIVITY, CALLBACK, JOB, problems_of, refuse
from orchestration.api.errors import ApiError, validation
from orchestration.api.mock_results import STRICT, check_result
from orchestration.api.payloads import BadPayload, json_text, parsed
from orchestration.asl.protocol import Json
from orchestration.machines.model import STANDARD

StateDefinition = dict[str, Any]

SINGLE: Final = "StateName"
FANS: Final = frozenset({"Map", "Parallel"})
MOCKABLE: Final = FANS | {"Task"}
JSONPATH: Final = "JSONPath"


@dataclass(frozen=True)
class Mock:
    """What the state's work ends with: ``error`` where it is not None, else ``result``."""

    result: Json = None
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True)
class TestedState:
    __test__ = False

    name: str
    definition: StateDefinition
    language: str

    @property
    def type(self) -> str:
        return str(self.definition["Type"])

    @property
    def resource(self) -> str:
        return str(self.definition.get("Resource", ""))


def tested_state(text: str, name: str | None) -> TestedState:
    """Raises ``ApiError``: InvalidDefinition, or ValidationException where the machine has no such state."""
    if name is None:
        return _single(text)
    refuse(problems_of(text, STANDARD))
    machine = orjson.loads(text)
    for graph in _graphs(machine):
        if name in graph["States"]:
            state = graph["States"][name]
            return TestedState(name, state, state.get("QueryLanguage") or machine.get("QueryLanguage") or JSONPATH)
    raise validation(f"State '{name}' not found in definition")


def _single(text: str) -> TestedState:
    try:
        state = orjson.loads(text)
    except orjson.JSONDecodeError:
        state = None
    if not isinstance(state, dict):
        refuse(problems_of(text, STANDARD))
        raise ApiError("InvalidDefinition", "Invalid State Machine Definition: a state must be an object")
    targets = {target: {"Type": "Succeed"} for target in _targets(state) if target != SINGLE}
    try:
        machine = json_text({"StartAt": SINGLE, "States": {SINGLE: state, **targets}})
    except orjson.JSONEncodeError as error:
        why = "Invalid State Machine Definition: the state is nested too deep"
        raise ApiError("InvalidDefinition", why) from error
    refuse(problems_of(machine, STANDARD))
    return TestedState(SINGLE, state, state.get("QueryLanguage") or JSONPATH)


def _targets(state: StateDefinition) -> Iterator[str]:
    rules = [rule for ways in ("Choices", "Catch") for rule in _list(state.get(ways))]
    for target in [state.get("Next"), state.get("Default"), *(rule.get("Next") for rule in rules)]:
        if isinstance(target, str):
            yield target


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _graphs(graph: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield graph
    for state in graph["States"].values():
        inner = [state.get("ItemProcessor"), state.get("Iterator"), *(state.get("Branches") or ())]
        for each in inner:
            if isinstance(each, dict):
                yield from _graphs(each)


def mock_of(state: TestedState, given: Mapping[str, Any] | None, configuration: Mapping[str, Any]) -> Mock | None:
    """Raises ``ApiError`` for a state that needs a mock or takes none, and for a result that could not come."""
    if given is None:
        _refuse_unmocked(state, configuration)
        return None
    if state.type not in MOCKABLE:
        raise validation(f"State type '{state.type}' is not supported when a mock is specified")
    if ("result" in given) == ("errorOutput" in given):
        raise validation("A test mock should have only one of the following fields: [result, errorOutput].")
    if "errorOutput" in given:
        error = given["errorOutput"]
        if "error" not in error:
            raise validation("The field 'error' is required in the mocked error output.")
        return Mock(error=error["error"], cause=error.get("cause"))
    try:
        result = parsed(given["result"])
    except BadPayload as error:
        raise validation(f"Mocked result must be valid JSON: {error}") from error
    _check_result(state, result, given.get("fieldValidationMode", STRICT))
    return Mock(result)


def _refuse_unmocked(state: TestedState, configuration: Mapping[str, Any]) -> None:
    if state.type in FANS:
        raise ApiError(
            "InvalidDefinition",
            "TestState API does not support Map or Parallel states. "
            "Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]",
        )
    outside = (CALLBACK, JOB, f"{JOB}:2")
    if state.type == "Task" and (ACTIVITY in state.resource or state.resource.endswith(outside)):
        raise ApiError(
            "InvalidDefinition",
            "TestState API does not support Activity tasks, .sync or .waitForTaskToken service integration patterns "
            "when no mock is specified",
        )
    if configuration:
        raise validation("State configuration can only be specified when a mock is specified.")


def _check_result(state: TestedState, result: Json, mode: str) -> None:
    if state.type == "Map" and "ResultWriter" in state.definition:
        if not isinstance(result, dict):
            raise validation("Mocked result must be a JSON object.")
    elif state.type in FANS:
        if not isinstance(result, list):
            raise validation("Mocked result must be an array.")
        if state.type == "Parallel" and len(result) != len(state.definition["Branches"]):
            raise validation("Mocked result must contain the same number of items as number of Parallel branches.")
    else:
        check_result(state.resource, result, mode)
