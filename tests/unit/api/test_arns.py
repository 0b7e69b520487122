"""ARNs and names as clients send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.api.arns import MachineName, is_name, parse_machine, plain_machine, unlabeled_machine
from orchestration.api.errors import ApiError
from orchestration.names import machine_arn


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("m", MachineName("m")),
        ("m.1-a_b", MachineName("m.1-a_b")),
        ("m:12", MachineName("m", "12")),
        ("m:PROD", MachineName("m", "PROD")),
        ("m/label", MachineName("m", label="label")),
        ("m#Case", MachineName("m", test_case="Case")),
        ("m:PROD#Case", MachineName("m", "PROD", test_case="Case")),
    ],
)
def test_the_parts_of_an_arn_are_told(end: str, expected: MachineName) -> None:
    arn = machine_arn(end)
    assert parse_machine(arn) == expected
    assert expected.arn == arn.partition("#")[0]


def code_of(arn: str) -> str | None:
    """Of the error that parsing it gives; None: it is a machine's."""
    try:
        parse_machine(arn)
    except ApiError as error:
        return error.code
    return None


@given(st.text())
def test_any_text_is_parsed_or_refused_by_name(text: str) -> None:
    for arn in (text, machine_arn(text), f"arn:aws:states:{text}"):
        assert code_of(arn) in (None, "InvalidArn", "StateMachineDoesNotExist")


def test_a_version_is_a_number_and_an_alias_is_none() -> None:
    assert parse_machine(machine_arn("m", "12")).version == 12
    assert parse_machine(machine_arn("m", "v12")).version is None
    assert parse_machine(machine_arn("m", "١٢")).version is None


def test_operations_on_the_machine_itself_refuse_parts_of_it() -> None:
    with pytest.raises(ApiError, match="ValidationException"):
        unlabeled_machine(machine_arn("m/label"))
    with pytest.raises(ApiError, match="ValidationException"):
        plain_machine(machine_arn("m", "1"))


@given(st.text(min_size=1, max_size=80))
def test_a_name_never_holds_what_an_arn_is_made_of(name: str) -> None:
    if is_name(name):
        assert not set(name) & set(":/#*?, \t\n\0")
    assert not is_name(name + ":")
    assert not is_name("x" * 81)
