"""What is wrong with a definition, gathered: the loader goes on after a problem, so that all are told at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from orchestration.asl.errors import DefinitionInvalid

T = TypeVar("T")


class Severity(StrEnum):
    ERROR = "ERROR"
    WARNING = "WARNING"


@dataclass(frozen=True)
class Problem:
    """``code`` is AWS's diagnostic code; ``path`` a pointer into the definition, ``/`` for the whole, empty: none."""

    code: str
    path: str
    message: str
    severity: Severity = Severity.ERROR


SCHEMA = "SCHEMA_VALIDATION_FAILED"
MISSING_TARGET = "MISSING_TRANSITION_TARGET"
INVALID_JSON = "INVALID_JSON_DESCRIPTION"
NO_END = "MISSING_END_STATE"
DUPLICATE = "DUPLICATE_STATE_NAME"
BAD_NAME = "INVALID_STATE_NAME"
TOO_DEEP = "TOO_DEEPLY_NESTED"


@dataclass
class Findings:
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: str, message: str, code: str = SCHEMA, severity: Severity = Severity.ERROR) -> None:
        self.problems.append(Problem(code, path or "/", message, severity))

    def add_placeless(self, message: str, code: str) -> None:
        """A problem of the whole definition for which AWS gives no location."""
        self.problems.append(Problem(code, "", message))

    def warn(self, path: str, message: str, code: str) -> None:
        self.add(path, message, code, Severity.WARNING)

    def attempt(self, read: Callable[[], T], instead: T) -> T:
        """What ``read`` gives; where it finds a problem, the problem is noted and ``instead`` stands in."""
        try:
            return read()
        except DefinitionInvalid as problem:
            self.add(problem.location, problem.message, problem.code)
            return instead

    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]
