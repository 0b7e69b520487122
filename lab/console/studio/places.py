"""Where in a JSON text the value at a pointer is written, so that a problem can be shown in its line. Pure."""

import json
import re
from typing import Final

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCALAR: Final = re.compile(r"[^,\]}\s]+")


def line_at(text: str, offset: int) -> int:
    """Counted from 1."""
    return text.count("\n", 0, offset) + 1


def line_of(text: str, pointer: str) -> int | None:
    """The line of what a JSON pointer names, or of the nearest thing around it that is there; None: no JSON."""
    try:
        places = _places(text)
    except (ValueError, IndexError, RecursionError):
        return None
    steps = [step for step in pointer.split("/") if step]
    while steps and "/".join(steps) not in places:
        steps.pop()
    return line_at(text, places["/".join(steps)])


def parse_error(text: str) -> tuple[int, str] | None:
    """Line and message of what makes the text no JSON; None: it is."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.lineno, error.msg
    except RecursionError:
        return 1, "nested too deeply"
    return None


def _places(text: str) -> dict[str, int]:
    """Pointer without its leading slash -> offset; members are found at their name."""
    places: dict[str, int] = {}

    def value(at: int, path: tuple[str, ...], named_at: int) -> int:
        at = _skip(text, at)
        places["/".join(_escaped(step) for step in path)] = named_at
        if text[at] == "{":
            return members(at + 1, path)
        if text[at] == "[":
            return elements(at + 1, path)
        if text[at] == '"':
            return _string(text, at)[1]
        found = _SCALAR.match(text, at)
        if found is None:
            raise ValueError(f"no value at {at}")
        return found.end()

    def members(at: int, path: tuple[str, ...]) -> int:
        at = _skip(text, at)
        while text[at] != "}":
            named_at = at
            name, at = _string(text, at)
            at = _skip(text, at)
            if text[at] != ":":
                raise ValueError(f"no colon at {at}")
            at = _skip(text, value(at + 1, (*path, name), named_at))
            at = _skip(text, at + 1) if text[at] == "," else at
        return at + 1

    def elements(at: int, path: tuple[str, ...]) -> int:
        at, number = _skip(text, at), 0
        while text[at] != "]":
            at = _skip(text, value(at, (*path, str(number)), at))
            at, number = (_skip(text, at + 1), number + 1) if text[at] == "," else (at, number)
        return at + 1

    value(0, (), _skip(text, 0))
    return places


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _string(text: str, at: int) -> tuple[str, int]:
    if text[at] != '"':
        raise ValueError(f"no name at {at}")
    name, end = json.decoder.scanstring(text, at + 1, True)  # type: ignore[attr-defined]
    return name, end


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
