"""Readers of single fields of a state: each gives the value or a default, and notes what is wrong.

Must not know which state type has which field: see ``loading``.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestration.asl.choice import not_a_reference_path
from orchestration.asl.errors import PathSyntaxError
from orchestration.asl.expressions import Expression, compile_expression
from orchestration.asl.findings import Findings
from orchestration.asl.machine import Seconds, Text
from orchestration.asl.paths import Path, parse_path
from orchestration.asl.protocol import Json
from orchestration.asl.queries import compile_query, compile_query_template, is_query
from orchestration.asl.templates import MAX_DEPTH as MAX_TEMPLATE_DEPTH
from orchestration.asl.templates import Template, compile_reading, compile_template

MAX_SECONDS: Final = 99_999_999
ROOT_PATH: Final = parse_path("$")

# Fields that one query language has and the other has not.
JSONATA_FIELDS: Final = frozenset({"Arguments", "Output", "Items", "Condition"})
JSONPATH_FIELDS: Final = frozenset(
    {
        "InputPath",
        "OutputPath",
        "Parameters",
        "Result",
        "ResultPath",
        "ResultSelector",
        "ItemsPath",
        "Variable",
        "SecondsPath",
        "TimestampPath",
        "TimeoutSecondsPath",
        "HeartbeatSecondsPath",
        "ErrorPath",
        "CausePath",
        "MaxConcurrencyPath",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentagePath",
        "MaxItemsPath",
        "MaxItemsPerBatchPath",
        "MaxInputBytesPerBatchPath",
    }
)


_LOOKS_DYNAMIC: Final = re.compile(r"\$\$?\.[A-Za-z_]|States\.[A-Za-z0-9]+\(")
_NOTHING: Final = compile_expression("$")  # stands for an expression that is wrong: its machine is never run


@dataclass(frozen=True)
class Fields:
    """The fields of one object of the definition, at ``location``; ``root`` is that of the state it belongs to.

    ``jsonata`` tells the language of that state, ``machine_jsonata`` that of the machine.
    """

    values: dict[str, Json]
    location: str
    findings: Findings
    jsonata: bool = False
    machine_jsonata: bool = False
    root: str = ""

    def inside(self, values: dict[str, Json], location: str) -> "Fields":
        """An object of the same state."""
        return replace(self, values=values, location=location)

    def at(self, name: str) -> str:
        return f"{self.location}/{name}"

    def problem(self, name: str, message: str) -> None:
        self.findings.add(self.at(name) if name else self.location, message)

    def named(self, location: str) -> str:
        """How AWS calls a place of the state in its errors: ``Output/v``."""
        return location[len(self.root) + 1 :]

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
        except PathSyntaxError:
            self.problem(name, "Value is not a valid JSONPath")
            return ROOT_PATH

    def reference_path(self, name: str) -> Path | None:
        value = self.values.get(name, "$")
        if not isinstance(value, str):
            return self.path(name)
        try:
            path = parse_path(value)
        except PathSyntaxError:
            path = None
        if path is None or not path.is_written_to():
            self.problem(name, not_a_reference_path(value))
            return ROOT_PATH
        return path

    def template(self, name: str) -> Template | None:
        if name not in self.values:
            return None
        value, location = self.values[name], self.at(name)
        if not self.jsonata:
            self._warn_of_constants(value, location, 0)
        if self.jsonata:
            field = self.named(location)
            return self.findings.attempt(lambda: compile_query_template(value, location, field), None)
        return self.findings.attempt(lambda: compile_template(value, location), None)

    def _warn_of_constants(self, value: Json, location: str, depth: int) -> None:
        """A text that looks like a path or a call, under a key that does not say so."""
        if depth > MAX_TEMPLATE_DEPTH or not isinstance(value, dict):
            return
        for key, inner in value.items():
            if isinstance(inner, str) and not key.endswith(".$") and _LOOKS_DYNAMIC.match(inner):
                message = f"The value of '{key}' looks like a path or an intrinsic function: the key lacks '.$'"
                self.findings.warn(f"{location}/{key}", message, "NO_DOLLAR")
            self._warn_of_constants(inner, f"{location}/{key}", depth + 1)

    def parameters(self) -> Template | None:
        """What JSONPath calls Parameters, and JSONata Arguments."""
        return self.template("Arguments" if self.jsonata else "Parameters")

    def query(self, name: str, wanted: str = "") -> Expression | None:
        """A JSONata expression; None where the field is absent or holds a plain value."""
        value, location = self.values.get(name), self.at(name)
        if not self.jsonata or not isinstance(value, str) or not is_query(value):
            return None
        text, field, broken = value, self.named(location), _NOTHING
        return self.findings.attempt(lambda: compile_query(text, location, field, wanted), broken)

    def seconds(self, name: str, *, least: int = 1) -> Seconds:
        """``name`` or ``<name>Path``."""
        found = self.exclusive(name, f"{name}Path")
        if not found:
            return Seconds()
        if (query := self.query(name, "number")) is not None:
            return Seconds(query=query)
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

    def text_or_query(self, name: str) -> Text | None:
        """None where the field is absent."""
        if name not in self.values:
            return None
        if (query := self.query(name, "string")) is not None:
            return Text(self.text(name), query)
        value = self.text(name)
        return Text(value, lambda document, env: value)

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
                found.append(self.inside(item, location))
            else:
                self.findings.add(location, "Expected value of type OBJECT")
        return found

    def known(self, allowed: frozenset[str]) -> None:
        """Refuses what the language does not have, or has in its other query language only."""
        mine, other = ("JSONata", "JSONPath") if self.jsonata else ("JSONPath", "JSONata")
        foreign = JSONPATH_FIELDS if self.jsonata else JSONATA_FIELDS
        for name in self.values:
            if name not in allowed:
                self.problem("", f"Field '{name}' is not supported")
            elif name in foreign:
                only = f"field '{name}' is only supported for the '{other}' QueryLanguage"
                self.problem("", f"The QueryLanguage is set to '{mine}', but {only}")
