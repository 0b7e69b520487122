"""How each state of a running machine is marked: a shape, a word and a tone. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.console.signs import Tone, sign_of
from orchestration.visibility.graph import Edge, EdgeKind, Graph, Group, Node


@dataclass(frozen=True)
class Mark:
    """``says`` stands under the state's name; ``tone`` colours it, and never alone."""

    says: str
    tone: Tone


def graph_from(content: Mapping[str, Any]) -> Graph:
    """The graph as ``orchestration.visibility`` tells it over HTTP."""
    return Graph(
        start_at=content["start_at"],
        comment=content["comment"],
        nodes=tuple(Node(**node) for node in content["nodes"]),
        edges=tuple(Edge(**{**edge, "kind": EdgeKind(edge["kind"])}) for edge in content["edges"]),
        groups=tuple(Group(**group) for group in content["groups"]),
    )


def marks_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, Mark]:
    """By state, from a story's entries: the last entry decides, and how often it was entered and tried is told."""
    by_state: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        by_state.setdefault(entry["state"], []).append(entry)
    return {state: _mark(told) for state, told in by_state.items()}


def _mark(entries: list[Mapping[str, Any]]) -> Mark:
    status = word_of(entries[-1])
    sign = sign_of(status)
    tries = sum(len(entry["attempts"]) for entry in entries)
    more = [f"{len(entries)} times" if len(entries) > 1 else "", f"{tries} tries" if tries > len(entries) else ""]
    return Mark(" · ".join([f"{sign.shape} {status}", *filter(None, more)]), sign.tone)


def word_of(entry: Mapping[str, Any]) -> str:
    """A state's status; one that was handed to somebody outside waits."""
    status = str(entry["status"])
    attempts = entry["attempts"]
    asks = bool(attempts) and str(attempts[-1]["resource"]).endswith(".waitForTaskToken")
    return "waiting" if status == "running" and (asks or entry["type"] == "Wait") else status
