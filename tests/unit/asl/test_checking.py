"""What is wrong with a definition: every problem at once, each with its place."""

from typing import Any

import pytest

from orchestration.asl.checking import check
from orchestration.asl.errors import DefinitionInvalid
from orchestration.asl.interpreter import load_machine
from tests.unit.asl.world import single, states


def found(definition: Any) -> set[tuple[str, str]]:
    return {(problem.code, problem.path) for problem in check(definition)}


SCHEMA, TARGET = "SCHEMA_VALIDATION_FAILED", "MISSING_TRANSITION_TARGET"


def test_a_good_definition_has_no_problem() -> None:
    assert check(single(Type="Pass")) == []


def test_all_problems_are_told_at_once() -> None:
    machine = states(
        "Nowhere",
        A={"Type": "Pass", "Next": "Missing", "InputPath": "x", "Parameters": {"a.$": "nonsense", "b.$": 5}},
        B={"Type": "Wait"},
        C={"Type": "Guess"},
    )
    assert found(machine) == {
        (TARGET, "/StartAt"),
        (TARGET, "/States/A/Next"),
        (SCHEMA, "/States/A/InputPath"),
        (SCHEMA, "/States/A/Parameters/a.$"),
        (SCHEMA, "/States/B"),
        (SCHEMA, "/States/C/Type"),
        (SCHEMA, "/States"),
    }


@pytest.mark.parametrize(
    ("definition", "code", "path"),
    [
        ("{", "INVALID_JSON_DESCRIPTION", "/"),
        ('"text"', SCHEMA, "/"),
        ("[" * 3000 + "]" * 3000, "INVALID_JSON_DESCRIPTION", "/"),
        ('{"a":' * 400 + "1" + "}" * 400, "INVALID_JSON_DESCRIPTION", "/"),
        (" " * 1_100_000, SCHEMA, "/"),
        ({"States": {"A": {"Type": "Succeed"}}}, SCHEMA, "/"),
        ({"StartAt": "A", "States": {}}, SCHEMA, "/States"),
        (states("x" * 81, **{"x" * 81: {"Type": "Succeed"}}), SCHEMA, f"/States/{'x' * 81}"),
        (states("A", A={"Type": "Succeed"}, B={"Type": "Succeed"}), TARGET, "/States/B"),
        (single(Type="Pass", Next="S"), SCHEMA, "/States/S"),
        (single(Type="Pass", Nonsense=1), SCHEMA, "/States/S/Nonsense"),
        (single(Type="Pass", ResultPath="$.a[*]"), SCHEMA, "/States/S/ResultPath"),
        (single(Type="Pass", InputPath="$.a[?(@.b)]"), SCHEMA, "/States/S/InputPath"),
        (single(Type="Task"), SCHEMA, "/States/S"),
        (single(Type="Task", Resource="r", TimeoutSeconds=0), SCHEMA, "/States/S/TimeoutSeconds"),
        (single(Type="Task", Resource="r", TimeoutSeconds=1.5), SCHEMA, "/States/S/TimeoutSeconds"),
        (single(Type="Task", Resource="r", TimeoutSeconds=5, HeartbeatSeconds=5), SCHEMA, "/States/S/HeartbeatSeconds"),
        (single(Type="Task", Resource="r", TimeoutSeconds=5, TimeoutSecondsPath="$.t"), SCHEMA, "/States/S"),
        (single(Type="Task", Resource="r", Retry=[{"ErrorEquals": []}]), SCHEMA, "/States/S/Retry[0]/ErrorEquals"),
        (
            single(Type="Task", Resource="r", Retry=[{"ErrorEquals": ["States.ALL", "E"]}]),
            SCHEMA,
            "/States/S/Retry[0]/ErrorEquals",
        ),
        (
            single(Type="Task", Resource="r", Retry=[{"ErrorEquals": ["E"], "BackoffRate": 0.5}]),
            SCHEMA,
            "/States/S/Retry[0]/BackoffRate",
        ),
        (single(Type="Task", Resource="r", Catch=[{"ErrorEquals": ["E"]}]), SCHEMA, "/States/S/Catch[0]"),
        (single(Type="Choice", Choices=[]), SCHEMA, "/States/S/Choices"),
        (single(Type="Choice", Choices=[{"Next": "S"}]), SCHEMA, "/States/S/Choices[0]"),
        (
            single(Type="Choice", Choices=[{"Variable": "$.a", "NumericEquals": "1", "Next": "S"}]),
            SCHEMA,
            "/States/S/Choices[0]/NumericEquals",
        ),
        (single(Type="Wait", Seconds=1, Timestamp="2024-01-01T00:00:00Z"), SCHEMA, "/States/S"),
        (single(Type="Wait", Timestamp="tomorrow"), SCHEMA, "/States/S/Timestamp"),
        (single(Type="Fail", Error="E", ErrorPath="$.e"), SCHEMA, "/States/S"),
    ],
)
def test_what_is_refused(definition: Any, code: str, path: str) -> None:
    assert (code, path) in found(definition)


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        ({"QueryLanguage": "JSONata", **single(Type="Pass")}, "JSONata"),
        (single(Type="Pass", QueryLanguage="JSONata"), "JSONata"),
        (single(Type="Pass", Output="{% 1 %}"), "Output"),
        (single(Type="Task", Resource="r", Credentials={}), "Credentials"),
        (single(Type="Map", ItemProcessor=single(Type="Pass"), ItemReader={}), "ItemReader"),
        (
            single(Type="Map", ItemProcessor={"ProcessorConfig": {"Mode": "DISTRIBUTED"}, **single(Type="Pass")}),
            "DISTRIBUTED",
        ),
    ],
)
def test_what_is_not_supported_yet_is_refused_by_name(definition: dict[str, Any], name: str) -> None:
    assert any(name in problem.message and "not supported yet" in problem.message for problem in check(definition))
    with pytest.raises(DefinitionInvalid):
        load_machine(definition)
