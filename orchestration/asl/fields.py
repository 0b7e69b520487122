"""Readers of single fields of a state: each gives the value or a default, and notes what is wrong.

Must not know which state type has which field: see ``loading``.
"""

from dataclasses import dataclass
from typing import Any, Final

from orchestration.asl.errors import PathSyntaxError
from orchestration.asl.findings import Findings
from orchestration.asl.machine import Seconds, Text
from orchestration.asl.paths import Path, parse_path
from orchestration.asl.protocol import Json
from orchestration.asl.templates import Template, compile_reading, compile_template

MAX_SECONDS: Final = 99_999_999
ROOT_PATH: Final = parse_path("$")


@dataclass(frozen=True)
class Fields:
    """The fields of one object of the definition, at ``location``."""

    values: dict[str, Json]
    location: str
    findings: Findings

    def at(self, name: str) -> str:
        return f"{self.location}/{name}"

    def problem(self, name: str, message: str) -> None:
        self.findings.add(self.at(name) if name else self.location, message)

    def required(self, *names: str) -> None:
        if missing := [name for name in names if name not in self.values]:
            self.findings.add(self.location, f"These fields are required: [{', '.join(missing)}]")

    def exclusive(self, *names: str) -> list[str]:
        """At most one of them; gives those that are there."""
        found = [name for name in names if name in self.values]
        if len(found) > 1:
            self.problem("", f"You can specify only one of these fields: [{', '.join(found)}]")
        return found

    def text(self, name: str, *, default: str = "") -> str:
        value = self.values.get(name, default)
        if isinstance(value, str):
            return value
        self.problem(name, "Expected value of type STRING")
        return default

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if name in self.values else None

    def integer(self, name: str, default: int, *, least: int, most: int = MAX_SECONDS) -> int:
        value = self.values.get(name, default)
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is int and least <= value <= most:
            return value
        self.problem(name, f"Expected value of type INTEGER between {least} and {most}")
        return default

    def number(self, name: str, default: float, *, least: float) -> float:
        value = self.values.get(name, default)
        if type(value) in (int, float) and least <= value <= MAX_SECONDS:
            return float(value)
        self.problem(name, f"Expected value of type NUMBER of at least {least}")
        return default

    def path(self, name: str) -> Path | None:
        """None where the field says null; ``$`` where it is absent."""
        value = self.values.get(name, "$")
        return None if value is None else self._path(name, value)

    def needed_path(self, name: str) -> Path:
        return self._path(name, self.values.get(name, "$"))

    def _path(self, name: str, value: Json) -> Path:
        if not isinstance(value, str):
            self.problem(name, "Expected value of type STRING that contains a path")
            return ROOT_PATH
        try:
            return parse_path(value)
        except PathSyntaxError as problem:
            self.problem(name, f"Value is not a valid JSONPath: {problem}")
            return ROOT_PATH

    def reference_path(self, name: str) -> Path | None:
        path = self.path(name)
        if path is not None and not path.is_written_to():
            self.problem(name, "Value is not a Reference Path: Illegal path")
            return ROOT_PATH
        return path

    def template(self, name: str) -> Template | None:
        if name not in self.values:
            return None
        value, location = self.values[name], self.at(name)
        return self.findings.attempt(lambda: compile_template(value, location), None)

    def seconds(self, name: str, *, least: int = 1) -> Seconds:
        """``name`` or ``<name>Path``."""
        found = self.exclusive(name, f"{name}Path")
        if not found:
            return Seconds()
        if found[0] == name:
            return Seconds(value=float(self.integer(name, 1, least=least)))
        return Seconds(path=self.needed_path(found[0]))

    def text_path(self, name: str) -> Text | None:
        """ErrorPath, CausePath: a path or a call that gives a string."""
        if name not in self.values:
            return None
        source = self.text(name)
        location = self.at(name)
        found = self.findings.attempt(lambda: compile_reading(name, source, location), None)
        return None if found is None else Text(source, found)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name)
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            return tuple(value)
        self.problem(name, "Expected value of type ARRAY of STRING, not empty")
        return ()

    def objects(self, name: str) -> "list[Fields]":
        value: Any = self.values.get(name, [])
        if not isinstance(value, list):
            self.problem(name, "Expected value of type ARRAY")
            return []
        found: list[Fields] = []
        for index, item in enumerate(value):
            location = f"{self.at(name)}[{index}]"
            if isinstance(item, dict):
                found.append(Fields(item, location, self.findings))
            else:
                self.findings.add(location, "Expected value of type OBJECT")
        return found

    def known(self, allowed: frozenset[str], unsupported: frozenset[str] = frozenset()) -> None:
        """Refuses what the language does not have, and, by name, what is not supported yet."""
        for name in self.values:
            if name in unsupported:
                self.problem(name, f"The field '{name}' is not supported yet")
            elif name not in allowed:
                self.problem(name, f"The field '{name}' is not supported by Step Functions")
