"""From a definition (parsed JSON) to a ``Machine``; every problem on the way is noted, not only the first.

``checking`` asks for the problems, ``load_machine`` for the machine: there is one reading of the language.
"""

from dataclasses import replace
from typing import Final

from orchestration.asl.errors import DefinitionInvalid
from orchestration.asl.fields import Fields
from orchestration.asl.findings import BAD_NAME, MISSING_TARGET, TOO_DEEP, Findings
from orchestration.asl.flow import check_flow
from orchestration.asl.limits import HISTORY_LIMIT_EVENTS
from orchestration.asl.machine import AnyState, Graph, Machine
from orchestration.asl.protocol import Json
from orchestration.asl.state_types import FIELDS, READERS

JSONPATH: Final = "JSONPath"
JSONATA: Final = "JSONata"
TYPES: Final = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")  # in AWS's order
MAX_NAME_CHARS: Final = 80
MAX_GRAPH_DEPTH: Final = 8


def load_machine(
    definition: dict[str, Json], *, time_scale: float = 1.0, history_limit: int = HISTORY_LIMIT_EVENTS
) -> Machine:
    """Raises ``DefinitionInvalid`` for the first problem that ``check`` would call an error."""
    findings = Findings()
    graph, timeout_s = read_definition(definition, findings)
    if errors := findings.errors():
        raise DefinitionInvalid(errors[0].message, errors[0].path)
    comment = str(definition.get("Comment", ""))
    return Machine(graph, comment, timeout_s, time_scale, history_limit, definition)


def read_definition(definition: Json, findings: Findings) -> tuple[Graph, float | None]:
    """The machine's graph and its TimeoutSeconds, as far as they can be read."""
    if not isinstance(definition, dict):
        findings.add("/", "A state machine must be an OBJECT")
        return Graph("", {}), None
    fields = Fields(definition, "", findings)
    fields.known(frozenset({"Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"}))
    fields.text("Comment")
    if fields.text("Version", default="1.0") != "1.0":
        fields.problem("Version", "The only supported version is 1.0")
    fields = replace(fields, machine_jsonata=_language(fields) == JSONATA)
    timeout_s = None
    if "TimeoutSeconds" in definition:
        timeout_s = float(fields.integer("TimeoutSeconds", 1, least=1))
    graph = read_graph(fields, 0)
    check_flow(definition, "", findings, set())
    return graph, timeout_s


def _language(fields: Fields) -> str:
    """That of the machine, or of a state. What has none takes the machine's, wherever in it it stands."""
    language = fields.values.get("QueryLanguage", JSONATA if fields.machine_jsonata else JSONPATH)
    if language not in (JSONPATH, JSONATA):
        fields.problem("QueryLanguage", f"'QueryLanguage' must be '{JSONPATH}' or '{JSONATA}'")
        return JSONPATH
    if fields.machine_jsonata and language == JSONPATH:
        fields.problem("", f"'QueryLanguage' can not be '{JSONPATH}' if set to '{JSONATA}' for whole state machine")
        return JSONATA
    return str(language)


def read_graph(fields: Fields, depth: int) -> Graph:
    if depth > MAX_GRAPH_DEPTH:
        message = f"Parallel and Map states are nested more than {MAX_GRAPH_DEPTH} levels deep"
        fields.findings.add(fields.location, message, TOO_DEEP)
        return Graph("", {})
    fields.required("StartAt", "States")
    definitions = fields.values.get("States", {})
    if not isinstance(definitions, dict) or ("States" in fields.values and not definitions):
        fields.problem("States", "Value cannot be empty" if definitions == {} else "Expected value of type OBJECT")
        return Graph("", {})
    states: dict[str, AnyState] = {}
    for name, definition in definitions.items():
        location = f"{fields.location}/States/{name}"
        if not 1 <= len(name) <= MAX_NAME_CHARS:
            fields.findings.add(location, f"A state's name must have 1 to {MAX_NAME_CHARS} characters", BAD_NAME)
        if isinstance(definition, dict):
            state = read_state(name, replace(fields.inside(definition, location), root=location), depth)
            if state is not None:
                states[name] = state
        else:
            fields.findings.add(location, "Expected value of type OBJECT")
    start_at = fields.text("StartAt")
    if "StartAt" in fields.values and start_at not in definitions:
        fields.findings.add(f"{fields.location}/StartAt", f"Missing 'Next' target: {start_at}", MISSING_TARGET)
    return Graph(start_at, states)


def read_state(name: str, fields: Fields, depth: int) -> AnyState | None:
    fields.required("Type")
    kind = fields.values.get("Type")
    if not isinstance(kind, str) or kind not in FIELDS:
        if "Type" in fields.values:
            fields.problem("Type", f"The field 'Type' should have one of these values: [{', '.join(TYPES)}]")
        return None
    fields = replace(fields, jsonata=_language(fields) == JSONATA)
    fields.known(FIELDS[kind])
    return READERS[kind](name, fields, lambda inner: read_graph(inner, depth + 1))
