"""The parameters of an SDK integration in the words of the API that it calls, by AWS's own model of that API.

Must not know how the API is called.
"""

from functools import cache
from typing import Final

import orjson
from botocore.loaders import Loader
from botocore.model import ListShape, OperationNotFoundError, ServiceModel, Shape, StructureShape

from orchestration.asl.protocol import Json

SERVICE: Final = "stepfunctions"


def api_parameters(operation: str, parameters: Json) -> Json:
    """``StateMachineArn`` is ``stateMachineArn``; a text that is given as JSON, as payloads are, is written out.

    What the model has no member for keeps its form. ``operation`` begins with a capital letter. Pure.
    """
    return _renamed(_input_shape(operation), parameters)


def _renamed(shape: Shape | None, value: Json) -> Json:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {f"{name[:1].lower()}{name[1:]}": each for name, each in value.items()}
        return {name: _renamed(shape.members.get(name), each) for name, each in members.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_renamed(shape.member, each) for each in value]
    if shape is not None and shape.type_name == "string" and not isinstance(value, str | None):
        return orjson.dumps(value).decode()
    return value


@cache
def _model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model(SERVICE, "service-2"), SERVICE)


def _input_shape(operation: str) -> Shape | None:
    try:
        return _model().operation_model(operation).input_shape
    except OperationNotFoundError:
        return None
