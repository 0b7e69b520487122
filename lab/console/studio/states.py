"""The states of a definition wherever they are nested, and who leads to whom. Pure; a definition is never changed.

Whatever makes no sense is passed over: a person is in the middle of typing it.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

Definition = dict[str, Any]
State = dict[str, Any]
# A way of naming the state that comes next, one for each member that can.
Redirect = Callable[[str], str | None]

ENDINGS: Final = frozenset({"Succeed", "Fail"})
WORKS: Final = frozenset({"Task", "Parallel", "Map"})
RULES: Final = ("Choices", "Catch")


def graphs_of(definition: Definition) -> Iterator[Definition]:
    """The definition itself, then what runs inside its states."""
    yield definition
    for state in own_states(definition).values():
        for inner in inner_graphs(state):
            yield from graphs_of(inner)


def own_states(graph: Definition) -> dict[str, State]:
    states = graph.get("States")
    return {name: each for name, each in states.items() if isinstance(each, dict)} if isinstance(states, dict) else {}


def inner_graphs(state: State) -> list[Definition]:
    branches = state.get("Branches")
    inner = [branch for branch in branches if isinstance(branch, dict)] if isinstance(branches, list) else []
    inner += [state[name] for name in ("ItemProcessor", "Iterator") if isinstance(state.get(name), dict)]
    return inner


def all_states(definition: Definition) -> dict[str, State]:
    return {name: state for graph in graphs_of(definition) for name, state in own_states(graph).items()}


def graph_with(definition: Definition, name: str) -> Definition | None:
    """The graph that the state stands in."""
    return next((graph for graph in graphs_of(definition) if name in own_states(graph)), None)


def changed_graph(definition: Definition, name: str, change: Callable[[Definition], Definition]) -> Definition:
    """A copy in which the graph that holds state ``name`` is another."""
    if name in own_states(definition):
        return change(definition)
    states = {
        each: _changed_inside(state, name, change) if isinstance(state, dict) else state
        for each, state in (definition.get("States") or {}).items()
    }
    return {**definition, "States": states}


def _changed_inside(state: State, name: str, change: Callable[[Definition], Definition]) -> State:
    changed = dict(state)
    if isinstance(branches := state.get("Branches"), list):
        changed["Branches"] = [
            changed_graph(branch, name, change) if isinstance(branch, dict) else branch for branch in branches
        ]
    for member in ("ItemProcessor", "Iterator"):
        if isinstance(state.get(member), dict):
            changed[member] = changed_graph(state[member], name, change)
    return changed


def redirected(state: State, redirect: Redirect) -> State:
    """Every way out of a state led elsewhere; where ``redirect`` gives None, the way goes: a plain one ends instead."""
    led = dict(state)
    for member in RULES:
        if isinstance(rules := state.get(member), list):
            kept = [_rule(rule, redirect) for rule in rules]
            led[member] = [rule for rule in kept if rule is not None]
            if member == "Catch" and not led[member]:
                del led[member]
    for member in ("Next", "Default"):
        if isinstance(target := state.get(member), str):
            found = redirect(target)
            if found is not None:
                led[member] = found
            else:
                del led[member]
                if member == "Next":
                    led["End"] = True
    return led


def _rule(rule: Any, redirect: Redirect) -> Any:
    if not isinstance(rule, dict) or not isinstance(rule.get("Next"), str):
        return rule
    found = redirect(rule["Next"])
    return None if found is None else {**rule, "Next": found}


def way_on(state: State) -> str | None:
    """The state that comes next when nothing is special."""
    found = state.get("Next", state.get("Default"))
    return found if isinstance(found, str) else None
