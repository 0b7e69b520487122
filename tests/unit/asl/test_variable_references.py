"""Which variables the states of a machine read."""

from typing import Any

import pytest

from orchestration.asl.variable_references import variable_references


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


ASSIGNS = {"Type": "Pass", "Assign": {"total": 1, "who.$": "$.who"}, "Next": "Next"}


@pytest.mark.parametrize(
    ("state", "read"),
    [
        ({"Output": "{% $total + $sum($states.input.n) %}"}, ["total"]),
        ({"Output": {"a": ["{% $who %}"], "b": "$total"}}, ["who"]),
        ({"Output": "{% 'of $total' %}"}, []),
        ({"Parameters": {"a.$": "$who.name", "b.$": "States.MathAdd($total, 1)", "c.$": "$.x"}}, ["total", "who"]),
        ({"Parameters": {"a.$": "$.total", "b": "$who"}}, []),
        ({"Parameters": {"a.$": "States.Format('$total {}', $$.Execution.Name)"}}, []),
        ({"InputPath": "$who"}, ["who"]),
        ({"SecondsPath": "$total"}, ["total"]),
        ({"Choices": [{"Not": {"Variable": "$total", "IsPresent": True}, "Next": "A"}]}, ["total"]),
        ({"Assign": {"total": "{% $total + 1 %}"}}, ["total"]),
        ({"Arguments": "{% $unknown %}"}, []),
    ],
)  # fmt: skip
def test_a_state_reads_what_its_expressions_name(state: dict[str, Any], read: list[str]) -> None:
    found = variable_references(machine(First=ASSIGNS, Next={"Type": "Task", **state}))
    assert found == ({"Next": read} if read else {})


def test_inner_states_are_told_by_their_own_names() -> None:
    inner = machine(Inner={"Type": "Pass", "Output": "{% $total %}"})
    fan = {"Type": "Parallel", "Branches": [inner], "Catch": [{"Next": "First", "Assign": {"late": 1}}]}
    each = {
        "Type": "Map",
        "Items": "{% $late %}",
        "ItemProcessor": machine(Item={"Type": "Pass", "Output": "{% $who %}"}),
    }
    found = variable_references(machine(First=ASSIGNS, Fan=fan, Each=each))
    assert found == {"Inner": ["total"], "Each": ["late"], "Item": ["who"]}
