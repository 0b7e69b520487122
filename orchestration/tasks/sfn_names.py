"""The parameters of an SDK integration in the words of the API that it calls, by AWS's own model of that API.

Must not know how the API is called.
"""

from functools import cache
from typing import TYPE_CHECKING, Final, cast

import orjson

from orchestration.asl.protocol import Json

if TYPE_CHECKING:  # brought along where it is used: a conductor that was killed should not wait for it
    from botocore.model import ListShape, ServiceModel, Shape, StructureShape

SERVICE: Final = "stepfunctions"


def api_parameters(operation: str, parameters: Json) -> Json:
    """``StateMachineArn`` is ``stateMachineArn``; a text that is given as JSON, as payloads are, is written out.

    What the model has no member for keeps its form. ``operation`` begins with a capital letter. Pure.
    """
    return _renamed(_input_shape(operation), parameters)


def _renamed(shape: "Shape | None", value: Json) -> Json:
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        known = cast("StructureShape", shape).members
        members = {f"{name[:1].lower()}{name[1:]}": each for name, each in value.items()}
        return {name: _renamed(known.get(name), each) for name, each in members.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_renamed(cast("ListShape", shape).member, each) for each in value]
    if shape.type_name == "string" and not isinstance(value, str | None):
        return orjson.dumps(value).decode()
    return value


@cache
def _model() -> "ServiceModel":
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model(SERVICE, "service-2"), SERVICE)


def _input_shape(operation: str) -> "Shape | None":
    model = _model()
    return model.operation_model(operation).input_shape if operation in model.operation_names else None
