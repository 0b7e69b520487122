"""Filters of a path, ``[?(@.price < 10 && @.tags contains 'new')]``: compiled to a predicate of one node.

``@`` is the node, ``$`` the whole document. What is missing equals nothing; values of different types have no order.
Reading is linear in document × filter: a list that every node is compared with is made a set once.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import orjson

from orchestration.asl.errors import PathSyntaxError
from orchestration.asl.intrinsics import same
from orchestration.asl.protocol import Json
from orchestration.asl.regexes import RegexSyntaxError, TimedPattern, compile_regex

MAX_DEPTH: Final = 20
SMALL: Final = 16
MISSING: Final = object()


class Reading:
    """One reading of a path: its document, and the lists that were searched in it."""

    __slots__ = ("_sets", "root")

    def __init__(self, root: Json) -> None:
        self.root = root
        self._sets: dict[int, tuple[list[Json], frozenset[bytes]]] = {}

    def holds(self, container: Any, value: Any) -> bool:
        if type(container) is str:
            return type(value) is str and value in container
        if type(container) is not list:
            return False
        if len(container) <= SMALL:
            return any(same(item, value) for item in container)
        found = self._sets.get(id(container))
        if found is None:
            found = self._sets[id(container)] = (container, frozenset(map(_key, container)))
        return _key(value) in found[1]


def _key(value: Json) -> bytes:
    whole = int(value) if type(value) is float and value.is_integer() else value
    return orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)


Test = Callable[[Json, Reading], bool]  # of a node
Operand = Callable[[Json, Reading], Any]
Compare = Callable[[Any, Any, Reading], bool]
Follow = Callable[[Json], Any]  # gives ``MISSING`` where there is nothing
ReadSteps = Callable[[str, bool], Follow]

_PATH: Final = re.compile(
    r"[@$](?:\.[A-Za-z_][\w-]*|\.\*|\[\s*(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|-?\d{1,9}|\*)\s*\])*"
)
_NUMBER: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?")
_TEXT: Final = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_WORD: Final = re.compile(r"(true|false|null)\b")
_REGEX: Final = re.compile(r"/((?:[^/\\]|\\.)+)/(i?)")
_OPERATOR: Final = re.compile(r"==|!=|<=|>=|=~|<|>|(?:in|nin|subsetof|anyof|noneof|contains|size|empty)\b")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


def _ordered(one: Any, other: Any) -> bool:
    numbers = type(one) in (int, float) and type(other) in (int, float)
    return numbers or (type(one) is str and type(other) is str)


def _lists(one: Any, other: Any) -> bool:
    return type(one) is list and type(other) is list


_OPERATORS: Final[dict[str, Compare]] = {
    "==": lambda one, other, reading: one is not MISSING and other is not MISSING and same(one, other),
    "!=": lambda one, other, reading: one is MISSING or other is MISSING or not same(one, other),
    "<": lambda one, other, reading: _ordered(one, other) and one < other,
    "<=": lambda one, other, reading: _ordered(one, other) and one <= other,
    ">": lambda one, other, reading: _ordered(one, other) and one > other,
    ">=": lambda one, other, reading: _ordered(one, other) and one >= other,
    "in": lambda one, other, reading: one is not MISSING and reading.holds(other, one),
    "nin": lambda one, other, reading: one is MISSING or not reading.holds(other, one),
    "contains": lambda one, other, reading: other is not MISSING and reading.holds(one, other),
    "subsetof": lambda one, other, reading: _lists(one, other) and all(reading.holds(other, item) for item in one),
    "anyof": lambda one, other, reading: _lists(one, other) and any(reading.holds(other, item) for item in one),
    "noneof": lambda one, other, reading: _lists(one, other) and not any(reading.holds(other, item) for item in one),
    "size": lambda one, other, reading: type(one) in (str, list) and type(other) is int and len(one) == other,
    "empty": lambda one, other, reading: type(one) in (str, list) and (len(one) == 0) is other,
}
_OF_THE_NODE: Final = frozenset({"subsetof", "anyof", "noneof"})  # what stands left of these is gone through


def compile_filter(text: str, position: int, read_steps: ReadSteps) -> tuple[Test, int]:
    """From right after the ``?``; gives the test and where it ends. Raises ``PathSyntaxError``.

    ``read_steps`` compiles a path that begins with ``$``; the flag tells whether it may name several places.
    """
    parser = _Parser(text, position, read_steps)
    test = parser.either(0)
    parser.skip_blanks()
    return test, parser.position


class _Parser:
    def __init__(self, text: str, position: int, read_steps: ReadSteps) -> None:
        self.text = text
        self.position = position
        self._read_steps = read_steps

    def either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self._take("||"):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda node, reading: any(test(node, reading) for test in tests)

    def skip_blanks(self) -> None:
        while self.text.startswith(" ", self.position):
            self.position += 1

    def _both(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._take("&&"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda node, reading: all(test(node, reading) for test in tests)

    def _one(self, depth: int) -> Test:
        if depth > MAX_DEPTH:
            raise PathSyntaxError(f"'{self.text}': the filter is nested too deeply")
        if self._take("!"):
            inner = self._one(depth + 1)
            return lambda node, reading: not inner(node, reading)
        if self._take("("):
            group = self.either(depth + 1)
            if not self._take(")"):
                raise self._problem()
            return group
        return self._comparison()

    def _comparison(self) -> Test:
        self.skip_blanks()
        of_node = not self.text.startswith("$", self.position)
        left = self._operand()
        self.skip_blanks()
        found = self._match(_OPERATOR)
        if found is None:
            return lambda node, reading: left(node, reading) is not MISSING
        if found[0] == "=~":
            return self._regex(left)
        if found[0] in _OF_THE_NODE and not of_node:
            raise PathSyntaxError(f"'{self.text}': what stands left of '{found[0]}' must begin with @")
        compare, right = _OPERATORS[found[0]], self._operand()
        return lambda node, reading: compare(left(node, reading), right(node, reading), reading)

    def _regex(self, left: Operand) -> Test:
        self.skip_blanks()
        found = self._match(_REGEX)
        if found is None:
            raise self._problem()
        try:
            pattern = compile_regex(f"^(?:{found[1]})$", ignore_case=bool(found[2]))
        except RegexSyntaxError as problem:
            raise PathSyntaxError(f"'{self.text}': {problem}") from None

        if isinstance(pattern, TimedPattern):
            raise PathSyntaxError(f"'{self.text}': look-around and back references are not supported in a filter")

        def matches(node: Json, reading: Reading) -> bool:
            value = left(node, reading)
            return type(value) is str and pattern.search(value) is not None

        return matches

    def _operand(self) -> Operand:
        self.skip_blanks()
        if (found := self._match(_PATH)) is not None:
            of_node = found[0][0] == "@"
            follow = self._read_steps("$" + found[0][1:], of_node)
            return (lambda node, reading: follow(node)) if of_node else (lambda node, reading: follow(reading.root))
        value = self._list() if self._take("[") else self._literal()
        return lambda node, reading: value

    def _list(self) -> list[Json]:
        items: list[Json] = []
        while not self._take("]"):
            if items and not self._take(","):
                raise self._problem()
            self.skip_blanks()
            items.append(self._literal())
        return items

    def _literal(self) -> Json:
        if (found := self._match(_TEXT)) is not None:
            return _ESCAPE.sub(r"\1", found[1] if found[1] is not None else found[2])
        if (found := self._match(_NUMBER)) is not None:
            return float(found[0]) if re.search(r"[.eE]", found[0]) else int(found[0])
        if (found := self._match(_WORD)) is not None:
            return _CONSTANTS[found[0]]
        raise self._problem()

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.position)
        if found is not None:
            self.position = found.end()
        return found

    def _take(self, token: str) -> bool:
        self.skip_blanks()
        if self.text.startswith(token, self.position):
            self.position += len(token)
            return True
        return False

    def _problem(self) -> PathSyntaxError:
        return PathSyntaxError(f"'{self.text}': unexpected character of a filter at {self.position + 1}")
