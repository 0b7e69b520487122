"""The context object that TestState may be given instead of the real one: its fields and their types. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from orchestration.api.errors import ApiError, validation
from orchestration.api.payloads import BadPayload, parsed
from orchestration.asl.protocol import Json

_TYPES: Final[Mapping[type, str]] = {str: "a string", int: "an integer", dict: "an object"}
_FIELDS: Final[Mapping[str, Mapping[str, type]]] = {
    "Execution": {
        "Id": str,
        "Input": object,
        "Name": str,
        "RoleArn": str,
        "StartTime": str,
        "RedriveCount": int,
        "RedriveTime": str,
    },
    "State": {"EnteredTime": str, "Name": str, "RetryCount": int},
    "StateMachine": {"Id": str, "Name": str},
    "Task": {"Token": str},
}


def context_of(text: str) -> dict[str, Json]:
    """Raises ``ApiError`` ValidationException, which names the first field that is wrong."""
    try:
        context = parsed(text)
    except BadPayload as error:
        raise _invalid(f"not valid JSON: {error}") from error
    if not isinstance(context, dict):
        raise _invalid("it must be an object")
    for section, fields in context.items():
        if section == "Map":
            raise _invalid("'Map' field is not supported when mocking a Context object")
        if section not in _FIELDS:
            raise _invalid(f"Field '{section}' is not allowed")
        _check_section(section, fields)
    return context


def _check_section(section: str, fields: Any) -> None:
    if not isinstance(fields, dict):
        raise _invalid(f"{section} must be an object")
    for field, value in fields.items():
        wanted = _FIELDS[section].get(field)
        if wanted is None:
            raise _invalid(f"Field '{field}' is not allowed")
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise _invalid(f"{section}.{field} must be {_TYPES[wanted]}")


def _invalid(what: str) -> ApiError:
    return validation(f"Invalid Context object provided: {what}")
