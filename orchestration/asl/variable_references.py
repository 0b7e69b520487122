"""Which variables each state of a definition reads, told as DescribeStateMachine tells it. Pure.

Only names that some state assigns are variables: the rest of what begins with a dollar sign are functions, the
document, or an expression's own names.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

_NAME: Final = re.compile(r"(?<![$\w])\$([A-Za-z_]\w*)")
_TEXT: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_GRAPHS: Final = ("ItemProcessor", "Iterator", "Branches")


def variable_references(definition: Any) -> dict[str, list[str]]:
    """State -> the variables that it reads, in order; states that read none are left out."""
    states = dict(_states(definition))
    assigned = {name for state in states.values() for name in _assigned(state)}
    found = {name: sorted(_read(state) & assigned) for name, state in states.items()}
    return {name: variables for name, variables in found.items() if variables}


def _states(graph: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    states = graph.get("States") if isinstance(graph, dict) else None
    for name, state in states.items() if isinstance(states, dict) else ():
        if isinstance(state, dict):
            yield name, {field: value for field, value in state.items() if field not in _GRAPHS}
            for field in _GRAPHS:
                inner = state.get(field)
                for each in inner if isinstance(inner, list) else (inner,):
                    yield from _states(each)


def _assigned(value: Any) -> Iterator[str]:
    """By the state itself, a Choice rule or a catcher."""
    if isinstance(value, list):
        for each in value:
            yield from _assigned(each)
    elif isinstance(value, dict):
        assign = value.get("Assign")
        yield from (name.removesuffix(".$") for name in assign) if isinstance(assign, dict) else ()
        for field in ("Choices", "Catch"):
            yield from _assigned(value.get(field))


def _read(value: Any, field: str = "") -> set[str]:
    """The names that the expressions and paths in a value read."""
    match value:
        case dict():
            return set().union(*(_read(inner, name) for name, inner in value.items()))
        case list():
            return set().union(*(_read(inner, field) for inner in value))
        case str() if value.startswith("{%") or field.endswith((".$", "Path")) or field == "Variable":
            return set(_NAME.findall(_TEXT.sub("''", value)))
        case _:
            return set()
