"""Which resources a definition may name: what no integration serves is told when a machine is created. Pure.

Must not know how any of them is served, nor the rest of the language: a definition may be malformed elsewhere.
"""

from collections.abc import Iterator
from typing import Any, Final

from orchestration.asl.findings import SCHEMA as SCHEMA_VALIDATION_FAILED
from orchestration.asl.findings import Problem
from orchestration.asl.machine import Pattern
from orchestration.asl.protocol import Json
from orchestration.tasks.registry import ACTIVITY, FUNCTION_ARN, integration_of, pattern_of

_ANSWER: Final = frozenset({Pattern.ANSWER})
_CALLBACK: Final = frozenset({Pattern.CALLBACK})
_ANSWER_OR_CALLBACK: Final = _ANSWER | _CALLBACK

SUPPORTED: Final[dict[str, frozenset[Pattern]]] = {
    ACTIVITY: _CALLBACK,
    FUNCTION_ARN: _ANSWER,
    "lambda:invoke": _ANSWER_OR_CALLBACK,
    "http:invoke": _ANSWER,
    "apigateway:invoke": _ANSWER_OR_CALLBACK,
    "states:startExecution": frozenset(Pattern),
    "sqs:sendMessage": _ANSWER_OR_CALLBACK,
    "sns:publish": _ANSWER_OR_CALLBACK,
    "events:putEvents": _ANSWER_OR_CALLBACK,
    "aws-sdk:sfn": _ANSWER,
}
# Resources that are no ARNs: the lab's own.
SCHEMES: Final[dict[str, frozenset[Pattern]]] = {
    "http": _ANSWER,
    "python": _ANSWER,
    "approval": _CALLBACK,
    "person": _CALLBACK,
}

MAX_SHOWN_CHARS: Final = 256

# What AWS itself offers: named so that nobody takes a missing integration for a misspelt one.
_OF_AWS: Final = frozenset(
    [
        "athena",
        "batch",
        "bedrock",
        "codebuild",
        "dynamodb",
        "ecs",
        "eks",
        "elasticmapreduce",
        "emr-containers",
        "emr-serverless",
        "glue",
        "databrew",
        "mediaconvert",
        "sagemaker",
        "aws-sdk",
        "lambda",
        "apigateway",
        "states",
        "sqs",
        "sns",
        "events",
        "http",
    ]
)


def unsupported(definition: Json, *, mocked: bool = False) -> list[Problem]:
    """A problem for each Task whose resource nobody serves; ``mocked``: a mock file may answer for any resource."""
    if mocked:
        return []
    found = ((place, _why_not(resource)) for place, resource in _resources(definition))
    return [Problem(SCHEMA_VALIDATION_FAILED, place, why) for place, why in found if why is not None]


def _why_not(resource: str) -> str | None:
    integration, pattern = integration_of(resource)[:MAX_SHOWN_CHARS], pattern_of(resource)
    shown = resource[:MAX_SHOWN_CHARS]
    if not resource.startswith("arn:"):
        patterns = SCHEMES.get(integration)
    else:
        patterns = SUPPORTED.get(integration) or SUPPORTED.get(integration.rpartition(":")[0])
    if patterns is None and integration.partition(":")[0] in _OF_AWS:
        return f"The integration {integration} is not supported here (resource {shown}). A mock file can answer for it."
    if patterns is None:
        return (
            f"The resource provided {shown} is not recognized. The value is not a valid resource ARN, "
            "or the resource is not available in this region."
        )
    if pattern not in patterns:
        named = "request response" if pattern is Pattern.ANSWER else f"'.{pattern}'"
        return f"The integration {integration} does not support the integration pattern {named} (resource {shown})."
    return None


def _resources(definition: Json) -> Iterator[tuple[str, str]]:
    """Every Task's resource, with its place, at any depth."""
    stack: list[tuple[str, Any]] = [("", definition)]
    while stack:
        place, graph = stack.pop()
        states = graph.get("States") if isinstance(graph, dict) else None
        for name, state in states.items() if isinstance(states, dict) else ():
            if not isinstance(state, dict):
                continue
            at = f"{place}/States/{name}"
            if state.get("Type") == "Task" and isinstance(state.get("Resource"), str):
                yield f"{at}/Resource", state["Resource"]
            branches = state.get("Branches")
            stack += [(f"{at}/{inner}", state[inner]) for inner in ("ItemProcessor", "Iterator") if inner in state]
            if isinstance(branches, list):
                stack += [(f"{at}/Branches[{number}]", branch) for number, branch in enumerate(branches)]
