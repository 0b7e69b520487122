"""What a person does to a machine in the studio: add, remove, rename, connect, set. Pure: a definition in, another out.

An edit keeps a sound machine sound: every way leads to a state of the same graph, and every graph ends somewhere.
"""

from dataclasses import dataclass
from typing import Any, Final

from lab.console.studio.palette import new_state
from lab.console.studio.states import (
    ENDINGS,
    WORKS,
    Definition,
    State,
    all_states,
    changed_graph,
    graph_with,
    own_states,
    redirected,
    way_on,
)

EMPTY: Final[Definition] = {"Comment": "", "StartAt": "Begin", "States": {"Begin": {"Type": "Pass", "End": True}}}
MAX_NAME: Final = 80


class CannotEdit(Exception):
    """Tell the person; nothing was changed."""


@dataclass(frozen=True)
class Edited:
    """``selected`` is the state that a person will want to go on with."""

    definition: Definition
    selected: str


def add_state(definition: Definition, type_: str, near: str | None) -> Edited:
    """A new state after ``near``, or before it where nothing can come after it; without one, after the start.

    Raises ``CannotEdit`` for an end where there is no room for one.
    """
    if not own_states(definition):
        definition = EMPTY
    if near is None or graph_with(definition, near) is None:
        near = _start(definition)
    name = free_name(definition, type_)

    def change(graph: Definition) -> Definition:
        beside = own_states(graph)[near]
        if type_ in ENDINGS and (way_on(beside) in own_states(graph) or beside.get("Type") in ENDINGS):
            return _with_end(graph, near, name, type_)
        if beside.get("Type") in ENDINGS:
            return _with_before(graph, near, name, type_)
        return _with_after(graph, near, name, type_, free_name(definition, "Done"))

    return Edited(changed_graph(definition, near, change), name)


def _with_end(graph: Definition, near: str, name: str, type_: str) -> Definition:
    """An end beside what comes after ``near``: another way of a Choice, or what an error leads to."""
    beside = own_states(graph)[near]
    if beside.get("Type") == "Choice":
        rule = {"Variable": "$.value", "IsPresent": True, "Next": name}
        led = {**beside, "Choices": [*beside.get("Choices", ()), rule]}
    elif beside.get("Type") in WORKS and type_ == "Fail":
        led = {**beside, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": name}]}
        if beside.get("Catch"):
            raise CannotEdit(f"errors of {near!r} lead somewhere already: see its Catch")
    else:
        raise CannotEdit(f"a {type_} after {near!r} would cut off what comes there now; add a Choice first")
    return {**graph, "States": _inserted(graph, near, {near: led, name: new_state(type_, name)})}


def _with_after(graph: Definition, near: str, name: str, type_: str, done: str) -> Definition:
    """``done``: a name for the end that a Choice needs after it where there is none."""
    states, beside = own_states(graph), own_states(graph)[near]
    following = way_on(beside)
    ends: dict[str, State] = {}
    if following not in states:
        following, ends = (done, {done: {"Type": "Succeed"}}) if type_ == "Choice" else (None, {})
    added = _leading_to(new_state(type_, name), following)
    if beside.get("Type") == "Choice":
        led: State = {**beside, "Default": name}
    else:
        led = {**{key: value for key, value in beside.items() if key != "End"}, "Next": name}
    return {**graph, "States": _inserted(graph, near, {near: led, name: added, **ends})}


def _with_before(graph: Definition, near: str, name: str, type_: str) -> Definition:
    added = _leading_to(new_state(type_, name), near)
    states = {
        each: redirected(state, lambda target: name if target == near else target)
        for each, state in own_states(graph).items()
    }
    start = name if graph.get("StartAt") == near else graph.get("StartAt")
    return {**graph, "StartAt": start, "States": _inserted({"States": states}, near, {name: added, near: states[near]})}


def _inserted(graph: Definition, at: str, instead: dict[str, State]) -> dict[str, State]:
    """The states in their order, those of ``instead`` in the place of ``at``."""
    result: dict[str, State] = {}
    for name, state in own_states(graph).items():
        result |= instead if name == at else {name: state}
    return result


def _leading_to(state: State, following: str | None) -> State:
    kind = state["Type"]
    if kind in ENDINGS:
        return state
    if following is None:
        return _ending(state)
    if kind == "Choice":
        rule = {"Variable": "$.value", "IsPresent": True, "Next": following}
        return {**state, "Choices": [rule], "Default": following}
    return {**state, "Next": following}


def _ending(state: State) -> State:
    return state if state["Type"] in ENDINGS else {**state, "End": True}


def remove_state(definition: Definition, name: str) -> Edited:
    """Who led to it leads to what came after it. Raises ``CannotEdit`` for the last state of a graph."""
    graph = graph_with(definition, name)
    if graph is None:
        raise CannotEdit(f"there is no state {name!r}")
    states = own_states(graph)
    if len(states) == 1:
        raise CannotEdit(f"{name!r} is the only state here; a machine, a branch and an iteration need one")
    following = way_on(states[name])
    heir = following if following in states and following != name else None

    def change(of: Definition) -> Definition:
        left = {
            each: redirected(state, lambda target: heir if target == name else target)
            for each, state in own_states(of).items()
            if each != name
        }
        start = (heir or next(iter(left))) if of.get("StartAt") == name else of.get("StartAt")
        return {**of, "StartAt": start, "States": left}

    changed = changed_graph(definition, name, change)
    return Edited(changed, heir or _start(changed))


def rename_state(definition: Definition, name: str, to: str) -> Edited:
    """Whoever leads to it leads to its new name. Raises ``CannotEdit`` for a name that is taken, or none."""
    if not to.strip() or len(to) > MAX_NAME:
        raise CannotEdit(f"a state's name has 1 to {MAX_NAME} characters")
    if to == name:
        return Edited(definition, name)
    if to in all_states(definition):
        raise CannotEdit(f"there is a state {to!r} already; names are unique in the whole machine")

    def change(graph: Definition) -> Definition:
        states = {
            to if each == name else each: redirected(state, lambda target: to if target == name else target)
            for each, state in own_states(graph).items()
        }
        return {**graph, "StartAt": to if graph.get("StartAt") == name else graph.get("StartAt"), "States": states}

    return Edited(changed_graph(definition, name, change), to)


def set_state(definition: Definition, name: str, state: State) -> Edited:
    """The state as a whole is another."""

    def change(graph: Definition) -> Definition:
        return {**graph, "States": {**own_states(graph), name: state}}

    return Edited(changed_graph(definition, name, change), name)


def connect(definition: Definition, source: str, target: str) -> Edited:
    """``source`` leads on to ``target``. Raises ``CannotEdit`` where that cannot be."""
    graph = graph_with(definition, source)
    if graph is None or target not in own_states(graph):
        raise CannotEdit(f"{source!r} and {target!r} are not in the same graph")
    state = own_states(graph)[source]
    if state.get("Type") in ENDINGS:
        raise CannotEdit(f"{source!r} ends the execution: nothing comes after it")
    if state.get("Type") == "Choice":
        return set_state(definition, source, {**state, "Default": target})
    led = {key: value for key, value in state.items() if key not in ("End", "Next")}
    return set_state(definition, source, {**led, "Next": target})


def end_here(definition: Definition, name: str) -> Edited:
    """Nothing comes after the state. Raises ``CannotEdit`` where that cannot be."""
    state = all_states(definition).get(name, {})
    if state.get("Type") == "Choice":
        raise CannotEdit("a Choice cannot end an execution; lead its ways to states that do")
    if state.get("Type") in ENDINGS:
        return Edited(definition, name)
    return set_state(definition, name, {**{k: v for k, v in state.items() if k != "Next"}, "End": True})


def free_name(definition: Definition, wanted: str) -> str:
    """``wanted``, with a number where it is taken, as are the names of what would run inside it."""
    taken = all_states(definition)
    number, name = 1, wanted
    while name in taken or any(f"{name} {inner}" in taken for inner in ("left", "right", "item")):
        number += 1
        name = f"{wanted} {number}"
    return name


def _start(definition: Definition) -> str:
    start = definition.get("StartAt")
    states: dict[str, Any] = own_states(definition)
    return start if isinstance(start, str) and start in states else next(iter(states), "")
