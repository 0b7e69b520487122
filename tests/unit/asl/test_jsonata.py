"""Single expressions: AWS's own functions, AWS's words for errors, and bounds that no expression can leave."""

import contextlib
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.asl.jsonata import JsonataFailed, JsonataSyntaxError, Undefined, Unwritable, compile_jsonata
from orchestration.asl.jsonata_bounds import Patience
from orchestration.asl.jsonata_references import unsupported_reference
from orchestration.asl.queries import with_nulls

AT = 1_700_000_000.0
TOO_LONG = "Expression evaluation timeout: Check for infinite loop"
TOO_BIG = "Expression evaluation memory limit exceeded: Check for excessive memory usage"
TOO_DEEP = "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive."


def evaluated(text: str, **variables: Any) -> Any:
    digits = (f"{number:064x}" for number in itertools.count(2**250, 2**240 + 7))
    seen = {name: with_nulls(value) for name, value in variables.items()}
    return compile_jsonata(text).evaluate(seen, AT, lambda: next(digits), Patience())


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$range(0, 9, 3)", [0, 3, 6, 9]),
        ("$range(0, 10, 3)", [0, 3, 6, 9]),
        ("$range(5, 1, -2)", [5, 3, 1]),
        ("$range(1, 9, 9)", 1),  # a sequence of one is the one
        ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
        ('$hash("input", "SHA-1")', "140f86aae51ab9e1cda9b4254fe98a74eb54c1a1"),
        ("$random(42)", 0.7275636800328681),  # as on AWS: Java's
        ('$parse("{\\"a\\": [1, null]}").a', [1, None]),
        ("$now()", "2023-11-14T22:13:20.000Z"),
        ("$millis()", 1_700_000_000_000),
        ('$now("[Y0001]")', "2023"),
        ("$states.input.a", None),
        ("$states.input.list", [1, None]),
        ("$count($states.input.list)", 2),
        ("$states.input.n", 3),
        ('$replace("abc", /(b)/, "[$1$$]")', "a[b$]c"),
        ('$replace("a.b", ".", "$1")', "a$1b"),
        ('$replace("abc", /./, function($m) { $m.match & "-" })', "a-b-c-"),
        ('$match("a1b22", /[0-9]+/).match', ["1", "22"]),
        ('$split("a1b2c", /\\d/, 2)', ["a", "b"]),
        ('$contains("abc", /B/i)', True),
        ('$contains("aba", /^(a).\\1$/)', True),  # what RE2 lacks
        ("5.5 % 2", 1.5),
        ("$distinct([1, 1.0, 2, [1], [1]])", [1, 2, [1]]),
        ("$string($states.input.list)", "[1,null]"),
        ("[1..3].($ * 2)", [2, 4, 6]),
    ],
)
def test_what_an_expression_gives(text: str, result: Any) -> None:
    found = evaluated(text, states={"input": {"a": None, "n": 3.0, "list": [1, None]}})
    assert (found, type(found)) == (result, type(result))


def test_chance_is_what_is_drawn() -> None:
    one, two = evaluated("[$uuid(), $uuid()]")
    assert one != two
    assert evaluated("$uuid()") == one
    assert 0 <= evaluated("$random()") < 1
    assert sorted(evaluated("$shuffle([1..9])")) == list(range(1, 10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('$abs("x")', 'T0410: Argument 1 of function "abs" does not match function signature'),
        ('$sum(["a"])', 'T0412: Argument 1 of function "sum" must be an array of "numbers"'),
        ('"a" + 1', 'T2001: The left side of the "+" operator must evaluate to a number'),
        ('1 < "x"', 'T2009: The values 1 and "x" either side of operator "<" must be of the same data type'),
        ('-"x"', 'D1002: Cannot negate a non-numeric value: "x"'),
        ("1 / 0", "D1001: Number out of range: null"),
        ('$eval("1")', "T1006: Attempted to invoke a non-function"),
        ('$error("mine")', "D3137: mine"),
        ('$number("x")', 'D3030: Unable to cast value to a number: "x"'),
        ("[1..873783]", TOO_BIG),
        ("+".join(["1"] * 200), TOO_DEEP),
        ("($f := function($x) { $f($x) + 1 }; $f(1))", TOO_DEEP),
    ],
)
def test_errors_read_as_awss(text: str, message: str) -> None:
    with pytest.raises(JsonataFailed) as failed:
        evaluated(text)
    assert str(failed.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 +", "Unexpected end of expression"),
        ("a[1,2)", 'Expected "]", got ","'),
        ('"unterminated', "String literal must be terminated by a matching quote"),
        ('{"a":}', 'The symbol "}" cannot be used as a unary operator'),
        ('$match("a", /abc', "No terminating / in regular expression"),
    ],
)
def test_what_does_not_parse_is_told_in_awss_words(text: str, message: str) -> None:
    with pytest.raises(JsonataSyntaxError) as refused:
        compile_jsonata(text)
    assert str(refused.value) == message


def test_nothing_and_functions_are_no_results() -> None:
    with pytest.raises(Undefined):
        evaluated("$missing")
    with pytest.raises(Unwritable):
        evaluated("function($x) { $x }")
    with pytest.raises(Unwritable):
        evaluated('{"f": $sum}')


@pytest.mark.parametrize(
    "text",
    [
        '$pad("x", 1000000000)',
        '$join($map([1..1000], function($v) { "a" }), $pad("x", 100000))',
        '$replace($pad("x", 1000000, "x"), "x", $pad("x", 1000000))',
        '($p := function($s, $n) { $n = 0 ? $s : $p($s & $s, $n - 1) }; $p("x", 40))',
        "$reduce([1..100], function($a, $b) { $a * $a }, 3)",
        '$formatInteger(1000000000000, "I")',
        '$fromMillis(0, "[Y,1000000000]")',
        '$replace($pad("a", 5000, "a"), /(?=(a+)+$b)a/, "x")',
        "$power(10, 1000)",
        "$range(1, 1000000000, 1)",
        '$match("a", /(/)',
    ],
)
def test_what_would_eat_time_or_memory_is_refused_at_once(text: str) -> None:
    with pytest.raises((JsonataFailed, JsonataSyntaxError)):
        evaluated(text)


def test_a_regular_expression_made_to_backtrack_takes_linear_time() -> None:
    with pytest.raises(Undefined):
        evaluated('$match($pad("a", 50000, "a"), /(a+)+$b/)')


@pytest.mark.parametrize(
    "text",
    [
        "($f := function($x) { $f($x + 1) }; $f(1))",
        "$map([1..100000], function($i) { $sum([1..10000]) })",
        '($p := function($s, $n) { $n = 0 ? $s : $p({"a": $s, "b": $s}, $n - 1) }; $p("x", 60))',
    ],
)
def test_an_endless_expression_ends(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.asl.jsonata_bounds.MAX_STEPS", 5_000)
    with pytest.raises(JsonataFailed) as failed:
        evaluated(text)
    assert str(failed.value) in (TOO_LONG, TOO_BIG)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("phone", "phone"),
        ("phone.number", "phone"),
        ('{"a": [phone]}', "phone"),
        ("$f(phone)", "phone"),
        ("$x ? y : 1", "y"),
        ("$states.input.a", None),
        ('$states.input.items[status = "x"].n', None),
        ("$states.input.items.(price * quantity)", None),
        ("$states.input{status: n}", None),
        ("$a^(n)", None),
        ('$a ~> |b|{"c": 1}|', None),
        ("$map($a, function($v) { $v.x })", None),
    ],
)
def test_a_name_that_refers_to_nothing_is_found_in_the_tree(text: str, name: str | None) -> None:
    expected = None if name is None else f"Reference to '{name}' at the top level is not supported."
    assert unsupported_reference(compile_jsonata(text).tree, in_catch=False) == expected


def test_an_error_output_is_for_catchers() -> None:
    tree = compile_jsonata("$states.errorOutput.Error").tree
    assert unsupported_reference(tree, in_catch=True) is None
    assert unsupported_reference(tree, in_catch=False) is not None


@given(st.text(alphabet='$ab.[](){}:;,"/+-*~>?^|&=<1 %@#\\', max_size=24))
def test_any_text_compiles_or_is_refused_and_evaluates_or_fails(text: str) -> None:
    with contextlib.suppress(JsonataSyntaxError, JsonataFailed, Undefined, Unwritable):
        evaluated(text, states={"input": {"a": [1, {"b": None}]}}, a="x", b={"a": 1})
