"""A state machine as nodes, edges and groups, from its definition alone, for whoever draws it. Pure.

A group is what runs inside a state: a Parallel's branch, a Map's processor. Names of states are unique in the whole
machine, so a node is known by its name. What makes no sense in a definition is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from orchestration.asl.machine import compensates
from orchestration.asl.protocol import Json

MAX_LABEL: Final = 120
MAX_DEPTH: Final = 20


class EdgeKind(StrEnum):
    NEXT = "next"
    CHOICE = "choice"
    DEFAULT = "default"
    CATCH = "catch"


@dataclass(frozen=True, slots=True)
class Node:
    """``group`` is empty at the top. ``undoes``: the state whose work this one undoes, as its Comment says."""

    name: str
    type: str
    group: str
    resource: str = ""
    comment: str = ""
    undoes: str = ""
    start: bool = False
    end: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """``label`` says when: the condition of a choice, the errors of a catcher."""

    source: str
    target: str
    kind: EdgeKind
    label: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What runs inside the state ``of``: its branch number ``index``, or, as ``kind`` says, its iterations."""

    id: str
    of: str
    kind: str  # branch, iteration or distributed
    index: int
    start_at: str


@dataclass(frozen=True, slots=True)
class Graph:
    start_at: str
    comment: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    groups: tuple[Group, ...]


def graph_of(definition: dict[str, Json]) -> Graph:
    nodes: list[Node] = []
    edges: list[Edge] = []
    groups: list[Group] = []
    inside: list[tuple[str, dict[str, Json]]] = [("", definition)]
    for group, graph in inside:  # grows as it is walked
        for name, state in _states(graph).items():
            nodes.append(_node(graph, name, state, group))
            edges += _edges(name, state)
            for inner, content in _inner(name, state):
                groups.append(inner)
                inside.append((inner.id, content))
    return Graph(_text(definition, "StartAt"), _text(definition, "Comment"), tuple(nodes), tuple(edges), tuple(groups))


def _states(graph: dict[str, Json]) -> dict[str, dict[str, Json]]:
    states = graph.get("States")
    return {n: s for n, s in states.items() if isinstance(s, dict)} if isinstance(states, dict) else {}


def _node(graph: dict[str, Json], name: str, state: dict[str, Json], group: str) -> Node:
    kind = _text(state, "Type")
    return Node(
        name=name,
        type=kind,
        group=group,
        resource=_text(state, "Resource"),
        comment=_text(state, "Comment"),
        undoes=(compensates(graph, name) or "") if _text(state, "Comment") else "",
        start=graph.get("StartAt") == name,
        end=state.get("End") is True or kind in ("Succeed", "Fail"),
    )


def _edges(name: str, state: dict[str, Json]) -> Iterator[Edge]:
    if isinstance(target := state.get("Next"), str):
        yield Edge(name, target, EdgeKind.NEXT)
    for rule in _rules(state, "Choices"):
        yield Edge(name, _text(rule, "Next"), EdgeKind.CHOICE, _short(condition(rule)))
    if isinstance(target := state.get("Default"), str):
        yield Edge(name, target, EdgeKind.DEFAULT)
    for rule in _rules(state, "Catch"):
        errors = rule.get("ErrorEquals")
        label = ", ".join(map(str, errors)) if isinstance(errors, list) else ""
        yield Edge(name, _text(rule, "Next"), EdgeKind.CATCH, _short(label))


def _inner(name: str, state: dict[str, Json]) -> Iterator[tuple[Group, dict[str, Json]]]:
    branches = state.get("Branches")
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        if isinstance(branch, dict):
            yield Group(f"{name}/{index}", name, "branch", index, _text(branch, "StartAt")), branch
    processor = state.get("ItemProcessor", state.get("Iterator"))
    if isinstance(processor, dict):
        settings = processor.get("ProcessorConfig")
        distributed = isinstance(settings, dict) and settings.get("Mode") == "DISTRIBUTED"
        kind = "distributed" if distributed else "iteration"
        yield Group(f"{name}/0", name, kind, 0, _text(processor, "StartAt")), processor


def condition(rule: dict[str, Json], depth: int = MAX_DEPTH) -> str:
    """A Choice rule in one line; what is nested more deeply than ``depth`` is left out."""
    if depth == 0:
        return "…"
    if isinstance(query := rule.get("Condition"), str):
        return query.removeprefix("{%").removesuffix("%}").strip()
    for word in ("And", "Or"):
        if isinstance(rules := rule.get(word), list):
            return f" {word.lower()} ".join(_nested(each, depth) for each in rules if isinstance(each, dict))
    if isinstance(negated := rule.get("Not"), dict):
        return f"not {_nested(negated, depth)}"
    compared = [f"{name} {value}" for name, value in rule.items() if name not in _NOT_COMPARED]
    return " ".join([_text(rule, "Variable"), *compared])


_NOT_COMPARED: Final = frozenset({"Variable", "Next", "Comment", "Assign", "Output"})


def _nested(rule: dict[str, Json], depth: int) -> str:
    compound = any(word in rule for word in ("And", "Or"))
    text = condition(rule, depth - 1)
    return f"({text})" if compound else text


def _rules(state: dict[str, Json], name: str) -> list[dict[str, Any]]:
    rules = state.get(name)
    return [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []


def _text(of: dict[str, Json], name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""


def _short(text: str) -> str:
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"
