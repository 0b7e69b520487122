"""Expressions of a payload template: a path, or a call of intrinsic functions, compiled once to a closure.

    call     = name "(" [ argument { "," argument } ] ")"
    argument = call | path | 'text' | number | true | false | null

In a text, a backslash makes the next character plain; ``States.Format`` reads the braces itself.
"""

import re
from collections.abc import Callable
from typing import Final

import orjson

from orchestration.asl.errors import INTRINSIC, PathNotFound, PathSyntaxError, StatesError
from orchestration.asl.intrinsics import FUNCTIONS
from orchestration.asl.paths import Env, parse_path
from orchestration.asl.protocol import Json

MAX_EXPRESSION_CHARS: Final = 10_000
MAX_NESTING: Final = 10  # AWS's own limit for nested intrinsic functions

Expression = Callable[[Json, Env], Json]

_CALL = re.compile(r"(States\.[A-Za-z0-9]+)\s*\(")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?(?![\w.$])")
_WORD = re.compile(r"true|false|null")
_TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_PATH = re.compile(r"\$(?:[^\s,()\[\]'\"]|\[(?:[^\]'\"]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")*\])*")
_BLANK = re.compile(r"\s*")


def compile_expression(text: str) -> Expression:
    """A path or a call. Raises ``PathSyntaxError``; the closure raises ``PathNotFound`` or ``StatesError``."""
    if text.startswith("$"):
        return parse_path(text).read
    if len(text) > MAX_EXPRESSION_CHARS:
        raise PathSyntaxError(f"expression longer than {MAX_EXPRESSION_CHARS} characters")
    parser = _Parser(text)
    expression = parser.call(0)
    if expression is None or not parser.at_end():
        raise PathSyntaxError(f"'{text}' is neither a path nor a call of an intrinsic function")
    return expression


def _constant(value: Json) -> Expression:
    return lambda document, env: value


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def at_end(self) -> bool:
        self._blank()
        return self.position == len(self.text)

    def call(self, depth: int) -> Expression | None:
        self._blank()
        begin = self.position
        if (found := self._match(_CALL)) is None:
            return None
        name = found[1]
        if name not in FUNCTIONS:
            raise PathSyntaxError(f"'{name}' is not an intrinsic function")
        if depth >= MAX_NESTING:
            raise PathSyntaxError(f"'{self.text}': more than {MAX_NESTING} nested calls")
        arguments = self._arguments(name, depth)
        function, fewest, most = FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            raise PathSyntaxError(f"'{name}' does not take {len(arguments)} arguments")
        written = self.text[begin : self.position]

        def run(document: Json, env: Env) -> Json:
            try:
                return function(env.draw, [argument(document, env) for argument in arguments])
            except (PathNotFound, StatesError):
                raise
            except (TypeError, ValueError, RecursionError, orjson.JSONEncodeError) as problem:
                raise StatesError(INTRINSIC, f"'{written}': {problem}") from None

        return run

    def _arguments(self, name: str, depth: int) -> list[Expression]:
        arguments: list[Expression] = []
        self._blank()
        if self._take(")"):
            return arguments
        while True:
            arguments.append(self._argument(depth, keep_escapes=name == "States.Format" and not arguments))
            self._blank()
            if self._take(")"):
                return arguments
            if not self._take(","):
                raise self._problem()

    def _argument(self, depth: int, *, keep_escapes: bool) -> Expression:
        if (call := self.call(depth + 1)) is not None:
            return call
        if (found := self._match(_TEXT)) is not None:
            return _constant(found[1] if keep_escapes else re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL))
        if (found := self._match(_PATH)) is not None:
            return parse_path(found[0]).read
        if (found := self._match(_NUMBER)) is not None:
            return _constant(float(found[0]) if re.search(r"[.eE]", found[0]) else int(found[0]))
        if (found := self._match(_WORD)) is not None:
            return _constant({"true": True, "false": False, "null": None}[found[0]])
        raise self._problem()

    def _blank(self) -> None:
        self._match(_BLANK)

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        if (found := pattern.match(self.text, self.position)) is not None:
            self.position = found.end()
        return found

    def _take(self, token: str) -> bool:
        if self.text.startswith(token, self.position):
            self.position += len(token)
            return True
        return False

    def _problem(self) -> PathSyntaxError:
        return PathSyntaxError(f"'{self.text}': unexpected character at {self.position + 1}")
