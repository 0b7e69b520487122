"""Against AWS's recorded histories: every event's type, id, link and details. The data is not part of the project.

Cases that need what is refused by name today (JSONata, distributed Map …) are left out by that refusal, not by a list.
"""

import functools
import importlib.util
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from orchestration.asl.checking import check
from orchestration.asl.errors import DefinitionInvalid
from orchestration.asl.interpreter import load_machine
from orchestration.asl.protocol import (
    HistoryEvent,
    Input,
    RunTask,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
)
from orchestration.names import ACCOUNT as OURS
from orchestration.names import REGION
from tests.unit.asl.map_world import ObjectsInMemory, answer_map_runs
from tests.unit.asl.world import World

CASES = Path(__file__).parents[4] / "shared" / "asl-cases"
ACCOUNT = "us-east-1:111111111111"
FACTS = {
    "Execution": {"RoleArn": "arn:aws:iam::111111111111:role/sfn-role"},
    "StateMachine": {"Id": f"arn:aws:states:{ACCOUNT}:stateMachine:m", "Name": "m"},
}
# What still differs, and why.
KNOWN = {
    "scenarios/max_concurrency_path_negative/1": "recorded before it ended",
}
# Recorded when a distributed Map's Exited event was linked to MapRunSucceeded; later ones link it to MapRunStarted.
OLDER_LINKS = frozenset(
    {
        "scenarios/map_state_legacy_config_distributed_item_selector/1",
        "scenarios/map_state_config_distributed_reentrant/1",
        "scenarios/map_state_tolerated_failure_values/1",
        "scenarios/map_state_tolerated_failure_values/2",
        "scenarios/map_item_reader_base_csv_headers_decl/1",
        "scenarios/map_item_reader_csv_first_row_extra_fields/1",
    }
)

if not (CASES / "cases.jsonl").exists():
    pytest.skip(
        f"AWS's recordings are not at {CASES}: the shape of the history is NOT checked", allow_module_level=True
    )


@functools.cache
def runner() -> ModuleType:
    """The recordings' own comparison."""
    spec = importlib.util.spec_from_file_location("asl_cases_run", CASES / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recorded() -> list[dict[str, Any]]:
    lines = (CASES / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    return [case for case in cases if case["kind"] == "execution" and case["id"] not in KNOWN and _runs(case)]


def _runs(case: dict[str, Any]) -> bool:
    try:
        load_machine(case["definition"])
    except DefinitionInvalid as problem:
        raise AssertionError(f"AWS ran {case['id']}") from problem
    return runner().outcomes(case) is not None


def answers(case: dict[str, Any], world: World) -> Any:
    """The recorded outcomes, in the order of their scheduling; the last stands for all further ones."""
    outcomes, used = runner().outcomes(case) or {}, Counter[str]()

    def answer(task: RunTask) -> Iterable[Input]:
        name = world.state_of(task.entry)
        if not (known := outcomes.get(name)):
            return
        found = known[min(used[name], len(known) - 1)]
        used[name] += 1
        outcome = found["outcome"]
        if ":activity:" in task.resource and (worker := _worker(case)) is not None:
            yield TaskStarted(task.entry, worker)
        if "submitted" in found:
            yield TaskSubmitted(task.entry, found["submitted"])
        if outcome["event"].endswith("TimedOut"):
            if task.token is None:
                yield TaskFailed(task.entry, "States.Timeout", outcome.get("cause"))
        elif outcome["event"].endswith("Failed"):
            yield TaskFailed(task.entry, outcome.get("error"), outcome.get("cause"))
        else:
            yield TaskSucceeded(task.entry, outcome.get("output"))

    return answer


def _worker(case: dict[str, Any]) -> str | None:
    """Who took the activity's task."""
    started = [event for event in case["expected"].get("events", ()) if event["type"] == "ActivityStarted"]
    return started[0]["details"]["workerName"] if started else None


def _recorded_names(value: Any) -> Any:
    """With the recordings' account."""
    return (
        value.replace(f"arn:aws:states:{REGION}:{OURS}:", f"arn:aws:states:{ACCOUNT}:")
        if isinstance(value, str)
        else value
    )


def as_recorded(event: HistoryEvent) -> dict[str, Any]:
    return {
        "type": event.type,
        "id": event.id,
        "prev": event.previous,
        "details": {name: runner().normalize(_recorded_names(value), name) for name, value in event.details.items()},
    }


@pytest.mark.parametrize("case", recorded(), ids=lambda case: case["id"])
def test_history_and_end_are_as_recorded(case: dict[str, Any]) -> None:
    assert not [problem for problem in check(case["definition"]) if problem.severity == "ERROR"]
    world = World(load_machine(case["definition"]))
    world.execution_id, world.facts = f"arn:aws:states:{ACCOUNT}:execution:m:n", FACTS
    objects = {(each["Bucket"], each["Key"]): each["Body"].encode() for each in case.get("objects") or ()}
    world.answer = answer_map_runs(world, answers(case, world), ObjectsInMemory(objects))
    world.run(case.get("input"))
    result = {
        "status": world.state.status.value,
        "output": json.dumps(world.state.output),
        "error": world.state.error,
        "cause": world.state.cause,
        "events": [as_recorded(event) for event in world.history],
    }
    levels = runner().execution_levels(case, result)
    if case["id"] in OLDER_LINKS:
        levels = {level: levels[level] for level in ("outcome", "cause", "types")}
    assert all(levels.values()), (levels, result)
