"""What is wrong with a definition: every problem at once, each with its place."""

from typing import Any

import pytest

from orchestration.asl.checking import check
from orchestration.asl.errors import DefinitionInvalid
from orchestration.asl.findings import Severity
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
        (SCHEMA, "/States/A/Parameters"),
        (SCHEMA, "/States/B"),
        (SCHEMA, "/States/C/Type"),
        ("MISSING_END_STATE", ""),
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
        (states("x" * 81, **{"x" * 81: {"Type": "Succeed"}}), "INVALID_STATE_NAME", f"/States/{'x' * 81}"),
        (states("A", A={"Type": "Succeed"}, B={"Type": "Succeed"}), TARGET, "/States/B"),
        (single(Type="Pass", Next="S"), SCHEMA, "/States/S"),
        (single(Type="Pass", Nonsense=1), SCHEMA, "/States/S"),
        (single(Type="Pass", ResultPath="$.a[*]"), SCHEMA, "/States/S/ResultPath"),
        (single(Type="Pass", InputPath="$.a[?(@.b]"), SCHEMA, "/States/S/InputPath"),
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


def jsonata(**state: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", **single(**state)}


QUERY, REFERENCE = "INVALID_JSONATA_EXPRESSION", "UNSUPPORTED_JSONATA_EXPRESSION"
ONLY_JSONATA = (
    "The QueryLanguage is set to 'JSONPath', but field '{}' is only supported for the 'JSONata' QueryLanguage"
)
ONLY_JSONPATH = (
    "The QueryLanguage is set to 'JSONata', but field '{}' is only supported for the 'JSONPath' QueryLanguage"
)
MIXED = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
LAMBDA = {"Type": "Task", "Resource": "r"}


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (single(Type="Pass", Output="{% 1 %}"), (SCHEMA, "/States/S", ONLY_JSONATA.format("Output"))),
        (jsonata(Type="Pass", InputPath="$"), (SCHEMA, "/States/S", ONLY_JSONPATH.format("InputPath"))),
        (jsonata(Type="Pass", Result=1), (SCHEMA, "/States/S", ONLY_JSONPATH.format("Result"))),
        (jsonata(Type="Pass", QueryLanguage="JSONPath"), (SCHEMA, "/States/S", MIXED)),
        (jsonata(Type="Pass", Output="{% 1 + %}"), (QUERY, "/States/S/Output", "Unexpected end of expression")),
        (
            jsonata(Type="Pass", Output={"a": ["{% a[1,2) %}"]}),
            (QUERY, "/States/S/Output/a[0]", 'Expected "]", got ","'),
        ),
        (
            jsonata(Type="Pass", Output={"v": "{% phone.x %}"}),
            (REFERENCE, "/States/S/Output/v", "Reference to 'phone' at the top level is not supported."),
        ),
        (
            jsonata(Type="Map", ItemProcessor={"QueryLanguage": "JSONata", **states("I", I={"Type": "Succeed"})}),
            (SCHEMA, "/States/S/ItemProcessor", "Field 'QueryLanguage' is not supported"),
        ),
        (single(Type="Pass", TimeoutSeconds=1), (SCHEMA, "/States/S", "Field 'TimeoutSeconds' is not supported")),
        (
            states("A", A={"Type": "Pass", "Next": "A"}, B={"Type": "Pass", "Next": "A"}),
            ("MISSING_END_STATE", "", "Workflow has no terminal state"),
        ),
        (
            single(Type="Pass", Assign={"x.$": "no path"}),
            (
                SCHEMA,
                "/States/S/Assign",
                "The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call",
            ),
        ),
    ],
)
def test_what_is_refused_in_awss_words(definition: dict[str, Any], problem: tuple[str, str, str]) -> None:
    assert [(each.code, each.path, each.message) for each in check(definition)] == [problem]
    with pytest.raises(DefinitionInvalid):
        load_machine(definition)


def test_credentials_need_a_role() -> None:
    message = "The field 'RoleArn' is required but was missing"
    for credentials in ({}, {"InvalidField": "invalid"}):
        problems = check(single(**LAMBDA, Credentials=credentials))
        assert (problems[0].path, problems[0].message) == ("/States/S/Credentials", message)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"Type": "Pass", "Parameters": {"a": "$.b"}}, "NO_DOLLAR"),
        ({"Type": "Pass", "Result": {"a.$": "$.b"}}, "PASS_RESULT_IS_STATIC"),
        ({"Type": "Fail", "Error": "$.error"}, "NO_PATH"),
    ],
)
def test_what_looks_wrong_is_warned_of_and_runs(state: dict[str, Any], code: str) -> None:
    definition = single(**state)
    assert [(each.code, each.severity) for each in check(definition)] == [(code, Severity.WARNING)]
    load_machine(definition)
