"""A request against the shapes of AWS's service model: types, then every constraint, told in AWS's words. Pure."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StructureShape

from orchestration.api.errors import ApiError, validation
from orchestration.api.model import input_shape

MAX_ECHO_CHARS: Final = 2_000
MAX_LIST_MEMBERS: Final = 10_000
# The bits of a number.
_INTEGERS: Final = {"integer": 32, "long": 64}
_NUMBERS: Final = _INTEGERS.keys() | {"float", "double", "timestamp"}


def checked(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """The members that the operation has; null ones and unknown ones are left out, as AWS leaves them.

    Raises ``ApiError``: SerializationException for a wrong type, ValidationException for all unmet constraints at once.
    """
    shape = input_shape(operation)
    if shape is None:
        return {}
    parsed: dict[str, Any] = _parsed(shape, request)
    problems = list(_problems(shape, parsed, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise validation(count + "; ".join(problems))
    return parsed


def _parsed(shape: Shape, value: Any) -> Any:
    match shape:
        case StructureShape():
            if not isinstance(value, Mapping):
                raise _wrong_type(value, "a structure")
            present = {name: value[name] for name in shape.members if value.get(name) is not None}
            return {name: _parsed(shape.members[name], each) for name, each in present.items()}
        case ListShape():
            if not isinstance(value, list) or len(value) > MAX_LIST_MEMBERS:
                raise _wrong_type(value, "a list")
            return [_parsed(shape.member, each) for each in value if each is not None]
        case MapShape():
            if not isinstance(value, Mapping):
                raise _wrong_type(value, "a map")
            return {str(name): _parsed(shape.value, each) for name, each in value.items() if each is not None}
        case _:
            return _scalar(shape, value)


def _scalar(shape: Shape, value: Any) -> Any:
    kind = shape.type_name
    if kind == "string" and isinstance(value, str):
        return value
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        if kind not in _INTEGERS:
            return value
        bits = _INTEGERS[kind]
        if (isinstance(value, int) or value.is_integer()) and -(1 << bits - 1) <= value < 1 << bits - 1:
            return int(value)
    raise _wrong_type(value, {"string": "a String", "boolean": "a Boolean"}.get(kind, "a number"))


def _wrong_type(value: Any, wanted: str) -> ApiError:
    match value:
        case bool():
            found = "TRUE_VALUE" if value else "FALSE_VALUE"
        case int() | float():
            found = "NUMBER_VALUE"
        case str():
            found = "STRING_VALUE"
        case list():
            return ApiError("SerializationException", "Start of list found where not expected")
        case _:
            return ApiError("SerializationException", "Start of structure or map found where not expected.")
    return ApiError("SerializationException", f"{found} can not be converted to {wanted}")


def _problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    yield from _unmet(shape, value, path)
    match shape:
        case StructureShape():
            for name in shape.required_members:
                if name not in value:
                    yield f"Value null at '{_under(path, name)}' failed to satisfy constraint: Member must not be null"
            for name, each in value.items():
                yield from _problems(shape.members[name], each, _under(path, name))
        case ListShape():
            for index, each in enumerate(value, 1):
                yield from _problems(shape.member, each, f"{path}.{index}.member")


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _unmet(shape: Shape, value: Any, path: str) -> Iterator[str]:
    for constraint in _constraints(shape, value):
        echo = "" if shape.metadata.get("sensitive") else f" '{_shown(value)}'"
        yield f"Value{echo} at '{path}' failed to satisfy constraint: Member must {constraint}"


def _constraints(shape: Shape, value: Any) -> Iterator[str]:
    limits = shape.metadata
    least, most = limits.get("min"), limits.get("max")
    if isinstance(value, str | list):
        if least is not None and len(value) < least:
            yield f"have length greater than or equal to {least}"
        if most is not None and _longer(value, most):
            yield f"have length less than or equal to {most}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if least is not None and value < least:
            yield f"have value greater than or equal to {least}"
        if most is not None and value > most:
            yield f"have value less than or equal to {most}"
    if isinstance(value, str):
        allowed = limits.get("enum")
        if allowed and value not in allowed:
            yield f"satisfy enum value set: [{', '.join(allowed)}]"
        pattern = limits.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            yield f"satisfy regular expression pattern: {pattern}"


def _longer(value: str | list[Any], most: int) -> bool:
    """Payloads and definitions are measured in bytes."""
    if isinstance(value, str) and most >= 262_144 and len(value) * 4 > most:
        return len(value.encode("utf-8", "surrogatepass")) > most
    return len(value) > most


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _shown(value: Any) -> str:
    """As Java prints it, and AWS with it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"[:MAX_ECHO_CHARS]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}={_shown(each)}" for name, each in value.items()) + "}"
    return str(value)[:MAX_ECHO_CHARS]
