"""The intrinsic functions, their nesting and quoting. Expected values: the language's specification."""

import re
from typing import Any

import pytest

from orchestration.asl.errors import PathSyntaxError, StatesError
from orchestration.asl.expressions import compile_expression
from orchestration.asl.intrinsics import FUNCTIONS
from orchestration.asl.paths import Env

DOCUMENT = {
    "a": [1, 2, 3, 4],
    "s": "hello",
    "n": 5,
    "o": {"x": 1},
    "name": "Ann (the 1st), ok",
    "array key's": {"k": "v"},
}


def value_of(text: str) -> Any:
    return compile_expression(text)(DOCUMENT, Env(lambda: {"Execution": {"Id": "e"}}, {"var": [7]}, lambda: "0f" * 32))


CASES: list[tuple[str, Any]] = [
    ("States.Array()", []),
    (
        "States.Array('a', 1, -2.5, true, false, null, $.n, $$.Execution.Id, $var[0])",
        ["a", 1, -2.5, True, False, None, 5, "e", 7],
    ),
    ("States.ArrayPartition($.a, 3)", [[1, 2, 3], [4]]),
    ("States.ArrayContains($.a, 3)", True),
    ("States.ArrayContains($.a, true)", False),
    ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
    ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
    ("States.ArrayGetItem($.a, 2)", 3),
    ("States.ArrayLength($.a)", 4),
    ("States.ArrayUnique(States.Array(1, 2, 1, 1.0, '1', true))", [1, 2, "1", True]),
    ("States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="),
    ("States.Base64Decode('RGVjb2RlZCBkYXRh')", "Decoded data"),
    ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
    ("States.JsonMerge($.o, States.StringToJson('{\"y\": 2}'), false)", {"x": 1, "y": 2}),
    ("States.JsonToString($.o)", '{"x":1}'),
    ("States.StringToJson('[1, \"a\"]')", [1, "a"]),
    ("States.MathAdd($.n, -1)", 4),
    ("States.MathAdd(1.4, 1.6)", 3),
    ("States.StringSplit('1.2,,3', '.,')", ["1", "2", "3"]),
    ("States.Format('{} and {}', $.s, $.a)", "hello and [1,2,3,4]"),
    ("States.Format('it\\'s \\{\\} {}', null)", "it's {} null"),
    ("States.Format('{}', $.name)", "Ann (the 1st), ok"),
    ("States.Format('{}', $['array key\\'s'].k)", "v"),
    ("States.MathAdd(States.ArrayLength(States.ArrayPartition($.a, 2)), States.ArrayGetItem($.a, 0))", 3),
    ("States.UUID()", "0f0f0f0f-0f0f-40f0-bf0f-0f0f0f0f0f0f"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_intrinsic_functions(text: str, expected: Any) -> None:
    value = value_of(text)
    if "UUID" in text:
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", value)
    else:
        assert value == expected


def test_math_random_is_in_its_range_and_the_same_for_the_same_seed() -> None:
    assert 0 <= value_of("States.MathRandom(0, 10)") < 10
    assert value_of("States.MathRandom(0, 1000, 3)") == value_of("States.MathRandom(0, 1000, 3)")


def test_all_18_are_tested_here() -> None:
    tested = {name for text, _ in CASES for name in re.findall(r"States\.\w+", text)} | {"States.MathRandom"}
    assert tested == set(FUNCTIONS)
    assert len(FUNCTIONS) == 18


@pytest.mark.parametrize(
    "text",
    [
        "States.ArrayGetItem($.a, 9)",
        "States.ArrayRange(0, 5000, 1)",
        "States.ArrayRange(0, 5, 0)",
        "States.ArrayPartition($.a, 0)",
        "States.ArrayLength($.s)",
        "States.Base64Decode('!')",
        "States.Hash('a', 'CRC')",
        "States.Hash('a', $.a)",
        "States.JsonMerge($.o, $.o, true)",
        "States.StringToJson('{')",
        "States.MathAdd(2147483647, 1)",
        "States.MathAdd('1', 1)",
        "States.Format('{} {}', 1)",
        "States.Format('{}', 1, 2)",
        "States.MathRandom(3, 3)",
    ],
)
def test_wrong_arguments_are_an_error_of_the_language(text: str) -> None:
    with pytest.raises(StatesError) as raised:
        value_of(text)
    assert raised.value.error == "States.IntrinsicFailure"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "States.Nothing()",
        "States.Array(",
        "States.Array(1,)",
        "States.Array(1) x",
        "States.ArrayLength()",
        "States.Array('open)",
        "States.Array($.[)",
        "States.Array(" * 12 + ")" * 12,
    ],
)
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(PathSyntaxError):
        compile_expression(text)
