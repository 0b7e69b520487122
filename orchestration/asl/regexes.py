"""Regular expressions of queries and paths, which must not backtrack for ever.

Almost all are given to RE2, which takes linear time. What RE2 lacks (look-around, back references) goes to ``regex``,
where each use has a few milliseconds.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import re2
import regex
from jsonata.regex_engine import RegexFlags

TIMEOUT_S: Final = 0.005
MAX_PATTERN_CHARS: Final = 2_000


class RegexSyntaxError(Exception):
    """The pattern is no regular expression, or too long a one."""


class TimedPattern:
    """A pattern for the backtracking engine, in the shape of ``re.Pattern``."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern = regex.compile(pattern, flags)

    def search(self, string: str) -> Any:
        return self._pattern.search(string, timeout=TIMEOUT_S)

    def finditer(self, string: str) -> Iterator[Any]:
        found: Iterator[Any] = self._pattern.finditer(string, timeout=TIMEOUT_S)
        return found

    def sub(self, repl: str | Callable[[Any], str], string: str, count: int = 0) -> str:
        return str(self._pattern.sub(repl, string, count, timeout=TIMEOUT_S))

    def split(self, string: str, maxsplit: int = 0) -> list[str]:
        return [part or "" for part in self._pattern.split(string, maxsplit, timeout=TIMEOUT_S)]


def jsonata_regex(pattern: str, flags: RegexFlags) -> Any:
    """The library's ``regex_engine``."""
    return compile_regex(pattern, ignore_case=flags.case_insensitive, multiline=flags.multiline)


def compile_regex(pattern: str, *, ignore_case: bool = False, multiline: bool = False) -> Any:
    """Raises ``RegexSyntaxError``."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise RegexSyntaxError(f"the regular expression is longer than {MAX_PATTERN_CHARS} characters")
    options = re2.Options()
    options.log_errors = False
    letters = ("i" if ignore_case else "") + ("m" if multiline else "")
    try:
        return re2.compile(f"(?{letters}){pattern}" if letters else pattern, options)
    except re2.error:
        pass
    try:
        wanted = (regex.I if ignore_case else 0) | (regex.M if multiline else 0)
        return TimedPattern(pattern, wanted)
    except regex.error as problem:
        raise RegexSyntaxError(f"invalid regular expression: {problem}") from None
