"""The distributed Map as a state: its history, what its children get, and what becomes of its fields."""

from typing import Any

import orjson
import pytest

from orchestration.asl.checking import check
from orchestration.asl.distributed import MAP_REDRIVE, MAP_RUN
from orchestration.asl.errors import StatesError
from orchestration.asl.interpreter import Status, load_machine, outstanding
from orchestration.asl.machine import processor_machine
from orchestration.asl.map_items import Children, Item, items_of
from orchestration.asl.map_results import results
from orchestration.asl.protocol import (
    ExecutionStarted,
    RedriveRequested,
    StopMapRun,
    StopRequested,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
)
from tests.unit.asl.map_world import ObjectsInMemory, answer_map_runs
from tests.unit.asl.world import World, nobody_answers, single, states

PASS = states("P", P={"Type": "Pass", "End": True})
READER = {
    "Resource": "arn:aws:states:::s3:getObject",
    "ReaderConfig": {"InputType": "JSON"},
    "Parameters": {"Bucket": "data", "Key": "in.json"},
}


def distributed(processor: dict[str, Any] = PASS, **fields: Any) -> dict[str, Any]:
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    return single(Type="Map", ItemProcessor={**config, **processor}, **fields)


def run(definition: dict[str, Any], document: Any, objects: dict[str, Any] | None = None) -> World:
    world = World(load_machine(definition))
    store = ObjectsInMemory({("data", key): orjson.dumps(value) for key, value in (objects or {}).items()})
    world.answer = answer_map_runs(world, nobody_answers, store)
    return world.run(document)


def output(world: World) -> Any:
    assert world.state.status is Status.SUCCEEDED, (world.state.error, world.state.cause)
    return world.state.output


def waiting(definition: dict[str, Any], document: Any) -> World:
    """With its map run asked for, and no answer yet."""
    world = World(load_machine(definition))
    world.give(ExecutionStarted("arn:aws:states:us-east-1:000000000000:execution:m:e", document))
    return world


def test_the_history_tells_of_the_map_run_and_not_of_its_items() -> None:
    world = run(distributed(), [1, 2])
    assert world.types == [
        "ExecutionStarted",
        "MapStateEntered",
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]
    assert output(world) == [1, 2]


def test_the_map_run_is_named_by_machine_label_and_state_entry() -> None:
    world = waiting(distributed(Label="lines"), [1])
    arn = world.history[3].details["mapRunArn"]
    assert arn.startswith("arn:aws:states:us-east-1:000000000000:mapRun:m/lines:")
    assert waiting(distributed(Label="lines"), [1]).history[3].details["mapRunArn"] == arn


def test_a_failed_map_run_can_be_caught() -> None:
    catch = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "C"}]
    fails = states("F", F={"Type": "Fail", "Error": "E"})
    definition = distributed(fails, Catch=catch)
    definition["States"]["C"] = {"Type": "Pass", "End": True}
    world = run(definition, [1])
    assert world.types[4:6] == ["MapRunFailed", "MapStateFailed"]
    assert output(world) == {
        "Error": "States.ExceedToleratedFailureThreshold",
        "Cause": "The specified tolerated failure threshold was exceeded",
    }


def test_a_retry_starts_another_map_run() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
    world = run(distributed(states("F", F={"Type": "Fail"}), Retry=retry), [1])
    arns = [event.details["mapRunArn"] for event in world.history if event.type == "MapRunStarted"]
    assert len(set(arns)) == 2


def test_an_object_gives_its_members() -> None:
    assert output(run(distributed(), {"a": 1, "b": 2})) == [{"Key": "a", "Value": 1}, {"Key": "b", "Value": 2}]


def test_the_selector_sees_item_index_source_and_input() -> None:
    selector = {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "s.$": "$$.Map.Item.Source", "in.$": "$.k"}
    definition = distributed(ItemReader=READER, ItemSelector=selector)
    assert output(run(definition, {"k": 7}, {"in.json": ["x"]})) == [
        {"v": "x", "i": 0, "s": "S3://data/in.json", "in": 7}
    ]


def test_jsonata_gives_every_field() -> None:
    definition = {
        "QueryLanguage": "JSONata",
        **distributed(
            Items="{% $states.input.items %}",
            ItemSelector={"v": "{% $states.context.Map.Item.Value * $states.input.by %}"},
            ItemBatcher={"MaxItemsPerBatch": "{% 1 + 1 %}", "BatchInput": {"by": "{% $states.input.by %}"}},
            MaxConcurrency="{% 2 %}",
            ToleratedFailurePercentage="{% 10 %}",
            Output="{% $count($states.result) %}",
        ),
    }
    assert output(run(definition, {"items": [1, 2, 3], "by": 10})) == 2


def test_a_jsonata_error_fails_the_state_before_anything_is_started() -> None:
    definition = {"QueryLanguage": "JSONata", **distributed(Items=[1], ToleratedFailureCount="{% 'x' %}")}
    world = run(definition, {})
    assert world.state.error == "States.QueryEvaluationError"
    assert "MapRunStarted" not in world.types


@pytest.mark.parametrize("limit", ["x", -1, 1.5, None])
def test_a_wrong_max_items_path_is_a_failure_of_the_reader(limit: Any) -> None:
    reader = {**READER, "ReaderConfig": {"InputType": "JSON", "MaxItemsPath": "$.limit"}}
    world = run(distributed(ItemReader=reader), {"limit": limit}, {"in.json": [1]})
    assert (world.state.status, world.state.error) == (Status.FAILED, "States.ItemReaderFailed")
    assert world.types[3:5] == ["MapRunStarted", "MapRunFailed"]


def test_results_too_large_for_the_output_fail_the_state() -> None:
    long = "x" * 60_000
    fill = states("P", P={"Type": "Pass", "Result": long, "End": True})
    assert run(distributed(fill), [1, 2, 3, 4, 5]).state.error == "States.DataLimitExceeded"


def test_stopping_the_execution_stops_its_map_run() -> None:
    world = waiting(distributed(), [1])
    stopped: list[StopMapRun] = []
    world.perform = lambda commands: stopped.extend(c for c in commands if isinstance(c, StopMapRun))  # type: ignore[method-assign]
    world.give(StopRequested(None, None))
    assert [command.run.startswith("~run~m~") for command in stopped] == [True]


def test_whoever_takes_over_starts_the_same_map_run_until_it_is_submitted() -> None:
    world = waiting(distributed(ItemSelector={"v.$": "$$.Map.Item.Value"}), [1])
    (task,) = world.tasks
    assert outstanding(world.machine, world.state) == (task,)
    assert task.resource == MAP_RUN
    world.give(TaskSubmitted(task.entry, None))
    assert outstanding(world.machine, world.state) == ()
    world.give(TaskSucceeded(task.entry, [1], task.attempt))
    assert world.state.output == [1]


def test_a_redrive_goes_on_with_the_same_map_run() -> None:
    world = waiting(distributed(), [1])
    (first,) = world.tasks
    world.give(TaskFailed(first.entry, "States.ExceedToleratedFailureThreshold", "C", first.attempt))
    assert world.state.status is Status.FAILED
    world.give(RedriveRequested(1))
    redriven = world.history[-1]
    assert (redriven.type, redriven.details["redriveCount"]) == ("MapRunRedriven", 1)
    assert redriven.details["mapRunArn"] == world.history[3].details["mapRunArn"]
    again = world.tasks[-1]
    assert (again.resource, again.attempt) == (MAP_REDRIVE, 2)
    assert outstanding(world.machine, world.state) == (again,)
    world.give(TaskSucceeded(again.entry, [1], 2))
    assert world.state.output == [1]


def test_children_run_the_processor_wherever_it_stands() -> None:
    inner = distributed(PASS)["States"]["S"]
    outer = single(Type="Parallel", Branches=[states("Inner", Inner=inner)])
    assert processor_machine(load_machine(outer), "Inner").graph.start_at == "P"


def test_batches_are_bounded_by_items_and_by_bytes() -> None:
    machine = load_machine(distributed(ItemBatcher={"MaxItemsPerBatch": 2}))
    by_items = Children(machine, {"state": "S", "run": "r", "batch": {"items": 3}})
    fed = [*by_items.feed(items_of([1, 2, 3, 4])), *by_items.finish()]
    assert [child.input["Items"] for child in fed] == [[1, 2, 3], [4]]
    by_bytes = Children(machine, {"state": "S", "run": "r", "batch": {"bytes": 30, "input": {"a": 1}}})
    fed = [*by_bytes.feed([Item("xxxxx"), Item("yyyyy")]), *by_bytes.finish()]
    assert [child.input for child in fed] == [
        {"BatchInput": {"a": 1}, "Items": ["xxxxx"]},
        {"BatchInput": {"a": 1}, "Items": ["yyyyy"]},
    ]


def test_an_item_too_large_for_an_execution_is_refused() -> None:
    children = Children(load_machine(distributed()), {"state": "S", "run": "r"})
    with pytest.raises(StatesError, match="DataLimitExceeded"):
        list(children.feed([Item("x" * 300_000)]))


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("COMPACT", [[1, 2], 3]),
        ("FLATTEN", [1, 2, 3]),
    ],
)
def test_forms_of_results(form: str, told: list[Any]) -> None:
    ends = [{"Status": "SUCCEEDED", "Output": [1, 2]}, {"Status": "SUCCEEDED", "Output": 3}]
    assert list(results(form, ends)) == told


def test_a_failed_child_is_told_of_whole_in_every_form() -> None:
    end = {"Status": "FAILED", "Input": {"a": 1}, "Error": "E", "StartDate": 1_700_000_000_000}
    for form in ("NONE", "COMPACT", "FLATTEN"):
        (told,) = results(form, [end])
        assert (told["Input"], told["StartDate"], told["RedriveStatus"]) == (
            '{"a":1}',
            "2023-11-14T22:13:20.000Z",
            "REDRIVABLE",
        )


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"Label": "a b"}, "/States/S/Label"),
        ({"Label": "x" * 41}, "/States/S/Label"),
        ({"ItemBatcher": {}}, "/States/S/ItemBatcher"),
        ({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject"}}, "/States/S/ItemReader/ReaderConfig"),
        (
            {"ItemReader": {**READER, "ReaderConfig": {"InputType": "XML"}}},
            "/States/S/ItemReader/ReaderConfig/InputType",
        ),
        ({"ItemReader": {**READER, "ReaderConfig": {"InputType": "CSV"}}}, "/States/S/ItemReader/ReaderConfig"),
        ({"ResultWriter": {}}, "/States/S/ResultWriter"),
        ({"ToleratedFailurePercentage": 101}, "/States/S/ToleratedFailurePercentage"),
        ({"ToleratedFailureCount": 1, "ToleratedFailureCountPath": "$.n"}, "/States/S"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], where: str) -> None:
    assert where in [problem.path for problem in check(distributed(**fields))]


@pytest.mark.parametrize("name", ["ItemReader", "ItemBatcher", "ResultWriter", "Label"])
def test_an_inline_map_has_none_of_its_fields(name: str) -> None:
    assert check(single(Type="Map", ItemProcessor=PASS, **{name: {}}))
