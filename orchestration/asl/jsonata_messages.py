"""What JSONata says of its errors, in the words of its reference implementation, which are AWS's.

The library keeps the codes and the values, but not quite the texts.
"""

import re
from typing import Any, Final

import orjson
from jsonata.jexception import JException
from jsonata.utils import Utils

_PLACE: Final = re.compile(r"\{\{\{(\w+)\}\}\}|\{\{(\w+)\}\}")
_PLURALS: Final = {"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}


def described(error: JException) -> tuple[str | None, str]:
    """The error's code, if it has one, and its message."""
    code = error.error
    template = JException.error_codes.get(code)
    if template is None:
        return None, str(code)
    if "Object" in template:
        template = template.replace("Object", "function")
    values = _values(error)

    def fill(found: re.Match[str]) -> str:
        value = values.pop(0) if values else None
        return str(value) if found[1] else _quoted(value)

    return code, _PLACE.sub(fill, template)


def _values(error: JException) -> list[Any]:
    values = [error.current, error.expected, error.extra]
    if error.error == "D1002":
        return [error.expected]  # the library gives the operator first
    if error.error == "T0412":
        return [*values[:2], _PLURALS.get(str(error.extra), error.extra)]
    return values


def _quoted(value: Any) -> str:
    if value is None or value is Utils.NULL_VALUE:
        return "null"
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return '""'
