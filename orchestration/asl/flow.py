"""Rules across the states of a definition: targets exist, every state is reached, names are unique, something ends.

Works on the definition itself, which may be wrong in any other way at the same time.
"""

from typing import Final

from orchestration.asl.findings import DUPLICATE, MISSING_TARGET, NO_END, Findings
from orchestration.asl.protocol import Json

_ENDING_TYPES: Final = ("Succeed", "Fail")


def check_flow(graph: dict[str, Json], location: str, findings: Findings, seen: set[str]) -> None:
    """``seen``: the names met so far in the whole machine."""
    states = graph.get("States")
    if not isinstance(states, dict):
        return
    found = {name: state for name, state in states.items() if isinstance(state, dict)}
    for name, state in found.items():
        where = f"{location}/States/{name}"
        if name in seen:
            findings.add(where, f"Duplicate State name: {name}", DUPLICATE)
        seen.add(name)
        for at, target in _targets(state):
            if target not in states:
                findings.add(f"{where}{at}", f"Missing 'Next' target: {target}", MISSING_TARGET)
        for at, inner in _inner_graphs(state):
            check_flow(inner, f"{where}{at}", findings, seen)
    if found and not any(state.get("End") is True or state.get("Type") in _ENDING_TYPES for state in found.values()):
        findings.add_placeless("Workflow has no terminal state", NO_END)
        return
    reached = _reachable(graph.get("StartAt"), found)
    for name in found:
        if reached and name not in reached:
            findings.add(f"{location}/States/{name}", f'State "{name}" is not reachable.', MISSING_TARGET)


def _targets(state: dict[str, Json]) -> list[tuple[str, str]]:
    """(place, name) of every state that may follow."""
    named: list[tuple[str, Json]] = [("/Next", state.get("Next")), ("/Default", state.get("Default"))]
    for group in ("Choices", "Catch"):
        rules = state.get(group)
        if isinstance(rules, list):
            named += [
                (f"/{group}[{at}]/Next", rule.get("Next")) for at, rule in enumerate(rules) if isinstance(rule, dict)
            ]
    return [(at, target) for at, target in named if isinstance(target, str)]


def _inner_graphs(state: dict[str, Json]) -> list[tuple[str, dict[str, Json]]]:
    named: list[tuple[str, Json]] = [(f"/{name}", state.get(name)) for name in ("ItemProcessor", "Iterator")]
    branches = state.get("Branches")
    if isinstance(branches, list):
        named += [(f"/Branches[{at}]", branch) for at, branch in enumerate(branches)]
    return [(at, graph) for at, graph in named if isinstance(graph, dict)]


def _reachable(start: Json, states: dict[str, dict[str, Json]]) -> set[str]:
    reached: set[str] = set()
    pending = [start] if isinstance(start, str) and start in states else []
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += [target for _, target in _targets(states[name]) if target in states]
    return reached
