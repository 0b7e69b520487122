"""Generated machines, inputs and failures: stopped anywhere and resumed it ends the same; nothing but States.* errors.

The machines are made from the pieces of the language at random, wrong paths and types included; those that the checker
refuses are not run.
"""

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestration.asl.checking import check
from orchestration.asl.interpreter import ExecutionState, Status, advance, load_machine, outstanding, redrivable
from orchestration.asl.protocol import (
    CancelTimer,
    ExecutionStarted,
    HistoryEvent,
    Input,
    Now,
    RedriveRequested,
    RunTask,
    SetTimer,
    StopRequested,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)

pytestmark = pytest.mark.more

HISTORY_LIMIT = 400
NAMES = ["A", "B", "C", "D"]

FAN_OUTS = ("Parallel", "Map")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-2, 2)
    | st.sampled_from(["", "x", "2024-01-01T00:00:00Z"])
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "items"]), inner, max_size=3)
    ),
    max_leaves=8,
)
paths = st.sampled_from(
    ["$", "$.a", "$.b[0]", "$.a.b", "$.items[*]", "$..a", "$$.State.Name", "$$.Execution.Input", "$v", "$.items[-1]"]
)
calls = st.sampled_from(
    [
        "States.Array($.a, 1)",
        "States.UUID()",
        "States.MathAdd($.a, 1)",
        "States.Format('{}', $)",
        "States.MathRandom(0, 9)",
    ]
)
expressions = paths | calls
queries = st.sampled_from(
    [
        "{% $states.input %}",
        "{% $states.input.a %}",
        "{% $states.result %}",
        "{% $states.context.State.Name %}",
        "{% $count($states.input.items) %}",
        "{% $v + 1 %}",
        "{% $uuid() %}",
        "{% [1, 2] %}",
        "{% true %}",
        "{% $exists($v) %}",
        "{% ($f := function($x) { $f($x) + 1 }; $f(1)) %}",
        "{% $sum %}",
        "{% 3 %}",
        "{% '2030-01-01T00:00:00Z' %}",
        "{% $error('mine') %}",
    ]
)
query_templates = queries | st.dictionaries(st.sampled_from(["a", "b"]), queries | scalars, max_size=2)
templates = st.dictionaries(st.sampled_from(["a.$", "b.$"]), expressions, max_size=2)
errors = st.sampled_from(["E", "States.ALL", "States.TaskFailed", "States.Timeout", "States.Runtime", "F"])
result_paths = st.sampled_from(["$", "$.r", "$.a.b", None])


def _fields(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=optional)


@st.composite
def recovery(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    rule = _fields(IntervalSeconds=st.integers(1, 9), MaxAttempts=st.integers(0, 3), JitterStrategy=st.just("FULL"))
    retry = [{"ErrorEquals": [draw(errors)], **draw(rule)} for _ in range(draw(st.integers(0, 2)))]
    catch = [
        {"ErrorEquals": [draw(errors)], "Next": draw(st.sampled_from(names)), "ResultPath": draw(result_paths)}
        for _ in range(draw(st.integers(0, 2)))
    ]
    return {**({"Retry": retry} if retry else {}), **({"Catch": catch} if catch else {})}


@st.composite
def query_recovery(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    retry = [{"ErrorEquals": [draw(errors)], "MaxAttempts": draw(st.integers(0, 2))}] if draw(st.booleans()) else []
    fields = _fields(Output=query_templates, Assign=st.fixed_dictionaries({"v": queries}))
    catch = [
        {"ErrorEquals": [draw(errors)], "Next": draw(st.sampled_from(names)), **draw(fields)}
        for _ in range(draw(st.integers(0, 2)))
    ]
    return {**({"Retry": retry} if retry else {}), **({"Catch": catch} if catch else {})}


@st.composite
def query_states(draw: st.DrawFn, names: list[str], depth: int) -> dict[str, Any]:
    """States in JSONata."""
    kinds = ["Pass", "Task", "Choice", "Wait", "Succeed", "Fail"] + (list(FAN_OUTS) if depth else [])
    kind = draw(st.sampled_from(kinds))
    state: dict[str, Any] = {"Type": kind, "QueryLanguage": "JSONata"}
    if kind in ("Pass", "Task", "Wait", "Parallel", "Map"):
        state |= {"End": True} if draw(st.booleans()) else {"Next": draw(st.sampled_from(names))}
        state |= draw(_fields(Output=query_templates, Assign=st.fixed_dictionaries({"v": queries})))
    if kind == "Task":
        state["Resource"] = draw(st.sampled_from(["x:y", "x:y.waitForTaskToken", "x:y.sync"]))
        state |= draw(_fields(Arguments=query_templates, TimeoutSeconds=queries, HeartbeatSeconds=st.integers(1, 4)))
        state |= draw(query_recovery(names))
    elif kind == "Choice":
        rule = st.fixed_dictionaries({"Condition": queries, "Next": st.sampled_from(names)})
        state["Choices"] = draw(st.lists(rule, min_size=1, max_size=2))
        state |= draw(_fields(Default=st.sampled_from(names), Output=query_templates))
    elif kind == "Wait":
        state |= draw(st.sampled_from([{"Seconds": "{% 2 %}"}, {"Seconds": "{% $states.input.a %}"}]))
    elif kind == "Succeed":
        state |= draw(_fields(Output=query_templates))
    elif kind == "Fail":
        state |= draw(_fields(Error=queries, Cause=queries))
    elif kind == "Parallel":
        state["Branches"] = [draw(graphs(depth - 1)) for _ in range(draw(st.integers(1, 2)))]
        state |= draw(_fields(Arguments=query_templates)) | draw(query_recovery(names))
    elif kind == "Map":
        state["ItemProcessor"] = draw(graphs(depth - 1))
        state |= draw(_fields(Items=queries, ItemSelector=query_templates, MaxConcurrency=queries | st.integers(0, 2)))
        state |= draw(query_recovery(names))
    return state


@st.composite
def states(draw: st.DrawFn, names: list[str], depth: int) -> dict[str, Any]:
    if draw(st.integers(0, 3)) == 0:
        return draw(query_states(names, depth))
    kinds = ["Pass", "Task", "Choice", "Wait", "Succeed", "Fail"] + (["Parallel", "Map"] if depth else [])
    kind = draw(st.sampled_from(kinds))
    state: dict[str, Any] = {"Type": kind}
    if kind in ("Pass", "Task", "Wait", "Parallel", "Map"):
        state |= {"End": True} if draw(st.booleans()) else {"Next": draw(st.sampled_from(names))}
        state |= draw(_fields(InputPath=paths, OutputPath=paths, Assign=st.fixed_dictionaries({"v.$": expressions})))
    if kind == "Pass":
        state |= draw(_fields(Parameters=templates, Result=documents, ResultPath=result_paths))
    elif kind == "Task":
        state["Resource"] = draw(st.sampled_from(["x:y", "x:y.waitForTaskToken", "x:y.sync"]))
        state |= draw(_fields(Parameters=templates, ResultSelector=templates, ResultPath=result_paths))
        state |= draw(_fields(TimeoutSeconds=st.integers(5, 9), HeartbeatSeconds=st.integers(1, 4)))
        state |= draw(recovery(names))
    elif kind == "Choice":
        operators = [{"IsPresent": True}, {"NumericEquals": 1}, {"StringEqualsPath": "$.b"}, {"IsNull": False}]
        rules = st.fixed_dictionaries({"Variable": paths, "Next": st.sampled_from(names)})
        state["Choices"] = [{**draw(rules), **draw(st.sampled_from(operators))} for _ in range(draw(st.integers(1, 2)))]
        state |= draw(_fields(Default=st.sampled_from(names)))
    elif kind == "Wait":
        state |= draw(
            st.sampled_from(
                [
                    {"Seconds": 3},
                    {"SecondsPath": "$.a"},
                    {"TimestampPath": "$.b"},
                    {"Timestamp": "2030-01-01T00:00:00Z"},
                ]
            )
        )
    elif kind == "Fail":
        state |= draw(_fields(ErrorPath=expressions, Cause=st.just("why")))
    elif kind == "Parallel":
        state["Branches"] = [draw(graphs(depth - 1)) for _ in range(draw(st.integers(1, 3)))]
        state |= draw(_fields(ResultPath=result_paths)) | draw(recovery(names))
    elif kind == "Map":
        state["ItemProcessor"] = draw(graphs(depth - 1))
        state |= draw(_fields(ItemsPath=paths, ItemSelector=templates, MaxConcurrency=st.integers(0, 2)))
        state |= draw(recovery(names))
    return state


@st.composite
def graphs(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    prefix = draw(st.uuids()).hex[:6]
    names = [f"{name}{prefix}" for name in NAMES[: draw(st.integers(1, len(NAMES)))]]
    return _pruned(names[0], {name: draw(states(names, depth)) for name in names})


def _pruned(start: str, found: dict[str, Any]) -> dict[str, Any]:
    """Without the states that nothing leads to: the checker refuses those."""
    reached: dict[str, None] = {}
    pending = [start]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached[name] = None
            state = found[name]
            rules = [*state.get("Choices", []), *state.get("Catch", [])]
            pending += [one for one in (state.get("Next"), state.get("Default")) if one] + [
                rule["Next"] for rule in rules
            ]
    return {"StartAt": start, "States": {name: found[name] for name in reached}}


@st.composite
def machines(draw: st.DrawFn) -> dict[str, Any]:
    return draw(graphs()) | draw(_fields(TimeoutSeconds=st.integers(5, 60)))


class Outside:
    """Deterministic: what a task answers hangs on its key and attempt, and the next event on what is open."""

    def __init__(self, choices: list[int], document: Any) -> None:
        self.choices = choices
        self.document = document

    def answers(self, task: RunTask) -> list[Input]:
        pick = self.choices[(task.entry * 7 + task.attempt) % len(self.choices)]
        outputs: list[Input] = [
            TaskSucceeded(task.entry, self.document),
            TaskFailed(task.entry, "E", "why"),
            TaskFailed(task.entry, None, None),
            TaskFailed(task.entry, "States.Timeout", None),
        ]
        answer = outputs[pick % len(outputs)]
        if task.token is not None and pick % 3 == 0:
            return [TaskSubmitted(task.entry, {"sent": True})]  # and then nobody answers
        return [answer]


def run(
    definition: dict[str, Any], outside: Outside, *, stop_after: int | None
) -> tuple[ExecutionState, list[HistoryEvent]]:
    """``stop_after``: after so many advances the worker dies, and another takes over from the checkpoint alone."""
    machine = load_machine(definition, history_limit=HISTORY_LIMIT)
    state, history = ExecutionState.initial(), []
    mail: list[Input] = [ExecutionStarted("e", outside.document)]
    timers: dict[str, float] = {}
    now, advances = 1_700_000_000.0, 0
    while state.status is Status.RUNNING:
        if mail:
            event = mail.pop(0)
        elif timers:
            timer = min(timers, key=lambda name: (timers[name], name))
            now = max(now, timers.pop(timer))
            event = TimerFired(timer)
        else:
            break  # a callback without a timeout
        step = advance(machine, state, event, Now(now, 0.5), lambda entry, attempt: f"token-{entry}")
        state, advances = step.state, advances + 1
        history += step.history
        commands = step.commands
        if advances == stop_after:
            state = ExecutionState.from_json(orjson.loads(orjson.dumps(step.state.to_json())))
            mail, timers, commands = [], {}, outstanding(machine, state)
        for command in commands:
            match command:
                case SetTimer(name, at):
                    timers[name] = at
                case CancelTimer(name):
                    timers.pop(name, None)
                case RunTask():
                    mail += outside.answers(command)
        assert advances < 10 * HISTORY_LIMIT, "no progress"
    return state, history


def linear(definition: dict[str, Any]) -> bool:
    """Whether at most one branch is ever open: only then is the order of answers the same after a take-over."""
    return not any(state["Type"] in ("Parallel", "Map") for state in definition["States"].values())


runs = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


@runs
@given(machines(), documents, st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_an_accepted_machine_ends_with_errors_of_the_language_only(
    definition: dict[str, Any], document: Any, choices: list[int]
) -> None:
    assume(not check(definition))
    state, history = run(definition, Outside(choices, document), stop_after=None)
    assert [event.id for event in history] == list(range(1, len(history) + 1))
    assert all(event.previous < event.id for event in history)
    ends = [event for event in history if event.type.startswith("Execution")][1:]
    assert len(ends) == (state.status is not Status.RUNNING)
    assert len(history) <= HISTORY_LIMIT
    if state.status is Status.FAILED:
        assert state.error is None or isinstance(state.error, str)
    if state.status is not Status.RUNNING:
        assert outstanding(load_machine(definition), state) == ()


@runs
@given(machines(), documents, st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(1, 12))
def test_stopped_after_any_advance_and_resumed_it_ends_as_if_it_had_not(
    definition: dict[str, Any], document: Any, choices: list[int], stop_after: int
) -> None:
    assume(not check(definition))
    outside = Outside(choices, document)
    state, history = run(definition, outside, stop_after=None)
    resumed, told = run(definition, outside, stop_after=stop_after)
    if linear(definition):
        assert (resumed.to_json(), told) == (state.to_json(), history)
    else:
        assert [event.id for event in told] == list(range(1, len(told) + 1))
        assert sum(event.type.startswith("Execution") for event in told) == 1 + (resumed.status is not Status.RUNNING)


@runs
@given(machines(), documents, st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_whatever_did_not_succeed_can_be_redriven_and_the_history_has_no_gap(
    definition: dict[str, Any], document: Any, choices: list[int]
) -> None:
    assume(not check(definition))
    outside = Outside(choices, document)
    state, history = run(definition, outside, stop_after=None)
    machine = load_machine(definition, history_limit=HISTORY_LIMIT)
    if state.status is Status.RUNNING:
        step = advance(
            machine,
            state,
            StopRequested(None, None),
            Now(1_700_000_000.0, 0.5),
            lambda entry, attempt: f"token-{entry}",
        )
        state, history = step.state, [*history, *step.history]
    assume(redrivable(machine, state))
    kept = ExecutionState.from_json(orjson.loads(orjson.dumps(state.to_json())))
    assert kept == state
    step = advance(machine, kept, RedriveRequested(1), Now(1_700_000_100.0, 0.5), lambda entry, attempt: "token")
    again = [*history, *step.history]
    assert [event.id for event in again] == list(range(1, len(again) + 1))
    assert step.history[0].type == "ExecutionRedriven"
    assert step.state.redrives == 1


@runs
@given(st.integers(0, 5), st.integers(1, 9), st.floats(0, 0.999))
def test_retries_are_bounded(most: int, interval: int, u: float) -> None:
    rule = {"ErrorEquals": ["States.ALL"], "MaxAttempts": most, "IntervalSeconds": interval, "JitterStrategy": "FULL"}
    task = {"Type": "Task", "Resource": "x:y", "Retry": [rule], "End": True}
    state, history = run({"StartAt": "S", "States": {"S": task}}, Outside([1], {}), stop_after=None)
    assert state.status is Status.FAILED
    assert sum(event.type == "TaskScheduled" for event in history) == most + 1
