"""The studio's edits: whatever a person does, a sound machine stays sound, and nothing is changed in place."""

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import orchestration
from lab.console.studio import edits
from lab.console.studio.edits import EMPTY, CannotEdit
from lab.console.studio.palette import KINDS
from lab.console.studio.states import ENDINGS, Definition, all_states, graph_with, graphs_of, own_states, way_on
from orchestration.asl.checking import check

ORDERS: Definition = json.loads(Path(orchestration.__file__).with_name("order_fulfilment.asl.json").read_text())
MACHINES = st.sampled_from([EMPTY, ORDERS])
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "rename", "connect", "end"]), st.integers(0, 30), st.integers(0, 30)),
    max_size=12,
)


def errors(definition: Definition) -> list[str]:
    return [f"{each.path}: {each.message}" for each in check(definition) if each.severity == "ERROR"]


def done(definition: Definition, action: str, first: int, second: int) -> Definition:
    names = list(all_states(definition))
    one, other = names[first % len(names)], names[second % len(names)]
    match action:
        case "add":
            return edits.add_state(definition, KINDS[second % len(KINDS)].type, one).definition
        case "remove":
            return edits.remove_state(definition, one).definition
        case "rename":
            return edits.rename_state(definition, one, f"{one}'{second}"[:80]).definition
        case "connect":
            return edits.connect(definition, one, other).definition
        case _:
            return edits.end_here(definition, one).definition


@settings(max_examples=40, deadline=None)
@given(MACHINES, ACTIONS)
def test_every_way_leads_to_a_state_of_its_graph_whatever_is_edited(
    definition: Definition, actions: list[tuple[str, int, int]]
) -> None:
    for action, first, second in actions:
        before = copy.deepcopy(definition)
        try:
            changed = done(definition, action, first, second)
        except CannotEdit:
            changed = definition
        assert definition == before
        definition = changed
        for graph in graphs_of(definition):
            states = own_states(graph)
            assert graph["StartAt"] in states
            for target in (found for state in states.values() for found in targets(state)):
                assert target in states


def targets(state: dict[str, Any]) -> list[str]:
    rules = [*state.get("Choices", ()), *state.get("Catch", ())]
    plain = [state[name] for name in ("Next", "Default") if name in state]
    return [*plain, *(rule["Next"] for rule in rules)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([kind.type for kind in KINDS]), st.integers(0, 30)), max_size=8))
def test_what_is_only_added_to_a_sound_machine_can_be_published(added: list[tuple[str, int]]) -> None:
    definition = EMPTY
    for type_, near in added:
        names = list(all_states(definition))
        with contextlib.suppress(CannotEdit):
            definition = edits.add_state(definition, type_, names[near % len(names)]).definition
    assert errors(definition) == []


@given(st.integers(0, 30), st.text(min_size=1, max_size=80).filter(lambda text: bool(text.strip())))
def test_a_renaming_back_restores_the_machine(which: int, name: str) -> None:
    old = list(all_states(ORDERS))[which % len(all_states(ORDERS))]
    if name in all_states(ORDERS):
        return
    renamed = edits.rename_state(ORDERS, old, name)
    assert renamed.selected == name
    assert old not in all_states(renamed.definition)
    assert edits.rename_state(renamed.definition, name, old).definition == ORDERS


@pytest.mark.parametrize("kind", [kind.type for kind in KINDS if kind.type not in ENDINGS])
def test_a_state_stands_after_the_chosen_one_or_before_an_end(kind: str) -> None:
    added = edits.add_state(ORDERS, kind, "Reserve")
    states = all_states(added.definition)
    assert states["Reserve"]["Next"] == added.selected
    assert way_on(states[added.selected]) == "IsLarge"
    before_end = edits.add_state(ORDERS, "Wait", "Fulfilled")
    assert way_on(all_states(before_end.definition)[before_end.selected]) == "Fulfilled"
    assert way_on(all_states(before_end.definition)["PrintLabel"]) == before_end.selected


def test_an_end_stands_beside_what_comes_next_and_never_cuts_it_off() -> None:
    task = edits.add_state(EMPTY, "Task", "Begin").definition
    followed = edits.add_state(task, "Wait", "Task").definition
    failing = all_states(edits.add_state(followed, "Fail", "Task").definition)
    assert failing["Task"]["Next"] == "Wait"
    assert failing["Task"]["Catch"][0]["Next"] == "Fail"
    chosen = all_states(edits.add_state(ORDERS, "Succeed", "IsLarge").definition)
    assert [rule["Next"] for rule in chosen["IsLarge"]["Choices"]] == ["Approval", "Succeed"]
    with pytest.raises(CannotEdit, match="cut off"):
        edits.add_state(followed, "Succeed", "Begin")


def test_a_state_can_be_put_into_a_branch() -> None:
    parallel = edits.add_state(EMPTY, "Parallel", "Begin")
    inside = edits.add_state(parallel.definition, "Wait", "Parallel left")
    graph = graph_with(inside.definition, inside.selected)
    assert graph is not None
    assert list(own_states(graph)) == ["Parallel left", "Wait"]
    assert errors(inside.definition) == []


def test_who_led_to_a_removed_state_leads_to_what_came_after_it() -> None:
    removed = edits.remove_state(ORDERS, "Reserve").definition
    assert own_states(removed)["Charge"]["Next"] == "IsLarge"


def test_the_last_state_stays_and_a_name_is_given_once() -> None:
    with pytest.raises(CannotEdit, match="only state"):
        edits.remove_state(EMPTY, "Begin")
    with pytest.raises(CannotEdit, match="already"):
        edits.rename_state(ORDERS, "Charge", "Refund")
    with pytest.raises(CannotEdit, match="ends the execution"):
        edits.connect(ORDERS, "Fulfilled", "Charge")
