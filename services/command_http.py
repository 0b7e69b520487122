"""Commands over HTTP: the hot path. Reads the body by hand, asks the service, and sends the answer, or withholds it."""

from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.bodies import BadBody, Problem, error_response, header, is_json, problems_of, read_body
from services.commands import Answer, Command, Result
from services.errors import KeyReused, LedgerUnavailable, TechnicalError, Unstorable
from services.faults.plan import CrashPoint
from services.hot_paths import add_hot_path
from services.openapi import error_docs, ref_to
from services.operations import PATH_OF, Operation
from services.order import Order
from services.service import Service
from services.settings import Settings
from services.spans import enter
from services.withholding import withhold
from telemetry.recording import recording

MAX_KEY_LENGTH: Final = 200


class AnswerBody(BaseModel):
    operation: Operation
    result: Result
    detail: dict[str, Any]
    replayed: bool


# The body is read and checked by hand, so it is described by hand too.
COMMAND_INPUT: Final = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": ref_to(Order)}}},
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
        }
    ],
}


def add_command(app: FastAPI, settings: Settings, service: Service, operation: Operation) -> None:
    async def endpoint(request: Request) -> Response:
        try:
            order, key = await _read_command(request)
            if recording():
                enter(header(request, b"traceparent"))
            performed = await service.perform(Command(operation, order, key))
        except BadBody as bad:
            return bad.response()
        except (TechnicalError, LedgerUnavailable) as error:
            return error_response(503, "Unavailable", str(error))
        except KeyReused as error:
            return error_response(422, "KeyReused", str(error))
        except Unstorable as error:
            return error_response(422, "Unstorable", str(error))
        if performed.withheld is not None or performed.answer is None:
            return await withhold(request, performed.withheld or "hang", settings.call_timeout_s)
        return CommandResponse(service, order.order_id, performed.answer)

    add_hot_path(app, PATH_OF[operation], endpoint)
    app.add_api_route(
        PATH_OF[operation],
        endpoint,
        methods=["POST"],
        name=operation.value,
        response_class=Response,
        responses={200: {"model": AnswerBody}, **error_docs(400, 409, 413, 415, 422, 503)},
        openapi_extra=COMMAND_INPUT,
        tags=["commands"],
    )


async def _read_command(request: Request) -> tuple[Order, str]:
    if not is_json(header(request, b"content-type")):
        raise BadBody(415, "the body must be application/json")
    key = header(request, b"idempotency-key")
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        problem = Problem(path="header.Idempotency-Key", problem=f"must have 1 to {MAX_KEY_LENGTH} characters")
        raise BadBody(422, "the header Idempotency-Key is missing or too long", [problem])
    body = await read_body(request)
    try:
        return Order.model_validate_json(body), key
    except ValidationError as error:
        raise BadBody(422, "the body is not an order", problems_of(error)) from error


class CommandResponse(Response):
    """The answer; around its sending lie the named points at which the service may be told to crash."""

    def __init__(self, service: Service, order_id: str, answer: Answer) -> None:
        refused = answer.result is Result.REFUSED
        super().__init__(json_bytes(answer), 409 if refused else 200, media_type="application/json")
        self._service, self._order_id, self._operation = service, order_id, answer.operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._reached(CrashPoint.BEFORE_PUBLISH)
        await super().__call__(scope, receive, send)
        self._reached(CrashPoint.AFTER_PUBLISH)
        self._reached(CrashPoint.BEFORE_ACK)

    def _reached(self, point: CrashPoint) -> None:
        self._service.crash_point(self._order_id, self._operation, point)


def json_bytes(answer: Answer) -> bytes:
    """How an answer looks over HTTP: a refusal names its reason as ``error``, so that a state machine can catch it."""
    content: dict[str, Any] = {"operation": answer.operation, "result": answer.result}
    if answer.result is Result.REFUSED:
        content |= {"error": answer.refusal, "cause": answer.detail.get("cause", "")}
    else:
        content |= {"detail": answer.detail, "replayed": answer.replayed}
    return orjson.dumps(content)
