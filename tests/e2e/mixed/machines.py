"""State machines of every kind that waits or branches, and what an execution of each must come to. Pure.

Each effect is asked of the receiver by the execution's name and an operation: ``{"of": "parallel-7", "op": "a"}``. What
a call answers depends on nothing but what it asks, so an execution ends the same whoever was killed meanwhile.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

State = dict[str, Any]
RECEIVER: Final = "http://payment/do"
QUEUE: Final = "https://sqs.us-east-1.amazonaws.com/000000000000/questions"
REFUSED: Final = "Refused"
PASSING: Final = ["Http.Unavailable", "Http.ConnectionLost", "States.Timeout"]
ANSWER: Final = {"yes": True}


@dataclass(frozen=True)
class Outcome:
    """``effects``: operation -> how often an effect of it must have come about."""

    status: str
    output: Any
    error: str | None
    effects: Counter[str]


@dataclass(frozen=True)
class Kind:
    """``outcome`` is told an execution's name and number."""

    name: str
    definition: State
    outcome: Callable[[str, int], Outcome]


def kinds(child_arn: str) -> tuple[Kind, ...]:
    """``child_arn``: the machine that one kind starts inside its own, made of ``child()``."""
    return (
        Kind("parallel", _parallel(), _parallel_outcome),
        Kind("map", _inline_map(), _map_outcome),
        Kind("callback", _callback(), _callback_outcome),
        Kind("wait", _wait(), _wait_outcome),
        Kind("saga", _saga(), _saga_outcome),
        Kind("nested", _nested(child_arn), _nested_outcome),
        Kind("spread", _distributed(), _distributed_outcome),
    )


def given(name: str, number: int) -> dict[str, Any]:
    """The input of an execution."""
    return {"id": name, "refuse": number % 3 == 0, "items": list(range(number % 4))}


def answer_to(asked: Mapping[str, Any]) -> tuple[int, dict[str, Any], bool]:
    """What the receiver tells, and whether it has the effect: a first attempt that is to fail has none."""
    if asked.get("refuse"):
        return 409, {"error": REFUSED, "cause": "no"}, False
    if asked.get("fails_first") and asked["retries"] == 0:
        return 503, {"error": "Unavailable", "cause": "not yet"}, False
    return 200, {"done": asked["op"]}, True


def _task(op: str, following: str = "", **more: Any) -> State:
    parameters = {"op": op, "of.$": "$.id", **more.pop("asks", {})}
    return {
        "Type": "Task",
        "Resource": RECEIVER,
        "Parameters": parameters,
        "ResultPath": f"$.{op}",
        "TimeoutSeconds": 60,
        "Retry": [{"ErrorEquals": PASSING, "IntervalSeconds": 1, "MaxAttempts": 5}],
        **_lead(following),
        **more,
    }


def _lead(following: str) -> State:
    return {"Next": following} if following else {"End": True}


def _machine(**states: State) -> State:
    return {"StartAt": next(iter(states)), "States": states}


def _flaky(op: str) -> State:
    return _task(op, asks={"fails_first": True, "retries.$": "$$.State.RetryCount"})


def _done(*ops: str) -> dict[str, Any]:
    return {op: {"done": op} for op in ops}


def _succeeded(output: Any, *ops: str) -> Outcome:
    return Outcome("SUCCEEDED", output, None, Counter(ops))


def _parallel() -> State:
    waits = _machine(Pause={"Type": "Wait", "Seconds": 1, "Next": "C"}, C=_task("c"))
    branches = [_machine(A=_flaky("a")), _machine(B=_task("b")), waits]
    both = {"Type": "Parallel", "Branches": branches, "ResultPath": "$.both", "Next": "D"}
    return _machine(Both=both, D=_task("d"))


def _parallel_outcome(name: str, number: int) -> Outcome:
    start = given(name, number)
    return _succeeded({**start, "both": [{**start, **_done(op)} for op in "abc"], **_done("d")}, *"abcd")


def _inline_map() -> State:
    select = {"id.$": "$.id", "op.$": "States.Format('item{}', $$.Map.Item.Value)"}
    item = _task("item", "Rest") | {"Parameters": {"op.$": "$.op", "of.$": "$.id"}}
    every = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrency": 2,
        "ItemSelector": select,
        "ItemProcessor": _machine(Item=item, Rest={"Type": "Pass", "End": True}),
        "ResultPath": "$.each",
        "Next": "Last",
    }
    return _machine(First=_task("first", "Each"), Each=every, Last=_task("last"))


def _map_outcome(name: str, number: int) -> Outcome:
    start = given(name, number)
    ops = [f"item{item}" for item in start["items"]]
    each = [{"id": name, "op": op, "item": {"done": op}} for op in ops]
    return _succeeded({**start, **_done("first", "last"), "each": each}, "first", *ops, "last")


def _callback() -> State:
    ask = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": QUEUE, "MessageBody": {"token.$": "$$.Task.Token", "of.$": "$.id"}},
        "TimeoutSeconds": 3000,
        "ResultPath": "$.answer",
        "Next": "After",
    }
    return _machine(Before=_task("before", "Ask"), Ask=ask, After=_task("after"))


def _callback_outcome(name: str, number: int) -> Outcome:
    start = given(name, number)
    return _succeeded({**start, **_done("before", "after"), "answer": ANSWER}, "before", "after")


def _wait() -> State:
    return _machine(
        Soon={"Type": "Wait", "Seconds": 1, "Next": "One"},
        One=_task("one", "Later"),
        Later={"Type": "Wait", "Seconds": 7, "Next": "Two"},
        Two=_task("two"),
    )


def _wait_outcome(name: str, number: int) -> Outcome:
    return _succeeded({**given(name, number), **_done("one", "two")}, "one", "two")


def _saga() -> State:
    undo = [{"ErrorEquals": [REFUSED], "ResultPath": "$.why", "Next": "Release"}]
    return _machine(
        Charge=_task("charge", "Reserve"),
        Reserve=_task("reserve", "Ship"),
        Ship=_task("ship", asks={"refuse.$": "$.refuse"}, Catch=undo),
        Release=_task("release", "Refund"),
        Refund=_task("refund", "Undone"),
        Undone={"Type": "Fail", "Error": "Undone"},
    )


def _saga_outcome(name: str, number: int) -> Outcome:
    start = given(name, number)
    if start["refuse"]:
        return Outcome("FAILED", None, "Undone", Counter(("charge", "reserve", "release", "refund")))
    return _succeeded({**start, **_done("charge", "reserve", "ship")}, "charge", "reserve", "ship")


def child() -> State:
    return _machine(
        In=_task("in", "Pause"),
        Pause={"Type": "Wait", "Seconds": 1, "Next": "Out"},
        Out=_task("out"),
    )


def _nested(child_arn: str) -> State:
    inside = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": child_arn, "Input": {"id.$": "$.id"}},
        "ResultSelector": {"output.$": "$.Output"},
        "ResultPath": "$.inside",
        "Next": "After",
    }
    return _machine(Before=_task("before", "Inside"), Inside=inside, After=_task("after"))


def _nested_outcome(name: str, number: int) -> Outcome:
    inside = {"output": {"id": name, **_done("in", "out")}}
    output = {**given(name, number), **_done("before", "after"), "inside": inside}
    return _succeeded(output, "before", "in", "out", "after")


def _distributed() -> State:
    each = _inline_map()["States"]["Each"]
    each["ItemProcessor"]["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return _machine(Each={**each, "Label": "each"}, Last=_task("last"))


def _distributed_outcome(name: str, number: int) -> Outcome:
    start = given(name, number)
    ops = [f"item{item}" for item in start["items"]]
    each = [{"id": name, "op": op, "item": {"done": op}} for op in ops]
    return _succeeded({**start, **_done("last"), "each": each}, *ops, "last")
