"""Paths: the JSONPath subset of the language, parsed once at load, and reference paths that can be written to.

``$.a['b'][0]`` reads the input, ``$$.a`` the context object, ``$name.a`` a variable. Wildcards, slices, unions, filters
and descendants (``..``) yield a list, empty when nothing matches; any other missing path raises ``PathNotFound``. A
function (``.length()``) may stand at the end.

Every step visits each node at most once, so that reading is linear in document × steps; the number of steps is limited.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from orchestration.asl.errors import RESULT_PATH, PathNotFound, PathSyntaxError, StatesError
from orchestration.asl.jsonata_bounds import Patience
from orchestration.asl.path_filters import MISSING, Follow, Reading, Test, compile_filter
from orchestration.asl.protocol import Json

MAX_PATH_CHARS: Final = 4096
MAX_STEPS: Final = 100
MAX_DESCENDANTS: Final = 2  # "..a..b..c" multiplies: each ".." may visit the whole document

Root = Literal["input", "context", "variable"]


@dataclass(frozen=True, slots=True)
class Slice:
    start: int | None
    stop: int | None
    step: int | None


@dataclass(frozen=True, slots=True)
class Union:
    members: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Wildcard:
    pass


@dataclass(frozen=True, slots=True)
class Descendants:
    """This node and all below it; the step after it selects among them."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Of a list, the members that pass; an object that passes stands for itself."""

    test: Test


Step = str | int | Slice | Union | Wildcard | Descendants | Filter


UNSET: Final[Any] = object()


class Env:
    """What an expression may see beside its document ``$``: the context object, made when asked for, and variables.

    ``input``, ``result`` and ``error_output`` are members of what JSONata calls ``$states``; ``at`` (epoch seconds) is
    the time of its clock. Slots that are rarely used stay empty: several of these are made in every advance.
    """

    __slots__ = (
        "_context",
        "_made",
        "at",
        "draw",
        "error_output",
        "input",
        "patience",
        "queried",
        "result",
        "variables",
    )

    _made: Json
    result: Json
    error_output: Json
    queried: tuple[Any, dict[str, Json]]  # kept by ``queries`` between the expressions of a state

    def __init__(
        self,
        context: Callable[[], Json],
        variables: dict[str, Json],
        draw: Callable[[], str] = lambda: "",
        input: Json = UNSET,
        at: float = 0.0,
        patience: Patience | None = None,
    ) -> None:
        self._context = context
        self.variables = variables
        self.draw = draw  # a fresh hexadecimal text of 64 digits: the only randomness there is
        self.input = input
        self.at = at
        self.patience = patience or Patience()

    def context(self) -> Json:
        try:
            return self._made
        except AttributeError:
            self._made = self._context()
            return self._made

    def states(self) -> dict[str, Json]:
        """``$states`` without the context."""
        named = (("input", "input"), ("result", "result"), ("errorOutput", "error_output"))
        found = {name: getattr(self, slot, UNSET) for name, slot in named}
        return {name: value for name, value in found.items() if value is not UNSET}


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. ``definite``: names one place at most, so that a missing one is an error."""

    text: str
    root: Root
    variable: str
    steps: tuple[Step, ...]
    definite: bool
    function: str = ""

    def read(self, document: Json, env: Env) -> Json:
        """Raises ``PathNotFound``."""
        if self.function:
            return self._computed(replace(self, function="").read(document, env))
        if self.root == "context":
            document = env.context()
        elif self.root == "variable":
            if self.variable not in env.variables:
                raise PathNotFound(self.text, f"The variable '{self.variable}' is not defined")
            document = env.variables[self.variable]
        if not self.definite:
            return _select(document, self.steps)
        value = document
        for step in self.steps:
            # An int must not index a string, nor a name a list.
            if type(value) is not (dict if type(step) is str else list):
                raise PathNotFound(self.text, self._broken(document))
            try:
                value = value[step]  # type: ignore[index]  # a definite path has names and indexes only
            except (KeyError, IndexError):
                raise PathNotFound(self.text, self._broken(document)) from None
        return value

    def _computed(self, value: Json) -> Json:
        try:
            return _FUNCTIONS[self.function](value)
        except (TypeError, ValueError, ArithmeticError):
            detail = f"Function {self.function}() can not be applied to this value"
            raise PathNotFound(self.text, detail) from None

    def is_written_to(self) -> bool:
        """A reference path: one place of the input."""
        return (
            not self.function
            and self.root == "input"
            and all(type(step) is str or (type(step) is int and step >= 0) for step in self.steps)
        )

    def write(self, document: Json, value: Json) -> Json:
        """A copy of ``document`` with ``value`` in this place; missing objects on the way are made."""
        return _written(document, self.steps, value, self.text)

    def _broken(self, document: Json) -> str:
        shown = "$"
        for place, step in enumerate(self.steps):
            shown += f"['{step}']" if isinstance(step, str) else f"[{step}]"
            if isinstance(step, str):
                if type(document) is not dict or step not in document:
                    last = place == len(self.steps) - 1
                    return f"No results for path: {shown}" if last else f"Missing property in path {shown}"
            elif type(document) is not list:
                return f"Filter: [{step}] can only be applied to arrays."
            elif isinstance(step, int) and not -len(document) <= step < len(document):
                return f"Index out of bounds when evaluating path {shown}"
            document = document[step]
        return f"No results for path: {shown}"


def _written(document: Json, steps: tuple[Step, ...], value: Json, text: str) -> Json:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        if type(document) is not dict:
            raise StatesError(RESULT_PATH, f"Unable to apply step \"{step}\" of ResultPath '{text}'")
        return {**document, step: _written(document.get(step, {}), rest, value, text)}
    if type(document) is not list or not isinstance(step, int) or step >= len(document):
        raise StatesError(RESULT_PATH, f"Unable to apply step \"[{step}]\" of ResultPath '{text}'")
    return [*document[:step], _written(document[step], rest, value, text), *document[step + 1 :]]


# --- reading of more than one place ------------------------------------------------------------------------------


def _select(document: Json, steps: tuple[Step, ...]) -> list[Json]:
    nodes: list[Json] = [document]
    reading = Reading(document)
    for step in steps:
        nodes = [found for node in nodes for found in _children(node, step, reading)]
    return nodes


def _children(node: Json, step: Step, reading: Reading) -> Iterator[Json]:
    match step:
        case str():
            if type(node) is dict and step in node:
                yield node[step]
        case int():
            if type(node) is list and -len(node) <= step < len(node):
                yield node[step]
        case Slice(start, stop, stride):
            if type(node) is list:
                yield from node[start:stop:stride]
        case Union(members):
            for member in members:
                yield from _children(node, member, reading)
        case Wildcard():
            if type(node) is dict:
                yield from node.values()
            elif type(node) is list:
                yield from node
        case Descendants():
            yield from _below(node)
        case Filter(test):
            candidates = node if type(node) is list else [node] if type(node) is dict else []
            yield from [candidate for candidate in candidates if test(candidate, reading)]


def _below(node: Json) -> Iterator[Json]:
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        inner = current.values() if type(current) is dict else current if type(current) is list else ()
        pending.extend(reversed([value for value in inner if type(value) in (dict, list)]))


# --- parsing -----------------------------------------------------------------------------------------------------

_ROOT = re.compile(r"\$(?P<context>\$)?(?P<variable>[A-Za-z_][\w]*)?")
_NAME = re.compile(r"[^\s.\[\]()*'\",:?@]+")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_INT = re.compile(r"-?\d{1,9}")
_SLICE = re.compile(r"(-?\d{1,9})?\s*:\s*(-?\d{1,9})?(?:\s*:\s*(-?\d{1,9})?)?")


def parse_path(text: str) -> Path:
    """Raises ``PathSyntaxError``."""
    if len(text) > MAX_PATH_CHARS:
        raise PathSyntaxError(f"path longer than {MAX_PATH_CHARS} characters")
    begin = _ROOT.match(text)
    if begin is None:
        raise PathSyntaxError(f"'{text}' is not a path: it must begin with $")
    variable = begin["variable"] or ""
    if begin["context"] and variable:
        raise PathSyntaxError(f"'{text}' is not a path: write $$.{variable}")
    if (function := _FUNCTION.search(text)) is not None:
        inner = parse_path(text[: function.start()])
        return replace(inner, text=text, function=function[1])
    root: Root = "context" if begin["context"] else "variable" if variable else "input"
    steps = tuple(_Parser(text, begin.end()).steps())
    if len(steps) > MAX_STEPS or sum(type(step) is Descendants for step in steps) > MAX_DESCENDANTS:
        raise PathSyntaxError(f"'{text}' has too many steps")
    definite = all(type(step) in (str, int) for step in steps)
    return Path(text, root, variable, steps, definite)


def _follow(text: str, many: bool) -> Follow:
    """A path inside of a filter."""
    steps = parse_path(text).steps
    if all(type(step) in (str, int) for step in steps):
        return lambda node: _only(node, steps)
    if not many:
        raise PathSyntaxError(f"'{text}': a path of the whole document must name one place in a filter")
    return lambda node: _select(node, steps) or MISSING


def _only(node: Json, steps: tuple[Step, ...]) -> Any:
    for step in steps:
        node = next(_children(node, step, Reading(None)), MISSING)
        if node is MISSING:
            break
    return node


def _numbers(value: Json) -> list[float]:
    found = [item for item in value if type(item) in (int, float)]
    if not found or len(found) != len(value):
        raise ValueError("not numbers")
    return found


_FUNCTION = re.compile(r"\.(length|keys|min|max|avg|sum)\(\)$")
_FUNCTIONS: Final[dict[str, Callable[[Json], Json]]] = {
    "length": len,
    "keys": lambda value: list(dict(value)),
    "min": lambda value: min(_numbers(value)),
    "max": lambda value: max(_numbers(value)),
    "avg": lambda value: sum(_numbers(value)) / len(value),
    "sum": lambda value: sum(_numbers(value)),
}


class _Parser:
    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position

    def steps(self) -> Iterator[Step]:
        while self.position < len(self.text):
            if self._take(".."):
                yield Descendants()
                yield self._bracket() if self._take("[") else self._name()
            elif self._take("."):
                yield self._name()
            elif self._take("["):
                yield self._bracket()
            else:
                raise self._problem()

    def _name(self) -> Step:
        if self._take("*"):
            return Wildcard()
        return self._match(_NAME)

    def _bracket(self) -> Step:
        self._space()
        if self._take("?"):
            test, self.position = compile_filter(self.text, self.position, _follow)
            step: Step = Filter(test)
        elif self._take("*"):
            step = Wildcard()
        elif (found := _SLICE.match(self.text, self.position)) is not None:
            self.position = found.end()
            parts = [int(part) if part else None for part in found.groups()]
            if parts[2] == 0:
                raise self._problem()
            step = Slice(*parts)
        else:
            members = [self._member()]
            while self._space() or self._take(","):
                self._space()
                members.append(self._member())
            step = members[0] if len(members) == 1 else Union(tuple(members))
        self._space()
        if not self._take("]"):
            raise self._problem()
        return step

    def _member(self) -> str | int:
        if self.text[self.position : self.position + 1] in ("'", '"'):
            quoted = self._match(_QUOTED)
            return re.sub(r"\\(.)", r"\1", quoted[1:-1])
        return int(self._match(_INT))

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.position)
        if found is None:
            raise self._problem()
        self.position = found.end()
        return found[0]

    def _take(self, token: str) -> bool:
        if self.text.startswith(token, self.position):
            self.position += len(token)
            return True
        return False

    def _space(self) -> bool:
        """Skips blanks; always false, so that it can stand in a condition."""
        while self._take(" "):
            pass
        return False

    def _problem(self) -> PathSyntaxError:
        return PathSyntaxError(f"'{self.text}' is not a supported path: unexpected character at {self.position + 1}")
