"""Checking a definition, apart from running it: every problem with its place, not only the first.

What ``check`` accepts never makes the interpreter raise anything but an error of the language.
"""

from typing import Final

import orjson

from orchestration.asl.findings import INVALID_JSON, Findings, Problem, Severity
from orchestration.asl.loading import read_definition
from orchestration.asl.protocol import Json

__all__ = ["Problem", "Severity", "check"]

MAX_DEFINITION_BYTES: Final = 1_048_576


def check(definition: str | bytes | dict[str, Json]) -> list[Problem]:
    """All problems, errors and warnings; an empty list: the machine can be created."""
    findings = Findings()
    parsed = _parse(definition, findings)
    if not findings.problems:
        read_definition(parsed, findings)
    return findings.problems


def _parse(definition: str | bytes | dict[str, Json], findings: Findings) -> Json:
    try:
        text = orjson.dumps(definition) if isinstance(definition, dict) else definition
        if len(text) > MAX_DEFINITION_BYTES:
            findings.add("/", f"The definition is longer than {MAX_DEFINITION_BYTES} bytes")
            return None
        parsed: Json = orjson.loads(text)
        orjson.dumps(parsed)  # what cannot be written again is nested too deeply
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as problem:
        findings.add("/", f"The definition is not valid JSON: {problem}", INVALID_JSON)
        return None
    return parsed
