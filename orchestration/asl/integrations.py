"""Which fields the parameters of an integration may and must have: looked at before its task is scheduled. Pure.

Must not know what an integration does. One that is not named here takes whatever it is given.
"""

from typing import Final, NamedTuple

from orchestration.asl.machine import Resource, TaskKind
from orchestration.asl.protocol import Json


class Names(NamedTuple):
    required: tuple[str, ...]
    optional: frozenset[str]


def _names(required: str, optional: str = "") -> Names:
    return Names(tuple(required.split()), frozenset(optional.split()))


_FIELDS: Final[dict[tuple[str, str], Names]] = {
    ("lambda", "invoke"): _names("FunctionName", "ClientContext InvocationType LogType Payload Qualifier"),
    ("http", "invoke"): _names(
        "ApiEndpoint Method", "Authentication Headers InvocationConfig QueryParameters RequestBody Transform"
    ),
    ("apigateway", "invoke"): _names(
        "ApiEndpoint Method", "AllowNullValues AuthType Headers Path QueryParameters RequestBody Stage"
    ),
    ("states", "startExecution"): _names("StateMachineArn", "Input Name TraceHeader"),
    ("sqs", "sendMessage"): _names(
        "MessageBody QueueUrl",
        "DelaySeconds MessageAttributes MessageDeduplicationId MessageGroupId MessageSystemAttributes",
    ),
    ("sns", "publish"): _names(
        "Message",
        "MessageAttributes MessageDeduplicationId MessageGroupId MessageStructure PhoneNumber Subject "
        "TargetArn TopicArn",
    ),
    ("events", "putEvents"): _names("Entries"),
}


def wrong_fields(resource: Resource, parameters: Json) -> list[str]:
    """What AWS says of the parameters of a task that it therefore does not schedule; empty: nothing is wrong."""
    if resource.kind is not TaskKind.TASK:
        return []
    names = _FIELDS.get((resource.service, resource.action.partition(".")[0]))
    if names is None:
        return []
    given = parameters if isinstance(parameters, dict) else {}
    missing = [f"The field '{name}' is required but was missing" for name in names.required if name not in given]
    unknown = [name for name in given if name not in names.required and name not in names.optional]
    return missing + [f'The field "{name}" is not supported by Step Functions' for name in unknown]
