"""Requests against AWS's service model: whatever is sent, the answer is a request or an error of AWS's."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.api.errors import ApiError
from orchestration.api.model import operations
from orchestration.api.protocol import parse
from orchestration.api.validation import checked

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
member_names = st.sampled_from(
    ["name", "definition", "stateMachineArn", "tags", "routingConfiguration", "maxResults", "publish", "mock", "type"]
)


def code_of(work: Callable[[], Any]) -> str | None:
    """The error's code; None: there was none."""
    try:
        work()
    except ApiError as error:
        return error.code
    return None


@settings(max_examples=60)
@given(st.sampled_from(sorted(operations())), st.dictionaries(member_names, json_values))
def test_any_request_is_accepted_or_refused_by_name(operation: str, request: dict[str, Any]) -> None:
    code = code_of(lambda: checked(operation, request))
    assert code in (None, "SerializationException", "ValidationException")


@given(st.binary(max_size=50))
def test_any_body_is_parsed_or_refused_by_name(body: bytes) -> None:
    assert code_of(lambda: parse(body)) in (None, "SerializationException")


def refused(operation: str, **request: Any) -> str:
    with pytest.raises(ApiError) as caught:
        checked(operation, request)
    return caught.value.message


def test_null_and_unknown_members_are_left_out() -> None:
    assert checked("ListStateMachines", {"nextToken": None, "maxResults": 5, "more": 1}) == {"maxResults": 5}


def test_a_missing_member_is_told_as_null() -> None:
    told = "1 validation error detected: Value null at 'stateMachineArn' failed to satisfy constraint: "
    assert refused("DescribeStateMachine") == told + "Member must not be null"


def test_a_member_of_a_list_is_told_with_its_place() -> None:
    routes = [{"stateMachineVersionArn": "a", "weight": 1}, {"stateMachineVersionArn": "a", "weight": 101}]
    assert refused("CreateStateMachineAlias", name="a", routingConfiguration=routes) == (
        "1 validation error detected: Value '101' at 'routingConfiguration.2.member.weight' failed to satisfy "
        "constraint: Member must have value less than or equal to 100"
    )


def test_a_secret_value_is_not_repeated() -> None:
    told = refused("StartExecution", stateMachineArn="a", input="ä" * 200_000)
    assert told == (
        "1 validation error detected: Value at 'input' failed to satisfy constraint: "
        "Member must have length less than or equal to 262144"
    )


def test_a_pattern_is_told() -> None:
    routes = [{"stateMachineVersionArn": "a", "weight": 100}]
    told = refused("CreateStateMachineAlias", name="1", routingConfiguration=routes)
    assert "Member must satisfy regular expression pattern: ^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$" in told


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 1e30, -1e30, 10**40])
def test_a_number_of_more_bits_than_its_member_is_no_number(number: float) -> None:
    arn = "arn:aws:states:us-east-1:000000000000:mapRun:m/l:x"
    assert code_of(lambda: checked("ListStateMachines", {"maxResults": number})) == "SerializationException"
    updated = {"mapRunArn": arn, "maxConcurrency": number}
    assert code_of(lambda: checked("UpdateMapRun", updated)) == "SerializationException"


def test_a_long_number_has_64_bits() -> None:
    def limited(count: float) -> str | None:
        return code_of(lambda: checked("UpdateMapRun", {"mapRunArn": "a", "toleratedFailureCount": count}))

    assert limited(2**31) is None
    assert limited(2**63 - 1) is None
    assert limited(2**63) == "SerializationException"
