"""The reaction table as a graph, drawn like a state machine: what is done are boxes, events are arrows. Pure.

The table *is* the choreography; nothing is added here but the two who tell events without hearing any, and the ends.
"""

from collections.abc import Iterable

from choreography.reactions import TABLE, TOLD_BY_WATCH, Reaction, is_compensation
from orchestration.visibility.graph import Edge, EdgeKind, Graph, Node
from services.operations import UNDOES

DOOR = "order placed"
ASK = "ask a manager"
MANAGER = "manager decides"
WATCH = "deadline watch"


def node_of(row: Reaction) -> str:
    return str(row.operation) if row.operation is not None else ASK


def graph_of_reactions(table: Iterable[Reaction] = TABLE) -> Graph:
    rows = tuple(table)
    heard = {row.on for row in rows}
    tellers = _tellers(rows)
    edges = [
        Edge(teller, node_of(row), kind, str(row.on))
        for row in rows
        for teller, kind in tellers.get(row.on, ((DOOR, EdgeKind.NEXT),))
    ]
    edges.append(Edge(ASK, MANAGER, EdgeKind.NEXT, "ApprovalRequested"))
    ends: dict[str, None] = {}
    for row in rows:
        if row.done not in heard and row.operation is not None:
            ends[str(row.done)] = None
            edges.append(Edge(node_of(row), str(row.done), EdgeKind.NEXT, ""))
    nodes = [Node(DOOR, "front door", "", start=True)]
    nodes += {node_of(row): _node(row) for row in rows}.values()
    nodes += [Node(MANAGER, "front door", ""), Node(WATCH, "watch", "")]
    nodes += [Node(end, "event", "", end=True) for end in ends]
    return Graph(DOOR, "", tuple(nodes), tuple(dict.fromkeys(edges)), ())


def _tellers(rows: tuple[Reaction, ...]) -> dict[str, tuple[tuple[str, EdgeKind], ...]]:
    """Event -> who may tell it, and whether it tells of a failure."""
    found: dict[str, dict[tuple[str, EdgeKind], None]] = {}
    for row in rows:
        found.setdefault(row.done, {})[node_of(row), EdgeKind.NEXT] = None
        if row.failed is not None:
            found.setdefault(row.failed, {})[node_of(row), EdgeKind.CATCH] = None
    decided = {row.on for row in rows if row.on.startswith("Approval")} - set(found)
    found |= {event: {(MANAGER, EdgeKind.NEXT): None} for event in decided}
    found |= {event: {(WATCH, EdgeKind.NEXT): None} for event in TOLD_BY_WATCH}
    return {event: tuple(by) for event, by in found.items()}


def _node(row: Reaction) -> Node:
    undoes = str(UNDOES[row.operation]) if row.operation is not None and is_compensation(row) else ""
    return Node(node_of(row), str(row.service), "", undoes=undoes)
