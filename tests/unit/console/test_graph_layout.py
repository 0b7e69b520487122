"""The drawing of a machine: every state has its place, none lies upon another, and arrows lead downwards."""

import contextlib
import json
from itertools import combinations
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import orchestration
from lab.console.graphs.geometry import Box
from lab.console.graphs.layers import rows_of
from lab.console.graphs.layout import layout
from lab.console.graphs.marks import marks_of
from lab.console.studio import edits
from lab.console.studio.edits import EMPTY, CannotEdit
from lab.console.studio.palette import KINDS
from lab.console.studio.states import all_states
from orchestration.visibility.graph import Graph, graph_of

ORDERS = json.loads(Path(orchestration.__file__).with_name("order_fulfilment.asl.json").read_text())
NAMES = [f"s{number}" for number in range(8)]
LINKS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=20)


@settings(max_examples=40, deadline=None)
@given(LINKS)
def test_a_link_leads_down_or_is_told_to_lead_back(links: list[tuple[str, str]]) -> None:
    rows = rows_of(NAMES, links, "s0")
    depth = {name: number for number, row in enumerate(rows.rows) for name in row}
    assert sorted(name for row in rows.rows for name in row if "\n" not in name) == NAMES
    assert depth["s0"] == 0 or any(target == "s0" for _, target in links)
    for link in links:
        assert link in rows.back or depth[link[0]] < depth[link[1]]
    for source, target in rows.links:
        assert depth[target] == depth[source] + 1


def apart(one: Box, other: Box) -> bool:
    across = one.right <= other.x + 0.01 or other.right <= one.x + 0.01
    return across or one.bottom <= other.y + 0.01 or other.bottom <= one.y + 0.01


def assert_well_drawn(graph: Graph) -> None:
    picture = layout(graph)
    assert set(picture.boxes) == {node.name for node in graph.nodes}
    for box in picture.boxes.values():
        assert box.x >= 0
        assert box.y >= 0
        assert box.right <= picture.width
        assert box.bottom <= picture.height
    by_group: dict[str, list[Box]] = {}
    for node in graph.nodes:
        by_group.setdefault(node.group, []).append(picture.boxes[node.name])
    for boxes in by_group.values():
        assert all(apart(one, other) for one, other in combinations(boxes, 2))
    for group in graph.groups:
        inside, around = picture.frames[group.id], picture.boxes[group.of]
        assert around.x <= inside.x
        assert inside.right <= around.right


def test_the_order_machine_is_well_drawn() -> None:
    graph = graph_of(ORDERS)
    assert_well_drawn(graph)
    assert len(layout(graph).wires) == len(graph.edges)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([kind.type for kind in KINDS]), st.integers(0, 30)), max_size=8))
def test_whatever_the_studio_makes_is_well_drawn(added: list[tuple[str, int]]) -> None:
    definition = EMPTY
    for type_, near in added:
        names = list(all_states(definition))
        with contextlib.suppress(CannotEdit):
            definition = edits.add_state(definition, type_, names[near % len(names)]).definition
    assert_well_drawn(graph_of(definition))


def test_an_empty_machine_and_one_in_pieces_are_drawn_too() -> None:
    assert layout(graph_of({})).boxes == {}
    loose = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "gone"}, "B": {"Type": "Pass", "Next": "B"}}}
    assert set(layout(graph_of(loose)).boxes) == {"A", "B"}


def test_a_state_is_marked_by_its_last_entry_with_all_its_tries() -> None:
    def entry(status: str, tries: int, resource: str = "http://x") -> dict[str, object]:
        attempts = [{"resource": resource}] * tries
        return {"state": "A", "type": "Task", "status": status, "attempts": attempts}

    marks = marks_of([entry("caught", 4), entry("succeeded", 1)])
    assert marks["A"].says == "✓ succeeded · 2 times · 5 tries"
    waiting = marks_of([entry("running", 1, "approval:ask.waitForTaskToken")])
    assert waiting["A"].says == "◆ waiting"
