"""Choice rules: every comparison operator, compiled at load to a predicate.

A value of another type than the operator's makes the comparison false; a missing ``Variable`` is an error, except
for IsPresent.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from orchestration.asl.errors import RUNTIME, DefinitionInvalid, PathNotFound, PathSyntaxError, StatesError
from orchestration.asl.paths import Env, Path, parse_path
from orchestration.asl.protocol import Json
from orchestration.asl.timestamps import parse_timestamp

Predicate = Callable[[Json, Env], bool]
Comparison = Callable[[Any, Any], bool]

MAX_DEPTH: Final = 50


def _is_number(value: Json) -> bool:
    return type(value) in (int, float)


def _is_text(value: Json) -> bool:
    return type(value) is str


def _is_boolean(value: Json) -> bool:
    return type(value) is bool


def _is_timestamp(value: Json) -> bool:
    return parse_timestamp(value) is not None


_KINDS: Final[dict[str, tuple[Callable[[Json], bool], Callable[[Json], Any]]]] = {
    "String": (_is_text, lambda value: value),
    "Numeric": (_is_number, lambda value: value),
    "Boolean": (_is_boolean, lambda value: value),
    "Timestamp": (_is_timestamp, parse_timestamp),
}
_RELATIONS: Final[dict[str, Comparison]] = {
    "Equals": lambda one, other: one == other,
    "LessThan": lambda one, other: one < other,
    "GreaterThan": lambda one, other: one > other,
    "LessThanEquals": lambda one, other: one <= other,
    "GreaterThanEquals": lambda one, other: one >= other,
}
_TYPE_TESTS: Final[dict[str, Callable[[Json], bool]]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": _is_number,
    "IsString": _is_text,
    "IsBoolean": _is_boolean,
    "IsTimestamp": _is_timestamp,
}
# operator -> (kind, relation)
COMPARISONS: Final = {
    kind + relation: (kind, relation)
    for kind in _KINDS
    for relation in _RELATIONS
    if kind != "Boolean" or relation == "Equals"
}
OPERATORS: Final = frozenset(
    [*COMPARISONS, *(f"{name}Path" for name in COMPARISONS), *_TYPE_TESTS, "IsPresent", "StringMatches"]
)


def compile_rule(rule: dict[str, Json], location: str, depth: int = 0) -> Predicate:
    """Raises ``DefinitionInvalid``. Nested rules (And, Or, Not) have no Next: the caller checks that."""
    if depth > MAX_DEPTH:
        raise DefinitionInvalid("the rule is nested too deeply", location)
    found = [name for name in ("And", "Or", "Not") if name in rule]
    operators = [name for name in rule if name in OPERATORS]
    if len(found) + len(operators) != 1:
        raise DefinitionInvalid(
            "A Choice Rule must have exactly one of And, Or, Not or a comparison operator", location
        )
    if found == ["Not"]:
        inner = compile_rule(_rule(rule["Not"], f"{location}/Not"), f"{location}/Not", depth + 1)
        return lambda document, env: not inner(document, env)
    if found:
        return _compile_group(found[0], rule[found[0]], f"{location}/{found[0]}", depth)
    if "Variable" not in rule:
        raise DefinitionInvalid("The field 'Variable' is required but was missing", location)
    variable = _path(rule["Variable"], f"{location}/Variable")
    return _compile_operator(operators[0], variable, rule[operators[0]], f"{location}/{operators[0]}")


def _compile_group(name: str, members: Json, location: str, depth: int) -> Predicate:
    if not isinstance(members, list) or not members:
        raise DefinitionInvalid(f"The value of '{name}' must be a non-empty ARRAY", location)
    rules = [
        compile_rule(_rule(member, f"{location}[{at}]"), f"{location}[{at}]", depth + 1)
        for at, member in enumerate(members)
    ]
    if name == "And":
        return lambda document, env: all(rule(document, env) for rule in rules)
    return lambda document, env: any(rule(document, env) for rule in rules)


def _compile_operator(operator: str, variable: Path, operand: Json, location: str) -> Predicate:
    if operator == "IsPresent":
        wanted = _boolean(operand, location)
        return lambda document, env: _is_present(variable, document, env) is wanted
    if operator in _TYPE_TESTS:
        test, wanted = _TYPE_TESTS[operator], _boolean(operand, location)
        return lambda document, env: test(_value(variable, document, env)) is wanted
    if operator == "StringMatches":
        if not isinstance(operand, str):
            raise DefinitionInvalid("The value of 'StringMatches' must be a STRING", location)
        pieces = _pieces(operand)
        return lambda document, env: _matches(_value(variable, document, env), pieces)
    kind, relation = COMPARISONS[operator.removesuffix("Path")]
    fits, convert = _KINDS[kind]
    compare = _RELATIONS[relation]
    if operator.endswith("Path"):
        other = _path(operand, location)

        def by_path(document: Json, env: Env) -> bool:
            one, two = _value(variable, document, env), _value(other, document, env)
            return fits(one) and fits(two) and compare(convert(one), convert(two))

        return by_path
    if not fits(operand):
        raise DefinitionInvalid(f"The value of '{operator}' must be a {kind.upper()}", location)
    constant = convert(operand)

    def by_value(document: Json, env: Env) -> bool:
        one = _value(variable, document, env)
        return fits(one) and compare(convert(one), constant)

    return by_value


def _rule(value: Json, location: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise DefinitionInvalid("A Choice Rule must be an OBJECT", location)
    return value


def _boolean(value: Json, location: str) -> bool:
    if not isinstance(value, bool):
        raise DefinitionInvalid("The value must be a BOOLEAN", location)
    return value


def _path(value: Json, location: str) -> Path:
    if not isinstance(value, str):
        raise DefinitionInvalid("The value must be a STRING that contains a path", location)
    try:
        return parse_path(value)
    except PathSyntaxError:
        raise DefinitionInvalid(not_a_reference_path(value), location) from None


def not_a_reference_path(value: str) -> str:
    """AWS's words."""
    why = "Illegal path" if value.startswith("$") else "Reference path didn't start with '$'"
    return f"Value is not a Reference Path: {why}"


def _value(path: Path, document: Json, env: Env) -> Json:
    try:
        return path.read(document, env)
    except PathNotFound:
        raise StatesError(
            RUNTIME, f"Invalid path '{path.text}': The choice state's condition path references an invalid value."
        ) from None


def _is_present(path: Path, document: Json, env: Env) -> bool:
    try:
        found = path.read(document, env)
    except PathNotFound:
        return False
    return path.definite or bool(found)


def _pieces(pattern: str) -> list[str]:
    """The texts between the stars; ``\\*`` is a plain star."""
    pieces = [""]
    for token in re.findall(r"\\.|.", pattern, re.DOTALL):
        if token == "*":
            pieces.append("")
        else:
            pieces[-1] += token[1:] if token in ("\\*", "\\\\") else token
    return pieces


def _matches(value: Json, pieces: list[str]) -> bool:
    """Leftmost search for each piece: linear, where a regular expression with many stars would not be."""
    if type(value) is not str:
        return False
    text: str = value
    if len(pieces) == 1:
        return text == pieces[0]
    first, *middle, last = pieces
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True
