"""The mock file: which answer a call gets, and what a malformed file is told."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.asl.protocol import RunTask, TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.tasks.mock_file import MockFile, MockFileInvalid, load, mock_of, read
from orchestration.tasks.registry import Tasks


def file_of(responses: dict[str, Any], state: str = "S") -> MockFile:
    content = {
        "StateMachines": {"m": {"TestCases": {"t": {state: "R"}}}},
        "MockedResponses": {"R": responses},
    }
    problems: list[str] = []
    made = read(content, problems)
    assert not problems
    return made


def task(resource: str = "arn:aws:states:::dynamodb:getItem", call: int = 0, **more: Any) -> RunTask:
    fields = {"state": "S", "mock": mock_of("m", "t"), **more}
    return RunTask(entry=7, key="k:7", resource=resource, parameters={}, attempt=1, call=call, **fields)


def test_the_number_of_the_call_chooses_the_answer() -> None:
    made = file_of({"0": {"Return": 0}, "1-3": {"Throw": {"Error": "E", "Cause": "c"}}, "4": {"Return": 4}})
    assert made.told(task(call=0)) == TaskSucceeded(7, 0)
    assert [made.told(task(call=n)) for n in (1, 2, 3)] == [TaskFailed(7, "E", "c")] * 3
    assert made.told(task(call=4)) == TaskSucceeded(7, 4)
    beyond = made.told(task(call=5))
    assert isinstance(beyond, TaskFailed)
    assert (beyond.error, "call 5 of the state 'S'" in str(beyond.cause)) == ("States.Runtime", True)


@pytest.mark.parametrize(
    ("resource", "answer", "told"),
    [
        ("arn:aws:states:::batch:submitJob.sync", {"Return": {"a": 1}}, TaskSucceeded(7, {"a": 1}, submitted={})),
        ("arn:aws:states:::batch:submitJob.sync", {"Throw": {"Error": "E"}}, TaskFailed(7, "E", None, submitted={})),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", {"Return": {"a": 1}}, TaskSubmitted(7, {"a": 1})),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", {"Throw": {"Error": "E"}}, TaskFailed(7, "E", None)),
        ("arn:aws:lambda:us-east-1:0:function:f", {"Return": {"Payload": [1]}}, TaskSucceeded(7, [1])),
        ("arn:aws:states:::lambda:invoke", {"Return": {"Payload": [1]}}, TaskSucceeded(7, {"Payload": [1]})),
        ("arn:aws:states:::lambda:invoke", {"Throw": {"Error": "E", "Cause": ""}}, TaskFailed(7, "E", None)),
        ("arn:aws:states:::lambda:invoke", {"Throw": {"Error": "", "Cause": ""}}, TaskFailed(7, None, None)),
    ],
)
def test_an_answer_ends_the_task_as_its_pattern_wants(resource: str, answer: Any, told: Any) -> None:
    assert file_of({"0": answer}).told(task(resource)) == told


async def test_what_a_test_case_leaves_out_goes_to_the_integration_and_activities_always_do() -> None:
    tasks = Tasks({}, file_of({"0": {"Return": 1}}))
    assert tasks.told_at_once(task()) is None
    assert await tasks.run("e", task()) == TaskSucceeded(7, 1)
    for other in (task(state="T"), task("arn:aws:states:us-east-1:0:activity:a"), task(mock="")):
        told = await tasks.run("e", other)
        assert isinstance(told, TaskFailed)
        assert "no integration" in str(told.cause)
    told = await tasks.run("e", task(mock="m#other"))
    assert isinstance(told, TaskFailed)
    assert "no test case" in str(told.cause)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "the file: must be a JSON object"),
        ({}, "StateMachines: must be a JSON object"),
        ({"StateMachines": {"m": {}}}, "StateMachines.m.TestCases: must be a JSON object"),
        ({"StateMachines": {"m": {"TestCases": {"t": {"S": "R"}}}}}, "TestCases.t.S: MockedResponses has no 'R'"),
        ({"StateMachines": {}, "MockedResponses": {"R": {"x": {"Return": 1}}}}, "'x' is neither a number nor a range"),
        ({"StateMachines": {}, "MockedResponses": {"R": {"2-1": {"Return": 1}}}}, "'2-1' is neither"),
        ({"StateMachines": {}, "MockedResponses": {"R": {"0": {"Throw": {}}}}}, "R.0: must be"),
        (
            {"StateMachines": {}, "MockedResponses": {"R": {"0": {"Return": 1, "Throw": {"Error": "E"}}}}},
            "R.0: must be",
        ),
        (
            {"StateMachines": {}, "MockedResponses": {"R": {"0-2": {"Return": 1}, "2": {"Return": 1}}}},
            "call 2 has two answers",
        ),
    ],
)
def test_a_malformed_file_is_one_clear_error(tmp_path: Path, content: Any, problem: str) -> None:
    file = tmp_path / "mocks.json"
    file.write_bytes(orjson.dumps(content))
    with pytest.raises(MockFileInvalid) as raised:
        load(file)
    assert problem in str(raised.value)
    assert str(file) in str(raised.value)


def test_a_file_that_is_not_there_or_not_json_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MockFileInvalid, match="cannot be read"):
        load(tmp_path / "absent.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(MockFileInvalid, match="not JSON"):
        load(tmp_path / "broken.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["StateMachines", "MockedResponses", "TestCases", "0", "1-2", "Return", "Throw", "Error"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_whatever_a_file_holds_is_read_or_told(content: Any) -> None:
    problems: list[str] = []
    read(content, problems)
