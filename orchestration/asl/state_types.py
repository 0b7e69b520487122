"""The state types: which fields each has, and how it is read from the definition.

Must not know how states follow one another: see ``loading`` and ``checking``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from orchestration.asl.choice import compile_rule
from orchestration.asl.fields import Fields
from orchestration.asl.machine import (
    AnyState,
    Catcher,
    ChoiceState,
    FailState,
    Graph,
    MapState,
    ParallelState,
    PassState,
    Recovery,
    Retrier,
    Rule,
    Shaping,
    SucceedState,
    TaskState,
    WaitState,
)
from orchestration.asl.resources import parse_resource
from orchestration.asl.timestamps import parse_timestamp

ReadGraph = Callable[[Fields], Graph]

_COMMON: Final = frozenset({"Type", "Comment", "QueryLanguage"})
_PATHS: Final = frozenset({"InputPath", "OutputPath"})
_FLOW: Final = frozenset({"Next", "End", "Assign"}) | _PATHS
_SHAPING: Final = frozenset({"Parameters", "ResultSelector", "ResultPath"})
_RECOVERY: Final = frozenset({"Retry", "Catch"})
JSONATA: Final = frozenset({"Arguments", "Output", "Items", "Condition"})

# state type -> its fields
FIELDS: Final[dict[str, frozenset[str]]] = {
    "Pass": _COMMON | _FLOW | {"Parameters", "Result", "ResultPath"},
    "Task": _COMMON
    | _FLOW
    | _SHAPING
    | _RECOVERY
    | {"Resource", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"},
    "Choice": _COMMON | _PATHS | {"Choices", "Default", "Assign"},
    "Wait": _COMMON | _FLOW | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": _COMMON | _PATHS,
    "Fail": _COMMON | {"Error", "ErrorPath", "Cause", "CausePath"},
    "Parallel": _COMMON | _FLOW | _SHAPING | _RECOVERY | {"Branches"},
    "Map": _COMMON
    | _FLOW
    | _SHAPING
    | _RECOVERY
    | {"ItemProcessor", "Iterator", "ItemsPath", "ItemSelector", "MaxConcurrency", "MaxConcurrencyPath"},
}
# Of the language, but left to a later growth: refused by name.
UNSUPPORTED: Final[dict[str, frozenset[str]]] = {
    "Task": frozenset({"Credentials"}),
    "Map": frozenset(
        {
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "Label",
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
        }
    ),
}


# --- parts that several types share ------------------------------------------------------------------------------


def _base(name: str, kind: str, fields: Fields, *, goes_on: bool) -> dict[str, Any]:
    following = None
    if goes_on:
        if not fields.exclusive("Next", "End"):
            fields.problem("", "A state must have either 'Next' or 'End'")
        if fields.values.get("End", True) is not True:
            fields.problem("End", "The value of 'End' must be true")
        following = fields.optional_text("Next")
    return {
        "name": name,
        "type": kind,
        "comment": fields.text("Comment"),
        "next": following,
        "input_path": fields.path("InputPath"),
        "output_path": fields.path("OutputPath"),
        "assign": fields.template("Assign"),
    }


def _shaping(fields: Fields) -> Shaping:
    return Shaping(
        fields.template("Parameters"), fields.template("ResultSelector"), fields.reference_path("ResultPath")
    )


def _recovery(fields: Fields) -> Recovery:
    retry, catch = fields.objects("Retry"), fields.objects("Catch")
    _wildcards_last(retry)
    _wildcards_last(catch)
    return Recovery(tuple(map(_retrier, retry)), tuple(map(_catcher, catch)))


def _wildcards_last(rules: list[Fields]) -> None:
    for index, rule in enumerate(rules):
        errors = rule.values.get("ErrorEquals")
        if isinstance(errors, list) and "States.ALL" in errors and (len(errors) > 1 or index < len(rules) - 1):
            rule.problem("ErrorEquals", "'States.ALL' must stand alone, and in the last one")


def _retrier(fields: Fields) -> Retrier:
    fields.known(
        frozenset(
            {
                "ErrorEquals",
                "IntervalSeconds",
                "MaxAttempts",
                "BackoffRate",
                "MaxDelaySeconds",
                "JitterStrategy",
                "Comment",
            }
        )
    )
    interval = fields.integer("IntervalSeconds", 1, least=1)
    max_delay = None
    if "MaxDelaySeconds" in fields.values:
        max_delay = float(fields.integer("MaxDelaySeconds", 1, least=1, most=31_622_400))
        if max_delay <= interval:
            fields.problem("MaxDelaySeconds", "MaxDelaySeconds must be greater than IntervalSeconds")
    jitter = fields.text("JitterStrategy", default="NONE")
    if jitter not in ("FULL", "NONE"):
        fields.problem("JitterStrategy", "The value must be FULL or NONE")
    return Retrier(
        fields.texts("ErrorEquals"),
        float(interval),
        fields.integer("MaxAttempts", 3, least=0),
        fields.number("BackoffRate", 2.0, least=1.0),
        max_delay,
        jitter == "FULL",
    )


def _catcher(fields: Fields) -> Catcher:
    fields.known(frozenset({"ErrorEquals", "Next", "ResultPath", "Assign", "Comment"}), JSONATA)
    fields.required("Next")
    errors, following = fields.texts("ErrorEquals"), fields.text("Next")
    return Catcher(errors, following, fields.reference_path("ResultPath"), fields.template("Assign"))


# --- the types ---------------------------------------------------------------------------------------------------


def _read_pass(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    return PassState(
        **_base(name, "Pass", fields, goes_on=True),
        shaping=_shaping(fields),
        result=fields.values.get("Result"),
        has_result="Result" in fields.values,
    )


def _read_task(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    fields.required("Resource")
    timeout, heartbeat = fields.seconds("TimeoutSeconds"), fields.seconds("HeartbeatSeconds")
    if timeout.value is not None and heartbeat.value is not None and heartbeat.value >= timeout.value:
        fields.problem("HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds")
    if not fields.text("Resource", default="-"):
        fields.problem("Resource", "A resource must not be empty")
    return TaskState(
        **_base(name, "Task", fields, goes_on=True),
        resource=parse_resource(fields.text("Resource")),
        shaping=_shaping(fields),
        recovery=_recovery(fields),
        timeout=timeout,
        heartbeat=heartbeat,
    )


def _read_choice(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    fields.required("Choices")
    choices = fields.objects("Choices")
    if "Choices" in fields.values and not choices:
        fields.problem("Choices", "A Choice state must have at least one rule")
    rules: list[Rule] = []
    for choice in choices:
        choice.required("Next")
        compiled = choice.findings.attempt(partial(compile_rule, choice.values, choice.location), None)
        if compiled is not None:
            rules.append(Rule(compiled, choice.text("Next"), choice.template("Assign")))
    return ChoiceState(
        **_base(name, "Choice", fields, goes_on=False), rules=tuple(rules), default=fields.optional_text("Default")
    )


def _read_wait(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    forms = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
    if not fields.exclusive(*forms):
        fields.problem("", f"A Wait state must have one of these fields: [{', '.join(forms)}]")
    instant = None
    if "Timestamp" in fields.values and (instant := parse_timestamp(fields.values["Timestamp"])) is None:
        fields.problem("Timestamp", "The value must be a timestamp such as 2030-01-31T12:00:00Z")
    return WaitState(
        **_base(name, "Wait", fields, goes_on=True),
        seconds=fields.seconds("Seconds", least=0),
        timestamp=instant,
        timestamp_path=fields.needed_path("TimestampPath") if "TimestampPath" in fields.values else None,
    )


def _read_succeed(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    return SucceedState(**_base(name, "Succeed", fields, goes_on=False))


def _read_fail(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    fields.exclusive("Error", "ErrorPath")
    fields.exclusive("Cause", "CausePath")
    return FailState(
        **_base(name, "Fail", fields, goes_on=False),
        error=fields.optional_text("Error"),
        cause=fields.optional_text("Cause"),
        error_path=fields.text_path("ErrorPath"),
        cause_path=fields.text_path("CausePath"),
    )


def _read_parallel(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    fields.required("Branches")
    branches = fields.objects("Branches")
    for branch in branches:
        branch.known(frozenset({"StartAt", "States", "Comment"}))
    return ParallelState(
        **_base(name, "Parallel", fields, goes_on=True),
        branches=tuple(map(read_graph, branches)),
        shaping=_shaping(fields),
        recovery=_recovery(fields),
    )


def _read_map(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    fields.exclusive("MaxConcurrency", "MaxConcurrencyPath")
    fields.exclusive("ItemSelector", "Parameters")
    shaping = _shaping(fields)
    found = fields.exclusive("ItemProcessor", "Iterator")
    processor = Graph("", {})
    if not found:
        fields.problem("", "A Map state must have an ItemProcessor")
    elif not isinstance(definition := fields.values[found[0]], dict):
        fields.problem(found[0], "Expected value of type OBJECT")
    else:
        inner = Fields(definition, fields.at(found[0]), fields.findings)
        inner.known(frozenset({"StartAt", "States", "Comment", "ProcessorConfig"}))
        _only_inline(inner)
        processor = read_graph(inner)
    return MapState(
        **_base(name, "Map", fields, goes_on=True),
        processor=processor,
        items_path=fields.needed_path("ItemsPath"),
        selector=fields.template("ItemSelector") or shaping.parameters,
        shaping=Shaping(None, shaping.result_selector, shaping.result_path),
        recovery=_recovery(fields),
        max_concurrency=fields.integer("MaxConcurrency", 0, least=0),
        max_concurrency_path=fields.needed_path("MaxConcurrencyPath")
        if "MaxConcurrencyPath" in fields.values
        else None,
    )


def _only_inline(processor: Fields) -> None:
    config = processor.values.get("ProcessorConfig", {})
    if not isinstance(config, dict) or config.get("Mode", "INLINE") not in ("INLINE", "DISTRIBUTED"):
        processor.problem("ProcessorConfig", "'Mode' must be INLINE or DISTRIBUTED")
    elif config.get("Mode") == "DISTRIBUTED":
        processor.problem("ProcessorConfig/Mode", "The mode DISTRIBUTED is not supported yet")


READERS: Final[dict[str, Callable[[str, Fields, ReadGraph], AnyState]]] = {
    "Pass": _read_pass,
    "Task": _read_task,
    "Choice": _read_choice,
    "Wait": _read_wait,
    "Succeed": _read_succeed,
    "Fail": _read_fail,
    "Parallel": _read_parallel,
    "Map": _read_map,
}
