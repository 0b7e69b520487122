"""The order's machine: every way through it, its retry numbers, and what taking a practice out takes out."""

from collections.abc import Iterable
from typing import Any

import pytest

from orchestration.asl.checking import check
from orchestration.asl.errors import DefinitionInvalid
from orchestration.asl.interpreter import Status
from orchestration.asl.machine import compensates
from orchestration.asl.protocol import Input, RunTask, TaskFailed, TaskSucceeded
from orchestration.orders.definition import RESOURCE_OF, load_order_machine, operation_of, order_machine
from services.operations import UNDOES, Operation
from services.practices import PRESETS, Practice
from services.retry import ACTION_RETRY, UNDO_RETRY, RetryPolicy
from tests.unit.asl.world import World

HARDENED, NAIVE = PRESETS["hardened"], PRESETS["naive"]
SETTINGS: dict[str, Any] = {
    "time_scale": 1.0,
    "approval_threshold_cents": 50_000,
    "approval_timeout_s": 31_536_000.0,
    "call_timeout_s": 10.0,
}
SMALL = {"order_id": "o-1", "total_cents": 100}
LARGE = {"order_id": "o-2", "total_cents": 50_000}
FORWARD = ["Charge", "Reserve", "IsLarge", "PrintLabel", "Fulfilled"]


def placed(order: dict[str, Any], practices: Any = HARDENED, **failures: Any) -> World:
    """Runs one order. ``failures``: operation or ``approval``/``person`` -> error name, or (error, how many times)."""
    left = {name: error if isinstance(error, tuple) else (error, 10**9) for name, error in failures.items()}
    names = {resource: operation.value for operation, resource in RESOURCE_OF.items()}

    def answer(task: RunTask) -> Iterable[Input]:
        name = names.get(task.resource, task.resource.partition(":")[0])
        error, times = left.get(name, (None, 0))
        if error is not None and times > 0:
            left[name] = (error, times - 1)
            return (TaskFailed(task.entry, error, f"cause of {error}"),)
        return (TaskSucceeded(task.entry, {"result": "done"}),)

    machine = load_order_machine(practices, **SETTINGS)
    return World(machine, answer).run({"order": order})


def test_a_small_order_is_charged_reserved_and_labelled() -> None:
    run = placed(SMALL)
    assert (run.state.status, run.entered()) == (Status.SUCCEEDED, FORWARD)
    assert all(task.parameters == SMALL for task in run.tasks)
    assert len({task.key for task in run.tasks}) == 3


def test_a_large_order_is_approved_before_its_label() -> None:
    run = placed(LARGE)
    assert run.entered() == ["Charge", "Reserve", "IsLarge", "Approval", "PrintLabel", "Fulfilled"]
    asked = run.tasks[2]
    assert asked.parameters == {"order_id": "o-2", "total_cents": 50_000, "token": asked.token}


@pytest.mark.parametrize(
    ("order", "failures", "undone"),
    [
        (SMALL, {"charge": "CardDeclined"}, []),
        (SMALL, {"charge": "Http.Unavailable"}, ["Refund"]),
        (SMALL, {"charge": "Http.BadRequest"}, ["Refund"]),
        (SMALL, {"reserve": "OutOfStock"}, ["Release", "Refund"]),
        (SMALL, {"reserve": "States.Timeout"}, ["Release", "Refund"]),
        (SMALL, {"print_label": "Http.ConnectionLost"}, ["VoidLabel", "Release", "Refund"]),
        (LARGE, {"approval": "ApprovalRejected"}, ["Release", "Refund"]),
        (LARGE, {"approval": "States.Timeout"}, ["Release", "Refund"]),
    ],
)
def test_what_fails_is_undone_in_reverse_order_and_ends_with_the_first_error(
    order: dict[str, Any], failures: dict[str, str], undone: list[str]
) -> None:
    run = placed(order, **failures)
    error = next(iter(failures.values()))
    definition = order_machine(HARDENED, **SETTINGS)
    assert [name for name in run.entered() if compensates(definition, name)] == undone
    assert (run.state.status, run.state.error, run.state.cause) == (Status.FAILED, error, f"cause of {error}")
    assert run.entered()[-1] == "RolledBack"


def test_technical_errors_are_retried_three_times_and_refusals_never() -> None:
    assert len([task for task in placed(SMALL, charge="Http.Unavailable").tasks if "charges" in task.resource]) == 4
    assert len([task for task in placed(SMALL, reserve="OutOfStock").tasks if "reservations" in task.resource]) == 1
    assert placed(SMALL, print_label=("States.Timeout", 3)).state.status is Status.SUCCEEDED


def test_an_undo_is_retried_until_it_succeeds_with_waits_that_are_capped() -> None:
    run = placed(SMALL, reserve="OutOfStock", refund=("Http.Unavailable", 40))
    assert run.state.error == "OutOfStock"
    assert len([task for task in run.tasks if "refunds" in task.resource]) == 41
    assert max(run.waits) == pytest.approx(30.0), "half of the cap: u is 0.5"


def test_an_undo_that_cannot_succeed_is_parked_for_a_person_and_then_tried_again() -> None:
    run = placed(SMALL, print_label="OutOfInk", release=("Http.BadRequest", 2), person=("Busy", 1))
    assert run.entered()[-7:] == [
        "Release",
        "ReleaseParked",
        "Release",
        "ReleaseParked",
        "Release",
        "Refund",
        "RolledBack",
    ]
    parked = next(task for task in run.tasks if task.resource.startswith("person:"))
    assert parked.token is not None
    assert parked.parameters["error"] == "Http.BadRequest"
    assert run.state.error == "OutOfInk"
    keys = [task.key for task in run.tasks if "releases" in task.resource]
    assert len(set(keys)) == 3, "another state entry is another call"


@pytest.mark.parametrize("operation", list(Operation))
def test_the_retry_numbers_are_those_that_both_lanes_share(operation: Operation) -> None:
    states = order_machine(HARDENED, **SETTINGS)["States"]
    rules = [
        rule for state in states.values() if state.get("Resource") == RESOURCE_OF[operation] for rule in state["Retry"]
    ]
    policy = UNDO_RETRY if operation in UNDOES else ACTION_RETRY
    assert [_policy(rule) for rule in rules] == [policy]
    assert rules[0]["JitterStrategy"] == "FULL"
    assert set(rules[0]["ErrorEquals"]) == {"Http.Unavailable", "Http.ConnectionLost", "States.Timeout"}


def _policy(rule: dict[str, Any]) -> RetryPolicy:
    for_ever = rule["MaxAttempts"] == 99_999_999
    return RetryPolicy(
        first_wait_s=rule["IntervalSeconds"],
        max_retries=None if for_ever else rule["MaxAttempts"],
        backoff_rate=rule["BackoffRate"],
        max_wait_s=rule.get("MaxDelaySeconds", ACTION_RETRY.max_wait_s),
    )


def test_every_undo_says_what_it_undoes() -> None:
    definition = order_machine(HARDENED, **SETTINGS)
    by_operation = {operation_of(definition, name): name for name in definition["States"]}
    assert {name: undone for name in definition["States"] if (undone := compensates(definition, name))} == {
        by_operation[undo]: by_operation[action] for undo, action in UNDOES.items()
    }


@pytest.mark.parametrize("practices", [frozenset(), *(HARDENED - {one} for one in Practice), HARDENED])
def test_a_practice_taken_out_leaves_a_good_machine_without_it(practices: frozenset[Practice]) -> None:
    definition = order_machine(practices, **SETTINGS)
    assert check(definition) == []
    fields = {name for state in definition["States"].values() for name in state}
    assert ("Retry" in fields) == (Practice.RETRIES in practices)
    caught = {
        error
        for state in definition["States"].values()
        for rule in state.get("Catch", [])
        for error in rule["ErrorEquals"]
    }
    assert ("States.ALL" in caught) == (Practice.DEAD_LETTERS in practices)
    assert ("TimeoutSeconds" in fields) == (Practice.DEADLINES in practices)


WITHOUT_DEAD_LETTERS = [HARDENED - {Practice.DEAD_LETTERS}, NAIVE]


@pytest.mark.parametrize("practices", WITHOUT_DEAD_LETTERS)
@pytest.mark.parametrize(
    ("order", "failures", "undone"),
    [
        (SMALL, {"charge": "CardDeclined"}, []),
        (SMALL, {"reserve": "OutOfStock"}, ["Release", "Refund"]),
        (SMALL, {"reserve": "UnknownProduct"}, ["Release", "Refund"]),
        (SMALL, {"print_label": "OutOfStock"}, ["VoidLabel", "Release", "Refund"]),
        (LARGE, {"approval": "ApprovalRejected"}, ["Release", "Refund"]),
        (LARGE, {"approval": "States.Timeout"}, ["Release", "Refund"]),
    ],
)
def test_without_dead_letters_an_outcome_of_the_business_is_still_undone(
    practices: frozenset[Practice], order: dict[str, Any], failures: dict[str, str], undone: list[str]
) -> None:
    run = placed(order, practices, **failures)
    definition = order_machine(practices, **SETTINGS)
    assert [name for name in run.entered() if compensates(definition, name)] == undone
    assert (run.state.error, run.entered()[-1]) == (next(iter(failures.values())), "RolledBack")


@pytest.mark.parametrize("practices", WITHOUT_DEAD_LETTERS)
@pytest.mark.parametrize("error", ["Http.Unavailable", "Http.ConnectionLost", "States.Timeout", "Http.BadRequest"])
def test_without_dead_letters_a_technical_error_ends_the_execution_half_done(
    practices: frozenset[Practice], error: str
) -> None:
    run = placed(SMALL, practices, reserve=error)
    assert (run.state.status, run.state.error) == (Status.FAILED, error)
    assert run.entered()[-1] == "Reserve"


@pytest.mark.parametrize("practices", WITHOUT_DEAD_LETTERS)
@pytest.mark.parametrize("error", ["Http.BadRequest", "OutOfStock"])
def test_without_dead_letters_an_undo_that_cannot_succeed_is_dropped(
    practices: frozenset[Practice], error: str
) -> None:
    run = placed(SMALL, practices, reserve="OutOfStock", release=error)
    assert (run.state.status, run.state.error, run.entered()[-1]) == (Status.FAILED, error, "Release")


@pytest.mark.parametrize("operation", [*UNDOES])
def test_a_compensation_can_be_taken_out_to_show_what_it_is_for(operation: Operation) -> None:
    definition = order_machine(HARDENED, guards_removed=[f"compensation:{operation}", "inbox"], **SETTINGS)
    assert operation not in {operation_of(definition, name) for name in definition["States"]}
    assert check(definition) == []


def test_timeouts_stay_real_seconds_whatever_the_time_scale() -> None:
    settings = {**SETTINGS, "time_scale": 0.02, "call_timeout_s": 1.0, "approval_timeout_s": 5.0}
    machine = load_order_machine(HARDENED, **settings)
    run = World(machine)
    run.run({"order": LARGE})
    assert run.tasks[0].timeout_s == pytest.approx(1.0)
    run.give(TaskSucceeded(run.tasks[0].entry, {}))
    run.give(TaskSucceeded(run.tasks[1].entry, {}))
    assert run.tasks[2].timeout_s == pytest.approx(5.0)


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(DefinitionInvalid, match="NumericGreaterThanEquals"):
        order_machine(HARDENED, **{**SETTINGS, "approval_threshold_cents": "many"})
