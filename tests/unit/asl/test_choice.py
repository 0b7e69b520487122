"""Every comparison operator, with a value that fits, one that does not, and one of another type."""

from typing import Any

import pytest

from orchestration.asl.choice import OPERATORS, compile_rule
from orchestration.asl.errors import StatesError
from orchestration.asl.paths import Env

ENV = Env(dict, {"v": 5})
EARLY, LATE = "2024-01-01T00:00:00Z", "2024-01-01T02:00:00+01:00"

# operator, operand, a value that matches, one that does not
CASES: list[tuple[str, Any, Any, Any]] = [
    ("StringEquals", "b", "b", "a"),
    ("StringLessThan", "b", "a", "b"),
    ("StringGreaterThan", "b", "c", "b"),
    ("StringLessThanEquals", "b", "b", "c"),
    ("StringGreaterThanEquals", "b", "b", "a"),
    ("NumericEquals", 1, 1.0, 2),
    ("NumericLessThan", 1, 0.5, 1),
    ("NumericGreaterThan", 1, 2, 1),
    ("NumericLessThanEquals", 1, 1, 1.1),
    ("NumericGreaterThanEquals", 1, 1, 0),
    ("BooleanEquals", True, True, False),
    ("TimestampEquals", EARLY, "2024-01-01T00:00:00.000+00:00", LATE),
    ("TimestampLessThan", LATE, EARLY, LATE),
    ("TimestampGreaterThan", EARLY, LATE, EARLY),
    ("TimestampLessThanEquals", EARLY, EARLY, LATE),
    ("TimestampGreaterThanEquals", LATE, LATE, EARLY),
]
TYPE_CASES: list[tuple[str, Any, Any]] = [
    ("IsNull", None, 0),
    ("IsNumeric", 1.5, True),
    ("IsString", "", 1),
    ("IsBoolean", False, 0),
    ("IsTimestamp", EARLY, "2024-01-01"),
]


def holds(rule: dict[str, Any], document: Any) -> bool:
    return compile_rule({"Variable": "$.v", **rule}, "")(document, ENV)


@pytest.mark.parametrize(("operator", "operand", "match", "other"), CASES)
def test_comparisons_with_a_value_and_with_a_path(operator: str, operand: Any, match: Any, other: Any) -> None:
    by_value, by_path = {operator: operand}, {f"{operator}Path": "$.w"}
    assert holds(by_value, {"v": match})
    assert not holds(by_value, {"v": other})
    assert holds(by_path, {"v": match, "w": operand})
    assert not holds(by_path, {"v": other, "w": operand})
    for stranger in (None, [], {}, "zz" if operator.startswith(("Numeric", "Boolean", "Timestamp")) else 3):
        assert not holds(by_value, {"v": stranger})
        assert not holds(by_path, {"v": match, "w": stranger})


@pytest.mark.parametrize(("operator", "match", "other"), TYPE_CASES)
def test_type_tests(operator: str, match: Any, other: Any) -> None:
    assert holds({operator: True}, {"v": match})
    assert holds({operator: False}, {"v": other})
    assert not holds({operator: True}, {"v": other})


def test_every_operator_is_tested_here() -> None:
    tested = {operator for operator, *_ in CASES} | {f"{operator}Path" for operator, *_ in CASES}
    assert tested | {operator for operator, *_ in TYPE_CASES} | {"IsPresent", "StringMatches"} == OPERATORS


def test_is_present() -> None:
    assert holds({"IsPresent": True}, {"v": None})
    assert holds({"IsPresent": False}, {})


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("a*c", "abbc", True),
        ("a*c", "ac", True),
        ("a*c", "abd", False),
        ("ab*ba", "aba", False),
        ("*.log", "x.log", True),
        ("a*b*c", "a-b-b-c", True),
        ("a\\*", "a*", True),
        ("a\\*", "ab", False),
        ("plain", "plain", True),
    ],
)
def test_string_matches(pattern: str, text: str, matches: bool) -> None:
    assert holds({"StringMatches": pattern}, {"v": text}) is matches


def test_and_or_not_nest() -> None:
    rule = {
        "And": [
            {"Variable": "$.a", "NumericGreaterThan": 0},
            {"Or": [{"Variable": "$.b", "IsNull": True}, {"Not": {"Variable": "$.c", "StringEquals": "x"}}]},
        ]
    }
    compiled = compile_rule(rule, "")
    assert compiled({"a": 1, "b": None, "c": "x"}, ENV)
    assert not compiled({"a": 1, "b": 1, "c": "x"}, ENV)
    assert not compiled({"a": 0, "b": None, "c": "y"}, ENV)


def test_a_missing_variable_is_states_runtime() -> None:
    with pytest.raises(StatesError, match="condition path references an invalid value"):
        holds({"IsNull": True}, {})


def test_a_variable_of_the_machine_can_be_compared() -> None:
    assert holds({"Variable": "$v", "NumericEquals": 5}, {})
