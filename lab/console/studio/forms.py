"""Which fields of a state a form shows, and a state with what was typed into one. Pure."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from lab.console.studio.edits import CannotEdit
from lab.console.studio.states import WORKS, State


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    JSON = "json"


@dataclass(frozen=True)
class Field:
    """``example`` is what a new one begins with; ``says`` tells what it is for."""

    name: str
    kind: Kind
    says: str
    example: Any = None


RETRY: Final = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2.0}]
_COMMENT: Final = Field("Comment", Kind.TEXT, "What the state is for")
_OWN: Final[dict[str, tuple[Field, ...]]] = {
    "Task": (
        Field("Resource", Kind.TEXT, "Who does the work"),
        Field("TimeoutSeconds", Kind.NUMBER, "How long its answer is waited for"),
        Field("HeartbeatSeconds", Kind.NUMBER, "How long it may be silent"),
    ),
    "Choice": (Field("Choices", Kind.JSON, "The ways, in order: the first whose condition holds"),),
    "Wait": (
        Field("Seconds", Kind.NUMBER, "How long"),
        Field("SecondsPath", Kind.TEXT, "Where in the input it says how long"),
        Field("Timestamp", Kind.TEXT, "Until when"),
    ),
    "Pass": (Field("Result", Kind.JSON, "Its output, whatever came in", {}),),
    "Parallel": (),
    "Map": (
        Field("ItemsPath", Kind.TEXT, "Where in the input the items are"),
        Field("MaxConcurrency", Kind.NUMBER, "How many at once"),
        Field("ItemSelector", Kind.JSON, "What each iteration gets", {"item.$": "$$.Map.Item.Value"}),
    ),
    "Succeed": (),
    "Fail": (
        Field("Error", Kind.TEXT, "The error's name"),
        Field("Cause", Kind.TEXT, "Why, for a person"),
        Field("ErrorPath", Kind.TEXT, "Where in the input the error's name is"),
        Field("CausePath", Kind.TEXT, "Where in the input the cause is"),
    ),
}
_PATHS: Final = (
    Field("InputPath", Kind.TEXT, "Which part of the input it gets"),
    Field("ResultPath", Kind.TEXT, "Where in the input its result goes"),
    Field("OutputPath", Kind.TEXT, "Which part of that goes on"),
)
_PARAMETERS: Final = Field("Parameters", Kind.JSON, "What it is given instead of its input", {"id.$": "$.id"})
_SELECTOR: Final = Field("ResultSelector", Kind.JSON, "What of its result is kept", {"kept.$": "$.value"})


def fields_of(state: State, language: str = "JSONPath") -> tuple[Field, ...]:
    """Of the state's type, then those of its data, then what it does about errors."""
    type_ = str(state.get("Type"))
    fields = [_COMMENT, *_OWN.get(type_, ())]
    language = str(state.get("QueryLanguage", language))
    if type_ != "Fail":
        fields += _jsonata(type_) if language == "JSONata" else _jsonpath(type_)
    if type_ not in ("Succeed", "Fail"):
        fields.append(Field("Assign", Kind.JSON, "Variables it sets", {"name": "value"}))
    if type_ in WORKS:
        fields.append(Field("Retry", Kind.JSON, "Which errors are tried again, and how", RETRY))
        fields.append(Field("Catch", Kind.JSON, "Which errors lead where"))
    return tuple(fields)


def _jsonata(type_: str) -> list[Field]:
    arguments = [Field("Arguments", Kind.JSON, "What it is given", {})] if type_ in ("Task", "Parallel") else []
    return [*arguments, Field("Output", Kind.JSON, "What goes on", {})]


def _jsonpath(type_: str) -> list[Field]:
    paths = [path for path in _PATHS if path.name != "ResultPath" or type_ in (*WORKS, "Pass")]
    given = [_PARAMETERS] if type_ in ("Task", "Parallel", "Pass") else []
    return [*given, *([_SELECTOR] if type_ in WORKS else []), *paths]


def text_of(state: State, field: Field) -> str:
    """As the form shows it; empty: the state has no such field."""
    if field.name not in state:
        return ""
    value = state[field.name]
    if field.kind is Kind.TEXT and isinstance(value, str):
        return value
    return json.dumps(value, indent=2 if field.kind is Kind.JSON else None, ensure_ascii=False)


def with_field(state: State, field: Field, text: str) -> State:
    """Nothing typed takes the field away. Raises ``CannotEdit`` for what the field cannot hold."""
    if not text.strip():
        return {name: value for name, value in state.items() if name != field.name}
    return {**state, field.name: _value(field, text)}


def _value(field: Field, text: str) -> Any:
    if field.kind is Kind.TEXT:
        return None if field.name.endswith("Path") and text.strip() == "null" else text
    try:
        value = json.loads(text)
    except ValueError as error:
        if field.kind is Kind.NUMBER and text.strip().startswith("{%"):
            return text.strip()  # a JSONata expression
        raise CannotEdit(f"{field.name}: {error}") from None
    if field.kind is Kind.NUMBER and not (isinstance(value, int | float) and not isinstance(value, bool)):
        raise CannotEdit(f"{field.name} must be a number")
    return value


def with_example(state: State, field: Field, first_other: str) -> State:
    """The state with a first, sensible content of a field. ``first_other``: a state that a Catch can lead to."""
    if field.name == "Catch":
        return {**state, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": first_other}]}
    if field.name == "Choices":
        rule = {"Variable": "$.value", "IsPresent": True, "Next": first_other}
        return {**state, "Choices": [*state.get("Choices", ()), rule]}
    return {**state, field.name: field.example}


def retries_told(state: State) -> str:
    """How often it tries again, for its box: empty where it does not."""
    rules = state.get("Retry")
    if not isinstance(rules, list):
        return ""
    counts = [rule.get("MaxAttempts", 3) for rule in rules if isinstance(rule, dict)]
    most = max((count for count in counts if isinstance(count, int)), default=0)
    return "" if not most else "↻ for ever" if most > 1_000 else f"↻ {most}"
