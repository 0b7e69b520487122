"""AWS JSON 1.0: one POST, its operation named by a header; from bytes to a handler's answer, whatever was sent.

Must not know what any operation does.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response

from broker.errors import BrokerError
from orchestration.api.errors import ApiError
from orchestration.api.model import operations
from orchestration.api.validation import checked
from orchestration.errors import HistoryUnreachable, Overloaded

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
Handlers = Mapping[str, Handler]

TARGET_PREFIX: Final = "AWSStepFunctions."
CONTENT_TYPE: Final = "application/x-amz-json-1.0"
# A definition of 1 MB may double by its quotes' escapes; nothing else comes near.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024

log = logging.getLogger(__name__)


async def answer(handlers: Handlers, target: str, body: bytes) -> Response:
    """The answer to one request: a result, or an error of AWS's."""
    try:
        return response(await _call(handlers, target, body))
    except ApiError as error:
        return refusal(error)
    except Overloaded as error:
        return refusal(ApiError("ThrottlingException", f"Rate exceeded: {error}"))
    except (BrokerError, HistoryUnreachable) as error:
        log.warning("%s: the broker: %s", target, error)
        return refusal(ApiError("ServiceUnavailableException", f"the broker does not answer: {error}"))


async def _call(handlers: Handlers, target: str, body: bytes) -> dict[str, Any]:
    if not target:  # whoever asks so is no client of AWS's: there is nothing here for others
        told = "X-Amz-Target names no operation"
        raise ApiError("UnknownOperationException", told, 404, error="NotFound", cause=told)
    operation = target.removeprefix(TARGET_PREFIX)
    handler = handlers.get(operation) if target.startswith(TARGET_PREFIX) else None
    if handler is None:
        told = "is not supported here" if operation in operations() else "is not an operation of Step Functions"
        raise ApiError("UnknownOperationException", f"{operation[:200]!r} {told}")
    result = await handler(checked(operation, parse(body)))
    return {name: value for name, value in result.items() if value is not None}


def parse(body: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ApiError("SerializationException", "Unexpected token: the body must be a JSON object")
    return parsed


def refusal(error: ApiError) -> Response:
    return response(error.body(), error.status, error.code)


def response(content: Mapping[str, Any], status: int = 200, error: str = "") -> Response:
    headers = {"content-type": CONTENT_TYPE, "x-amzn-requestid": str(uuid.uuid4())}
    if error:
        headers["x-amzn-errortype"] = error
    return Response(orjson.dumps(content), status, headers)
