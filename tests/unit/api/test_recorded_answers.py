"""The recorded answers of AWS to CreateStateMachine, ValidateStateMachineDefinition and TestState, against ours.

The recordings are not part of the project; where they are not at hand these tests are skipped.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any, Final, cast

import pytest
from nats.aio.client import Client

from orchestration.api.app import api_services, handlers
from orchestration.api.errors import ApiError
from orchestration.api.protocol import Handlers
from orchestration.api.validation import checked
from services.settings import Settings

RECORDED: Final = Path(__file__).parents[4] / "shared" / "asl-cases"
KINDS: Final = {
    "create_error": "CreateStateMachine",
    "validate": "ValidateStateMachineDefinition",
    "test_state": "TestState",
}
# Of the recorded answers: as many as are right in all they say, and in their codes, states and outputs.
EXACT_PERCENT: Final = 95
API_PERCENT: Final = 100


def _cases() -> list[dict[str, Any]]:
    with (RECORDED / "cases.jsonl").open() as lines:
        return [case for case in map(json.loads, lines) if case["kind"] in KINDS]


def _runner() -> Any:
    spec = importlib.util.spec_from_file_location("asl_cases_run", RECORDED / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _request(case: dict[str, Any]) -> dict[str, Any]:
    definition = case["definition_text"] if "definition_text" in case else json.dumps(case["definition"])
    if case["kind"] == "create_error":
        return {"name": "m", "roleArn": "arn:aws:iam::0:role/r", "definition": definition, "type": case["type"]}
    if case["kind"] == "validate":
        return {"definition": definition, "type": case["type"]}
    request = {**case.get("request", {}), "definition": definition}
    if "input_text" in case:
        return {**request, "input": case["input_text"]}
    return request if case.get("input") is None else {**request, "input": json.dumps(case["input"])}


async def _answered(runner: Any, table: Handlers, case: dict[str, Any]) -> dict[str, Any]:
    operation = KINDS[case["kind"]]
    try:
        answer = await table[operation](checked(operation, _request(case)))
    except ApiError as error:
        return {"api_error": {"code": error.code, "message": error.message}}
    answer = {name: value for name, value in answer.items() if value is not None}
    if "output" in answer:
        answer["output"] = runner.payload(answer["output"])
    if "inspectionData" in answer:
        answer["inspectionData"] = {name: runner.payload(value) for name, value in answer["inspectionData"].items()}
    normal: dict[str, Any] = runner.normalize(answer)
    return normal


@pytest.mark.skipif(not RECORDED.exists(), reason=f"no recordings at {RECORDED}")
async def test_the_recorded_answers_come_again() -> None:
    runner = _runner()
    settings = Settings(component="api")
    table = handlers(api_services(settings, cast(Client, None), {}, mocked=True))
    levels: dict[str, list[bool]] = {"api": [], "exact": []}
    wrong = []
    cases = _cases()
    for case in cases:
        result = await _answered(runner, table, case)
        reached = runner.api_levels(case, result)
        for level, ok in reached.items():
            levels[level].append(ok)
        if not all(reached.values()):
            wrong.append(f"{case['id']} {reached}: expected {case['expected']} got {result}")
    told = "\n".join(wrong)
    print(told)
    assert 100 * sum(levels["api"]) >= API_PERCENT * len(cases), told
    assert 100 * sum(levels["exact"]) >= EXACT_PERCENT * len(cases), told
