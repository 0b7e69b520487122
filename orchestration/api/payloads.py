"""Execution data in requests and answers: JSON text, its limits, and what it is parsed to. Pure."""

from typing import Final

import orjson

from orchestration.asl.protocol import Json

MAX_BYTES: Final = 262_144
# The writer of JSON goes 254 levels deep, and a payload is stored within others.
MAX_DEPTH: Final = 200


class BadPayload(Exception):
    """Why a text is no payload."""


def json_text(value: Json) -> str:
    return orjson.dumps(value).decode()


def parsed(text: str) -> Json:
    """Raises ``BadPayload``."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadPayload(str(error)) from error
    if text.count("[") + text.count("{") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise BadPayload(f"it is nested more than {MAX_DEPTH} levels deep")
    return value


def _deeper(value: Json, levels: int) -> bool:
    stack: list[tuple[Json, int]] = [(value, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > levels:
            return True
        if isinstance(node, dict):
            stack.extend((each, depth + 1) for each in node.values())
        elif isinstance(node, list):
            stack.extend((each, depth + 1) for each in node)
    return False
