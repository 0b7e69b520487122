"""JSONata in a definition: strings of the form ``{% … %}`` wherever a value may stand, compiled at load.

What they see is ``$states`` and the variables; the document that a path would read means nothing to them.
"""

from collections.abc import Callable
from typing import Final

import orjson

from orchestration.asl.errors import DefinitionInvalid, QueryFailed
from orchestration.asl.expressions import Expression
from orchestration.asl.jsonata import (
    JsonataFailed,
    JsonataSyntaxError,
    Undefined,
    Unwritable,
    compile_jsonata,
    with_nulls,
)
from orchestration.asl.jsonata_references import unsupported_reference
from orchestration.asl.paths import Env
from orchestration.asl.protocol import Json
from orchestration.asl.templates import MAX_DEPTH, Template

INVALID_EXPRESSION: Final = "INVALID_JSONATA_EXPRESSION"
UNSUPPORTED_EXPRESSION: Final = "UNSUPPORTED_JSONATA_EXPRESSION"

_TYPES: Final[dict[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


def is_query(value: Json) -> bool:
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}") and len(value) >= 4


def compile_query(value: str, location: str, field: str, wanted: str = "") -> Expression:
    """``field`` is how AWS calls the place in the state: ``Output/v``, ``Choices[0]/Condition``.

    ``wanted`` is the type that the result must have, if any. Raises ``DefinitionInvalid``; the closure raises
    ``QueryFailed``.
    """
    text = value[2:-2].strip()
    try:
        expression = compile_jsonata(text)
    except JsonataSyntaxError as problem:
        raise DefinitionInvalid(str(problem), location, INVALID_EXPRESSION) from None
    caught = field.startswith("Catch[")
    if (refused := unsupported_reference(expression.tree, in_catch=caught)) is not None:
        raise DefinitionInvalid(refused, location, UNSUPPORTED_EXPRESSION)
    about = f"The JSONata expression '{text}' specified for the field '{field}'"

    def read(document: Json, env: Env) -> Json:
        try:
            found = expression.evaluate(_seen(env), env.at, env.draw, env.patience)
        except JsonataFailed as problem:
            separator = ". " if problem.coded else ": "
            raise QueryFailed(f"{about} threw an error during evaluation{separator}{problem}", field) from None
        except Undefined:
            raise QueryFailed(f"{about} returned nothing (undefined).", field) from None
        except Unwritable:
            raise QueryFailed(f"{about} returned an unsupported result type.", field) from None
        if wanted and type_name(found) != wanted:
            raise QueryFailed(f"{about} {mistyped(found, wanted)}", field)
        return found

    return read


def type_name(value: Json) -> str:
    return _TYPES[type(value)]


def mistyped(value: Json, wanted: str) -> str:
    shown = orjson.dumps(value).decode()[:10_000]
    return f"returned an unexpected result type. Expected '{wanted}', but was '{type_name(value)}' for value: {shown}"


def _seen(env: Env) -> dict[str, Json]:
    states = env.states()
    if getattr(env, "queried", (None,))[0] != states.keys():
        found = {name: with_nulls(value) for name, value in env.variables.items()}
        found["states"] = {name: with_nulls(value) for name, value in states.items()} | {"context": env.context()}
        env.queried = (states.keys(), found)
    return env.queried[1]


def compile_query_template(value: Json, location: str, field: str) -> Template:
    """Every ``{% … %}`` at any depth. A checkpoint keeps what it gives: chance and clock may have gone into it."""
    fill = _compile(value, location, field, 0)
    return Template(lambda document, env: value, True) if fill is None else Template(fill, False)


def _compile(value: Json, location: str, field: str, depth: int) -> Expression | None:
    """None: a constant."""
    if depth > MAX_DEPTH:
        raise DefinitionInvalid("The value is nested too deeply", location)
    if is_query(value):
        return compile_query(value, location, field)
    if isinstance(value, dict):
        inner = {key: _compile(item, f"{location}/{key}", f"{field}/{key}", depth + 1) for key, item in value.items()}
        return _object(value, {key: fill for key, fill in inner.items() if fill is not None})
    if isinstance(value, list):
        members = [_compile(item, f"{location}[{at}]", f"{field}[{at}]", depth + 1) for at, item in enumerate(value)]
        return _list(value, members)
    return None


def _object(value: dict[str, Json], dynamic: dict[str, Expression]) -> Expression | None:
    if not dynamic:
        return None
    return lambda document, env: {
        key: dynamic[key](document, env) if key in dynamic else item for key, item in value.items()
    }


def _list(value: list[Json], members: list[Expression | None]) -> Expression | None:
    if not any(members):
        return None
    pairs: list[tuple[Expression | None, Json]] = list(zip(members, value, strict=True))
    return lambda document, env: [item if fill is None else fill(document, env) for fill, item in pairs]


def compile_condition(value: Json, location: str, field: str) -> Callable[[Json, Env], bool]:
    """The Condition of a Choice rule: a boolean, or an expression that gives one."""
    if isinstance(value, bool):
        return lambda document, env: value
    if not is_query(value):
        raise DefinitionInvalid("The value must be a BOOLEAN or a JSONata expression", location)
    read = compile_query(value, location, field, "boolean")
    return lambda document, env: read(document, env) is True
