"""A mocked result against AWS's model of the API that the task would have called. Pure, but for reading the models."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, OperationNotFoundError, Shape, StructureShape

from orchestration.api.errors import validation
from orchestration.api.model import service
from orchestration.asl.protocol import Json

STRICT: Final = "STRICT"
NONE: Final = "NONE"

# What the SDK integrations call a service, where botocore has another name for it.
_ALIASES: Final = {
    "applicationautoscaling": "application-autoscaling",
    "cloudwatchevents": "events",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "directory": "ds",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "elasticmapreduce": "emr",
    "elasticsearch": "es",
    "eventbridge": "events",
    "sfn": "stepfunctions",
    "states": "stepfunctions",
}
# Optimized integrations whose result is not the answer of the call that they are named for; None: it has no model.
_ANSWERED_BY: Final[dict[tuple[str, str], str | None]] = {
    ("stepfunctions", "startExecution.sync"): "DescribeExecution",
    ("stepfunctions", "startExecution.sync:2"): "DescribeExecution",
    ("apigateway", "invoke"): None,
    ("http", "invoke"): None,
}
_NUMBERS: Final = frozenset({"integer", "long", "float", "double", "bigdecimal", "biginteger"})


def check_result(resource: str, result: Json, mode: str) -> None:
    """Raises ``ApiError`` ValidationException for the first field that is not as the model has it.

    STRICT wants every required field; fields that the model does not know are allowed, as newer ones would be. What
    a callback brings is anybody's to choose.
    """
    operation = None if mode == NONE else _operation(resource)
    if operation is None or operation.output_shape is None:
        return
    for problem in _problems(operation.output_shape, result, "", mode == STRICT):
        raise validation(f"Mock result schema validation error: {problem}")


def _operation(resource: str) -> OperationModel | None:
    parts = resource.split(":")
    if parts[:2] != ["arn", "aws"] or len(parts) < 7 or parts[2] != "states":
        return None
    sdk = parts[5] == "aws-sdk"
    named, action = parts[6 if sdk else 5], ":".join(parts[7 if sdk else 6 :])
    found = _service_name(named)
    wanted = _ANSWERED_BY.get((found, action), action)
    if wanted is None or "." in wanted:
        return None
    try:
        return service(found).operation_model(wanted[:1].upper() + wanted[1:])
    except (UnknownServiceError, OperationNotFoundError):
        return None


@cache
def _service_name(named: str) -> str:
    plain = named.lower().replace("-", "")
    if plain in _ALIASES:
        return _ALIASES[plain]
    known = {each.replace("-", ""): each for each in Loader().list_available_services("service-2")}
    return known.get(plain, named)


def _problems(shape: Shape, value: Json, field: str, strict: bool) -> Iterator[str]:
    wrong = _wrong_type(shape, value)
    if wrong:
        yield f"Field '{field}' must be {wrong}" if field else f"Result must be {wrong}"
        return
    yield from _out_of_range(shape, value, field)
    match shape:
        case StructureShape():
            yield from _members(shape, value, strict)
        case ListShape():
            for each in value:
                yield from _problems(shape.member, each, field, strict)
        case MapShape():
            for name, each in value.items():
                yield from _problems(shape.value, each, name, strict)


def _members(shape: StructureShape, value: dict[str, Json], strict: bool) -> Iterator[str]:
    for member, inner in shape.members.items():
        name = member[:1].upper() + member[1:]
        if name in value:
            yield from _problems(inner, value[name], name, strict)
        elif strict and member in shape.required_members:
            yield f"Field '{name}' is required"


def _wrong_type(shape: Shape, value: Json) -> str:
    """What the value must be, where it is not."""
    kind = shape.type_name
    if kind in ("structure", "map"):
        return "" if isinstance(value, dict) else "an object"
    if kind == "list":
        return "" if isinstance(value, list) else "an array"
    if kind == "boolean":
        return "" if isinstance(value, bool) else "a boolean"
    if kind in _NUMBERS:
        return "" if isinstance(value, int | float) and not isinstance(value, bool) else "a number"
    return "" if isinstance(value, str) else "a string"


def _out_of_range(shape: Shape, value: Any, field: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    sized = isinstance(value, str | list)
    what = "length" if sized else "value"
    if not sized and (isinstance(value, bool) or not isinstance(value, int | float)):
        return
    amount = len(value) if sized else value
    if least is not None and amount < least:
        yield f"Field '{field}' is smaller than the minimum {what}"
    if most is not None and amount > most:
        yield f"Field '{field}' is larger than the maximum {what}"
