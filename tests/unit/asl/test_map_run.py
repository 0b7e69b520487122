"""The rules of a map run, without any outside."""

import random
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.asl import map_run
from orchestration.asl.map_run import (
    ENDS,
    Begun,
    ChildEnded,
    ChildrenRestarted,
    ChildrenStarted,
    Command,
    Event,
    GatherResults,
    Limits,
    LimitsChanged,
    LookAgain,
    Looked,
    LookingAgain,
    MapRunState,
    Redriven,
    RestartChildren,
    ResultsGathered,
    StartChildren,
    Status,
    StopChildren,
    Stopped,
    advance,
    outstanding,
)
from orchestration.asl.map_run_checkpoint import from_json, to_json
from orchestration.asl.protocol import StopRequested
from orchestration.runtime.map_run_records import decode_told
from orchestration.runtime.wakes import encode_wake


def after(state: MapRunState, *events: Event) -> tuple[MapRunState, tuple[Command, ...]]:
    commands: tuple[Command, ...] = ()
    for event in events:
        state, commands = advance(state, event)
        state = replace(from_json(orjson.loads(orjson.dumps(to_json(state)))), output=state.output)
    return state, commands


def limited(**limits: float) -> MapRunState:
    return MapRunState(limits=Limits(**limits))  # type: ignore[arg-type]


def test_it_starts_as_many_children_as_may_run_at_once() -> None:
    state, commands = after(limited(concurrency=3), Begun())
    assert commands == (StartChildren(0, 0, 3),)
    state, commands = after(state, ChildrenStarted((1, 1, 1), False))
    assert commands == ()
    state, commands = after(state, ChildEnded(1, "SUCCEEDED"))
    assert commands == (StartChildren(3, 3, 1),)


def test_it_gathers_the_results_when_all_have_ended() -> None:
    state, commands = after(MapRunState(), Begun(), ChildrenStarted((2, 1), True))
    assert (state.total, commands) == (3, ())
    state, commands = after(state, ChildEnded(0, "SUCCEEDED"), ChildEnded(1, "SUCCEEDED"))
    assert commands == (GatherResults(),)
    state, _ = after(state, ResultsGathered(["a", "b"], exported=True))
    assert (state.status, state.output, state.written) == (Status.SUCCEEDED, ["a", "b"], 3)


def test_an_end_told_twice_counts_once() -> None:
    state, _ = after(MapRunState(), ChildrenStarted((1, 1), True), ChildEnded(0, "SUCCEEDED"))
    again, commands = advance(state, ChildEnded(0, "SUCCEEDED"))
    assert (again, commands) == (state, ())


@pytest.mark.parametrize(
    ("limits", "failures", "fails"),
    [
        ({}, 1, True),
        ({"tolerated_count": 1}, 1, False),
        ({"tolerated_count": 1}, 2, True),
        ({"tolerated_percentage": 50.0}, 2, False),
        ({"tolerated_percentage": 49.9}, 2, True),
        ({"tolerated_count": 3, "tolerated_percentage": 25.0}, 2, True),
        ({"tolerated_count": 1, "tolerated_percentage": 100.0}, 2, True),
    ],
)
def test_failures_are_tolerated_by_count_and_by_percentage(
    limits: dict[str, float], failures: int, fails: bool
) -> None:
    ends = [ChildEnded(number, "FAILED" if number < failures else "SUCCEEDED") for number in range(4)]
    state, _ = after(limited(**limits), ChildrenStarted((1,) * 4, True), *ends)
    assert (state.status is Status.FAILED) == fails
    if fails:
        assert state.ending == map_run.Ending(Status.FAILED, map_run.THRESHOLD, map_run.THRESHOLD_CAUSE)


def test_too_many_failures_stop_the_others_first() -> None:
    state, commands = after(MapRunState(), ChildrenStarted((1, 1, 1), False), ChildEnded(0, "TIMED_OUT"))
    assert commands == (StopChildren((1, 2)),)
    assert state.status is Status.RUNNING
    state, _ = after(state, ChildEnded(1, "SUCCEEDED"), ChildEnded(2, "ABORTED"))
    assert state.status is Status.FAILED
    assert state.children == {"TIMED_OUT": 1, "SUCCEEDED": 1, "ABORTED": 1}


def test_a_stop_ends_it_at_once_where_nothing_runs() -> None:
    state, _ = after(MapRunState(), Begun(), Stopped())
    assert state.status is Status.ABORTED


def test_changed_limits_hold_from_then_on() -> None:
    state, _ = after(limited(concurrency=1), ChildrenStarted((1,), False))
    state, commands = after(state, LimitsChanged(concurrency=4, tolerated_count=9))
    assert commands == (StartChildren(1, 1, 3),)
    assert state.limits == Limits(4, 9)


def test_more_run_at_once_only_where_they_take_their_time() -> None:
    first = map_run.FIRST_WINDOW
    state, commands = after(MapRunState(), ChildrenStarted((1,) * first, False))
    assert commands == (LookAgain(),)
    _, commands = after(state, LookingAgain(), Looked())
    assert commands == (StartChildren(first, first, first),)
    ends = [ChildEnded(number, "SUCCEEDED") for number in range(first)]
    quick, _ = after(state, LookingAgain(), *ends, ChildrenStarted((1,) * first, False), Looked())
    assert quick.window == first


def test_a_redrive_looks_at_all_children_and_ignores_what_was_told_before() -> None:
    state, _ = after(
        MapRunState(), ChildrenStarted((1, 1), True), ChildEnded(0, "SUCCEEDED", 5), ChildEnded(1, "FAILED", 6)
    )
    assert state.status is Status.FAILED
    state, commands = after(state, Redriven(2, 9))
    assert commands == (RestartChildren(0, 2, map_run.FIRST_WINDOW),)
    assert (state.status, state.redrives, state.attempt, state.children) == (Status.RUNNING, 1, 2, {"SUCCEEDED": 1})
    state, _ = after(state, ChildrenRestarted({1: 1}, None), ChildEnded(1, "FAILED", 6))
    assert state.running == {1: 1}
    _, commands = after(state, ChildEnded(1, "SUCCEEDED", 12))
    assert commands == (GatherResults(),)


def test_a_redrive_told_twice_is_made_once() -> None:
    state, _ = after(MapRunState(), ChildrenStarted((1,), True), ChildEnded(0, "FAILED"), Redriven(2, 9))
    assert after(state, ChildrenRestarted({0: 1}, None), ChildEnded(0, "FAILED", 10), Redriven(2, 9))[0].redrives == 1


@given(
    children=st.integers(0, 40),
    concurrency=st.integers(0, 7),
    tolerated=st.integers(0, 5),
    failing=st.sets(st.integers(0, 39)),
    seed=st.integers(0, 10**6),
)
def test_whatever_the_order_every_child_is_started_once_and_it_ends(
    children: int, concurrency: int, tolerated: int, failing: set[int], seed: int
) -> None:
    """A worker stops after any event; what goes on is read from the checkpoint."""
    chance = random.Random(seed)
    state = limited(concurrency=concurrency, tolerated_count=tolerated)
    started: list[int] = []
    told = 0
    while not state.ended:
        state = from_json(orjson.loads(orjson.dumps(to_json(state))))
        commands = outstanding(state)
        match commands:
            case (StartChildren(number, item, most),):
                assert number == item == len(started)
                new = min(most, chance.randint(1, 3), children - number)
                started += range(number, number + new)
                state, _ = advance(state, ChildrenStarted((1,) * new, number + new == children))
            case (LookAgain(),):
                state, _ = advance(state, LookingAgain())
            case (GatherResults(),):
                state, _ = advance(state, ResultsGathered([]))
            case _:
                number = chance.choice(list(state.running))
                ending = state.ending is not None and chance.random() < 0.5
                status = "ABORTED" if ending else "FAILED" if number in failing else "SUCCEEDED"
                state, _ = advance(state, ChildEnded(number, status))
                told += 1
        assert len(state.running) <= (concurrency or map_run.AT_ONCE)
    assert sum(state.children.values()) == len(started) == told
    assert not state.running
    assert (state.status is Status.SUCCEEDED) == (len(failing & set(range(children))) <= tolerated)
    assert set(state.children) <= set(ENDS)


def test_a_stop_of_before_the_last_redrive_does_not_stop_what_goes_on() -> None:
    state, _ = after(MapRunState(), ChildrenStarted((1,), False), Stopped("E", "C", 5), ChildEnded(0, "ABORTED", 6))
    assert state.status is Status.ABORTED
    state, _ = after(state, Redriven(2, 10))
    again, commands = advance(state, Stopped("E", "C", 5))
    assert (again, commands) == (state, ())
    for later in (Stopped(sequence=11), Stopped()):
        assert advance(state, later)[0].ending is not None


def test_a_stop_knows_the_place_of_its_message() -> None:
    body = encode_wake(StopRequested("E", "C"))
    assert decode_told(body, 7) == Stopped("E", "C", 7)
