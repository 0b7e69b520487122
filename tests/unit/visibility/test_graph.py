"""State machines drawn from their definitions alone."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.visibility.graph import Edge, EdgeKind, Group, condition, graph_of

PASS = {"Type": "Pass", "End": True}


def test_edges_say_when_they_are_followed() -> None:
    graph = graph_of(
        {
            "StartAt": "A",
            "States": {
                "A": {
                    "Type": "Task",
                    "Resource": "r",
                    "Comment": "undo of B: it is given back",
                    "Next": "B",
                    "Catch": [{"ErrorEquals": ["X", "Y"], "Next": "C"}],
                },
                "B": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.n", "NumericGreaterThan": 3, "Next": "C"}],
                    "Default": "D",
                },
                "C": {"Type": "Fail"},
                "D": {"Type": "Succeed"},
            },
        }
    )
    assert graph.edges == (
        Edge("A", "B", EdgeKind.NEXT),
        Edge("A", "C", EdgeKind.CATCH, "X, Y"),
        Edge("B", "C", EdgeKind.CHOICE, "$.n NumericGreaterThan 3"),
        Edge("B", "D", EdgeKind.DEFAULT),
    )
    a, *rest = graph.nodes
    assert (a.start, a.end, a.undoes, a.resource) == (True, False, "B", "r")
    assert [(node.name, node.start, node.end, node.undoes) for node in rest] == [
        ("B", False, False, ""),
        ("C", False, True, ""),
        ("D", False, True, ""),
    ]


def test_groups_are_what_runs_inside_a_state() -> None:
    each = {
        "Type": "Map",
        "End": True,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED"},
            "StartAt": "Leaf",
            "States": {"Leaf": PASS},
        },
    }
    both = {
        "Type": "Parallel",
        "End": True,
        "Branches": [{"StartAt": "Each", "States": {"Each": each}}, {"StartAt": "Other", "States": {"Other": PASS}}],
    }
    graph = graph_of({"StartAt": "Both", "States": {"Both": both}})
    assert graph.groups == (
        Group("Both/0", "Both", "branch", 0, "Each"),
        Group("Both/1", "Both", "branch", 1, "Other"),
        Group("Each/0", "Each", "distributed", 0, "Leaf"),
    )
    assert {node.name: node.group for node in graph.nodes} == {
        "Both": "",
        "Each": "Both/0",
        "Other": "Both/1",
        "Leaf": "Each/0",
    }


def test_conditions_read_as_one_line() -> None:
    assert condition({"Condition": "{% $n > 3 %}", "Next": "A"}) == "$n > 3"
    rule = {
        "Or": [
            {"And": [{"Variable": "$.a", "IsNull": True}, {"Variable": "$.b", "StringEquals": "x"}]},
            {"Not": {"Variable": "$.c", "BooleanEquals": False}},
        ],
        "Next": "A",
    }
    assert condition(rule) == "($.a IsNull True and $.b StringEquals x) or not $.c BooleanEquals False"


def test_a_condition_nested_deeply_is_cut_off() -> None:
    rule: dict[str, Any] = {"Variable": "$.a", "IsNull": True}
    for _ in range(5_000):
        rule = {"Not": rule}
    assert condition(rule).endswith("…")


def test_depth_does_not_matter() -> None:
    definition: dict[str, Any] = {"StartAt": "S0", "States": {"S0": PASS}}
    for depth in range(1, 2_000):
        state = {"Type": "Map", "End": True, "ItemProcessor": definition}
        definition = {"StartAt": f"S{depth}", "States": {f"S{depth}": state}}
    assert len(graph_of(definition).nodes) == 2_000


WORDS = ("States", "A", "Type", "Next", "Choices", "Catch", "Branches", "ItemProcessor", "And", "Not", "Comment")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(["StartAt", "States", "Comment"]), JSON))
def test_any_document_can_be_drawn(definition: dict[str, Any]) -> None:
    graph_of(definition)
