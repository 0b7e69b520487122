"""Payload templates (Parameters, ResultSelector …): compiled at load, filled in at run time.

A field whose name ends with ``.$`` holds a path or a call of intrinsic functions; all else is copied as it is. Parts
without such a field are shared between all that they are filled into: JSON values are never changed in place.
"""

from dataclasses import dataclass
from typing import Final

from orchestration.asl.errors import RUNTIME, DefinitionInvalid, PathNotFound, PathSyntaxError, StatesError
from orchestration.asl.expressions import Expression, compile_expression
from orchestration.asl.intrinsics import to_text
from orchestration.asl.paths import Env
from orchestration.asl.protocol import Json

MAX_DEPTH: Final = 100


@dataclass(frozen=True, slots=True)
class Template:
    """``derivable``: the same document always gives the same result (no call, no context object)."""

    fill: Expression
    derivable: bool


def compile_template(value: Json, location: str) -> Template:
    """Raises ``DefinitionInvalid`` with the place of the wrong field."""
    texts: list[str] = []
    fill = _compile(value, location, texts, 0)
    derivable = not any(text.startswith(("$$", "States.")) for text in texts)
    if fill is None:
        return Template(lambda document, env: value, True)
    return Template(fill, derivable)


def _compile(value: Json, location: str, texts: list[str], depth: int) -> Expression | None:
    """None: a constant."""
    if depth > MAX_DEPTH:
        raise DefinitionInvalid("the template is nested too deeply", location)
    if isinstance(value, dict):
        return _compile_object(value, location, texts, depth)
    if isinstance(value, list):
        members = [_compile(item, f"{location}[{at}]", texts, depth + 1) for at, item in enumerate(value)]
        if not any(members):
            return None
        pairs = list(zip(members, value, strict=True))
        return lambda document, env: [item if fill is None else fill(document, env) for fill, item in pairs]
    return None


def _compile_object(value: dict[str, Json], location: str, texts: list[str], depth: int) -> Expression | None:
    constants: dict[str, Json] = {}
    dynamic: list[tuple[str, Expression]] = []
    for key, inner in value.items():
        where = f"{location}/{key}"
        if key.endswith(".$"):
            if not isinstance(inner, str):
                message = f"The value for the field '{key}' must be a STRING that contains a JSONPath"
                raise DefinitionInvalid(message, location)
            texts.append(inner)
            dynamic.append((key[:-2], compile_reading(key, inner, location)))
        else:
            fill = _compile(inner, where, texts, depth + 1)
            constants[key] = inner
            if fill is not None:
                dynamic.append((key, fill))
    if not dynamic:
        return None

    def fill_object(document: Json, env: Env) -> Json:
        filled = constants.copy()
        for name, expression in dynamic:
            filled[name] = expression(document, env)
        return filled

    return fill_object


def compile_reading(key: str, text: str, location: str) -> Expression:
    """The path or call of field ``key``. Raises ``DefinitionInvalid``; reading a missing path is States.Runtime."""
    try:
        expression = compile_expression(text)
    except PathSyntaxError:
        raise DefinitionInvalid(
            f"The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call", location
        ) from None

    def read(document: Json, env: Env) -> Json:
        try:
            return expression(document, env)
        except PathNotFound as missing:
            raise StatesError(RUNTIME, not_found_cause(missing.path, key, document)) from None

    return read


def not_found_cause(path: str, field_name: str, document: Json) -> str:
    """AWS's words for a path of a template, or of ErrorPath and CausePath."""
    shown = to_text(document)[:10_000]
    return f"The JSONPath '{path}' specified for the field '{field_name}' could not be found in the input '{shown}'"
