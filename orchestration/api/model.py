"""AWS's own description of the API, as botocore carries it: operations and the shapes of their members."""

from functools import cache, lru_cache
from typing import Final

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

SERVICE: Final = "stepfunctions"
# Kept at a time: the largest takes tens of megabytes.
MAX_SERVICES: Final = 8


@cache
def service_model() -> ServiceModel:
    return service(SERVICE)


@lru_cache(maxsize=MAX_SERVICES)
def service(name: str) -> ServiceModel:
    """Any AWS service's; takes up to a second. Raises ``botocore.exceptions.UnknownServiceError``."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


@cache
def operations() -> frozenset[str]:
    return frozenset(service_model().operation_names)


@cache
def input_shape(operation: str) -> Shape | None:
    return service_model().operation_model(operation).input_shape
