"""The state types: which fields each has, and how it is read from the definition.

Must not know how states follow one another: see ``loading`` and ``checking``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from orchestration.asl.choice import Predicate, compile_rule
from orchestration.asl.distribution import DISTRIBUTED_FIELDS, TOLERANCE_FIELDS, read_distribution
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
    Text,
    WaitState,
)
from orchestration.asl.protocol import Json
from orchestration.asl.queries import compile_condition
from orchestration.asl.resources import parse_resource
from orchestration.asl.templates import Template
from orchestration.asl.timestamps import parse_timestamp

ReadGraph = Callable[[Fields], Graph]

_COMMON: Final = frozenset({"Type", "Comment", "QueryLanguage"})
_PATHS: Final = frozenset({"InputPath", "OutputPath"})
_FLOW: Final = frozenset({"Next", "End", "Assign", "Output"}) | _PATHS
_SHAPING: Final = frozenset({"Parameters", "Arguments", "ResultSelector", "ResultPath"})
_RECOVERY: Final = frozenset({"Retry", "Catch"})

# state type -> its fields
FIELDS: Final[dict[str, frozenset[str]]] = {
    "Pass": _COMMON | _FLOW | {"Parameters", "Result", "ResultPath"},
    "Task": _COMMON
    | _FLOW
    | _SHAPING
    | _RECOVERY
    | {"Resource", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath", "Credentials"},
    "Choice": _COMMON | _PATHS | {"Choices", "Default", "Assign", "Output"},
    "Wait": _COMMON | _FLOW | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": _COMMON | _PATHS | {"Output"},
    "Fail": _COMMON | {"Error", "ErrorPath", "Cause", "CausePath"},
    "Parallel": _COMMON | _FLOW | _SHAPING | _RECOVERY | {"Branches"},
    "Map": _COMMON
    | _FLOW
    | (_SHAPING - {"Arguments"})
    | _RECOVERY
    | DISTRIBUTED_FIELDS
    | TOLERANCE_FIELDS
    | {"ItemProcessor", "Iterator", "ItemsPath", "Items", "ItemSelector", "MaxConcurrency", "MaxConcurrencyPath"},
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
        "output": fields.template("Output"),
    }


def _shaping(fields: Fields) -> Shaping:
    return Shaping(fields.parameters(), fields.template("ResultSelector"), fields.reference_path("ResultPath"))


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
    fields.known(frozenset({"ErrorEquals", "Next", "ResultPath", "Assign", "Output", "Comment"}))
    fields.required("ErrorEquals", "Next")
    errors, following = fields.texts("ErrorEquals"), fields.text("Next")
    assign, output = fields.template("Assign"), fields.template("Output")
    return Catcher(errors, following, fields.reference_path("ResultPath"), assign, output)


# --- the types ---------------------------------------------------------------------------------------------------


def _read_pass(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    _warn_of_static(fields)
    return PassState(
        **_base(name, "Pass", fields, goes_on=True),
        shaping=_shaping(fields),
        result=fields.values.get("Result"),
        has_result="Result" in fields.values,
    )


def _warn_of_static(fields: Fields) -> None:
    """A Result is copied as it is: its ``.$`` keys are no paths."""
    pending: list[tuple[Json, str]] = [(fields.values.get("Result"), fields.at("Result"))]
    while pending:
        value, location = pending.pop()
        for key, inner in value.items() if isinstance(value, dict) else ():
            if key.endswith(".$"):
                message = f"The value for the field '{key}' is not evaluated: the Result of a Pass state is static"
                fields.findings.warn(location, message, "PASS_RESULT_IS_STATIC")
            pending.append((inner, f"{location}/{key}"))


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
        role=_role(fields),
    )


def _role(fields: Fields) -> Text | None:
    """The RoleArn of Credentials."""
    if "Credentials" not in fields.values:
        return None
    value = fields.values["Credentials"]
    if not isinstance(value, dict):
        fields.problem("Credentials", "Expected value of type OBJECT")
        return None
    credentials = fields.inside(value, fields.at("Credentials"))
    if not fields.jsonata and "RoleArn.$" in value:
        return credentials.text_path("RoleArn.$")
    if "RoleArn" not in value:
        credentials.problem("", "The field 'RoleArn' is required but was missing")
    return credentials.text_or_query("RoleArn")


def _read_choice(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    fields.required("Choices")
    choices = fields.objects("Choices")
    if "Choices" in fields.values and not choices:
        fields.problem("Choices", "Value cannot be empty")
    rules: list[Rule] = []
    for choice in choices:
        choice.required("Next")
        if compiled := _condition(choice):
            assign, output = choice.template("Assign"), choice.template("Output")
            rules.append(Rule(compiled, choice.text("Next"), assign, output))
    return ChoiceState(
        **_base(name, "Choice", fields, goes_on=False), rules=tuple(rules), default=fields.optional_text("Default")
    )


def _condition(choice: Fields) -> Predicate | None:
    if not choice.jsonata:
        for name in ("Condition", "Output"):
            if name in choice.values:
                only = f"field '{name}' is only supported for the 'JSONata' QueryLanguage"
                choice.problem("", f"The QueryLanguage is set to 'JSONPath', but {only}")
        return choice.findings.attempt(partial(compile_rule, choice.values, choice.location), None)
    choice.known(frozenset({"Condition", "Next", "Assign", "Output", "Comment"}))
    if "Condition" not in choice.values:
        choice.required("Condition")
        return None
    value, location = choice.values["Condition"], choice.at("Condition")
    return choice.findings.attempt(partial(compile_condition, value, location, choice.named(location)), None)


def _read_wait(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    forms = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
    if not fields.exclusive(*forms):
        fields.problem("", f"A Wait state must have one of these fields: [{', '.join(forms)}]")
    instant, query = None, fields.query("Timestamp", "string")
    given = "Timestamp" in fields.values and query is None
    if given and (instant := parse_timestamp(fields.values["Timestamp"])) is None:
        fields.problem("Timestamp", "String does not match RFC3339 timestamp")
    return WaitState(
        **_base(name, "Wait", fields, goes_on=True),
        seconds=fields.seconds("Seconds", least=0),
        timestamp=instant,
        timestamp_path=fields.needed_path("TimestampPath") if "TimestampPath" in fields.values else None,
        timestamp_query=query,
    )


def _read_succeed(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    return SucceedState(**_base(name, "Succeed", fields, goes_on=False))


def _read_fail(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    for field_name in ("Error", "Cause"):
        value = fields.values.get(field_name)
        if not fields.jsonata and isinstance(value, str) and value.startswith(("$.", "$$.")):
            message = f"The value of '{field_name}' looks like a path, but the field's name does not end with 'Path'"
            fields.findings.warn(fields.at(field_name), message, "NO_PATH")
    fields.exclusive("Error", "ErrorPath")
    fields.exclusive("Cause", "CausePath")
    return FailState(
        **_base(name, "Fail", fields, goes_on=False),
        error=fields.optional_text("Error"),
        cause=fields.optional_text("Cause"),
        error_path=fields.text_or_query("Error") if fields.jsonata else fields.text_path("ErrorPath"),
        cause_path=fields.text_or_query("Cause") if fields.jsonata else fields.text_path("CausePath"),
    )


def _read_parallel(name: str, fields: Fields, read_graph: ReadGraph) -> AnyState:
    fields.required("Branches")
    branches = fields.objects("Branches")
    if fields.values.get("Branches") == []:
        fields.problem("Branches", "Value cannot be empty")
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
    concurrency = fields.query("MaxConcurrency", "number")
    fields.exclusive("ItemSelector", "Parameters")
    shaping = _shaping(fields)
    found = fields.exclusive("ItemProcessor", "Iterator")
    processor, distribution = Graph("", {}), None
    if not found:
        fields.problem("", "A Map state must have an ItemProcessor")
    elif not isinstance(definition := fields.values[found[0]], dict):
        fields.problem(found[0], "Expected value of type OBJECT")
    else:
        inner = fields.inside(definition, fields.at(found[0]))
        inner.known(frozenset({"StartAt", "States", "Comment", "ProcessorConfig"}))
        distribution = read_distribution(fields, inner)
        processor = read_graph(inner)
    return MapState(
        **_base(name, "Map", fields, goes_on=True),
        processor=processor,
        items_path=fields.needed_path("ItemsPath"),
        selector=fields.template("ItemSelector") or shaping.parameters,
        shaping=Shaping(None, shaping.result_selector, shaping.result_path),
        recovery=_recovery(fields),
        max_concurrency=0 if concurrency is not None else fields.integer("MaxConcurrency", 0, least=0),
        max_concurrency_path=fields.needed_path("MaxConcurrencyPath")
        if "MaxConcurrencyPath" in fields.values
        else None,
        distribution=distribution,
        items=_items(fields),
        concurrency=concurrency,
    )


def _items(fields: Fields) -> Template | None:
    """JSONata's Items: an array whose members may be expressions, or one expression that gives an array."""
    if not fields.jsonata or "Items" not in fields.values:
        return None
    if (query := fields.query("Items", "array")) is not None:
        return Template(query, False)
    if not isinstance(fields.values["Items"], list):
        fields.problem("Items", "Expected value of type ARRAY")
        return None
    return fields.template("Items")


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
