"""The one HTTP shell of every lane's front door. It knows a ``Lane``, and not which wiring stands behind it."""

import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

import orjson
from fastapi import FastAPI, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response

from services import metrics, spans
from services.bodies import (
    BadBody,
    check_admin,
    error_response,
    header,
    is_json,
    is_malformed_json,
    json_response,
    problems_of,
    read_body,
)
from services.front_door import Decided, Lane, NotDurable, Placed
from services.hot_paths import add_hot_path
from services.openapi import add_schemas, error_docs, ref_to
from services.operational_http import Lifespan, add_operational
from services.order import Order, OrderId
from services.settings import Settings
from services.trail import OrderStatus, OrderTrail, OrderView, PendingApproval
from telemetry.recording import recording

NDJSON: Final = "application/x-ndjson"
MAX_CURSOR: Final = 2**63 - 1

OrderPath = Annotated[OrderId, Path(description="The order's id.")]
ListLimit = Annotated[int, Query(ge=1, le=1_000)]
ListSkip = Annotated[int, Query(ge=0, le=1_000_000, description="So many of the newest are left out.")]
OutcomeLimit = Annotated[int, Query(ge=1, le=10_000)]
Cursor = Annotated[int, Query(ge=0, le=MAX_CURSOR, description="Only what ended after this cursor.")]


class PlacedBody(BaseModel):
    order_id: str
    placed: Placed


class Choice(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


class DecisionBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    decision: Choice
    comment: str = Field(default="", max_length=2_000)


class DecidedBody(BaseModel):
    decision: Choice
    decided: Decided


# What a decision that was not taken is answered with.
UNDECIDED: Final = {
    Decided.UNKNOWN: (404, "NotFound", "no approval is waiting under this token"),
    Decided.CONFLICT: (409, "Conflict", "the opposite was decided before"),
    Decided.TOO_LATE: (410, "TooLate", "nobody waits for this decision any more"),
}

Model = TypeVar("Model", bound=BaseModel)


def create_door_app(settings: Settings, lane: Lane, lifespan: Lifespan | None = None) -> FastAPI:
    """``lane`` may still be unconnected here; ``lifespan`` connects and closes it."""
    app = FastAPI(title=f"Saga Lab front door ({lane.name})", version="1", lifespan=lifespan)
    _add_placing(app, lane)
    _add_reading(app, lane)
    _add_approvals(app, settings, lane)

    async def not_durable(_request: Request, error: Exception) -> Response:
        assert isinstance(error, NotDurable)
        return _not_durable(error)

    app.add_exception_handler(NotDurable, not_durable)
    add_operational(app, settings, lane.ready)
    add_schemas(app, Order, DecisionBody)
    return app


def _not_durable(error: NotDurable) -> Response:
    return error_response(503, "NotDurable", str(error), headers={"retry-after": str(error.retry_after_s)})


def _input(model: type[BaseModel]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": ref_to(model)}}}}


async def _read(request: Request, model: type[Model]) -> Model:
    """Raises ``BadBody``: 415, 413, 400 for what is not JSON, or 422 with the path of each problem."""
    if not is_json(header(request, b"content-type")):
        raise BadBody(415, "the body must be application/json")
    body = await read_body(request)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if is_malformed_json(error):
            raise BadBody(400, problems_of(error)[0].problem) from error
        raise BadBody(422, f"the body is not a valid {model.__name__}", problems_of(error)) from error


async def _placed(lane: Lane, order: Order, request: Request) -> Placed:
    if not recording():
        return await lane.place(order)
    return await spans.placed(lane.place, order, lane.name, header(request, b"traceparent"))


def _add_placing(app: FastAPI, lane: Lane) -> None:
    accepted = metrics.orders_accepted.labels(lane.name)
    placing_seconds = metrics.placing_seconds.labels(lane.name)
    metrics.expect_refusals(lane.name)

    def refused(response: Response) -> Response:
        metrics.placings_refused.labels(lane.name, response.status_code).inc()
        return response

    @app.post(
        "/orders",
        status_code=202,
        tags=["orders"],
        response_model=PlacedBody,
        responses={
            202: {"headers": {"Location": {"description": "Where to look for it.", "schema": {"type": "string"}}}},
            **error_docs(400, 409, 413, 415, 422, 503),
        },
        openapi_extra=_input(Order),
    )
    async def place(request: Request) -> Response:
        began = time.perf_counter()
        try:
            order = await _read(request, Order)
            placed = await _placed(lane, order, request)
        except BadBody as bad:
            return refused(bad.response())
        except NotDurable as error:
            return refused(_not_durable(error))
        if placed is Placed.CONFLICT:
            text = f"order {order.order_id} was placed before with another body"
            return refused(error_response(409, "Conflict", text))
        if placed is Placed.ACCEPTED:
            accepted.inc()
        placing_seconds.observe(time.perf_counter() - began)
        content = {"order_id": order.order_id, "placed": placed}
        return json_response(content, 202, {"location": f"/orders/{order.order_id}"})

    add_hot_path(app, "/orders", place)


def _add_reading(app: FastAPI, lane: Lane) -> None:
    @app.get("/orders", tags=["orders"], response_model=list[OrderView], responses=error_docs(422, 503))
    async def orders(status: OrderStatus | None = None, limit: ListLimit = 100, skip: ListSkip = 0) -> Response:
        views = await lane.list_orders(status, skip + limit)
        return json_response([view.model_dump(mode="json") for view in views[skip:]])

    @app.get("/orders/{order_id}", tags=["orders"], response_model=OrderView, responses=error_docs(404, 422, 503))
    async def order(order_id: OrderPath) -> Response:
        return _found(order_id, await lane.view(order_id))

    @app.get(
        "/orders/{order_id}/trail", tags=["orders"], response_model=OrderTrail, responses=error_docs(404, 422, 503)
    )
    async def trail(order_id: OrderPath) -> Response:
        return _found(order_id, await lane.trail(order_id))

    lines = {"description": "One JSON object per line.", "content": {NDJSON: {"schema": {"type": "string"}}}}

    @app.get(
        "/outcomes",
        tags=["orders"],
        response_class=StreamingResponse,
        responses={200: lines, **error_docs(422, 503)},
    )
    async def outcomes(after: Cursor = 0, limit: OutcomeLimit = 1_000) -> Response:
        found = await lane.outcomes(after, limit)

        async def each() -> AsyncIterator[bytes]:
            for outcome in found:
                yield orjson.dumps(asdict(outcome), option=orjson.OPT_APPEND_NEWLINE)

        return StreamingResponse(each(), media_type=NDJSON)


def _found(order_id: str, model: BaseModel | None) -> Response:
    if model is None:
        return error_response(404, "NotFound", f"this lane has no order {order_id}")
    return Response(model.model_dump_json(), media_type="application/json")


def _add_approvals(app: FastAPI, settings: Settings, lane: Lane) -> None:
    @app.get("/approvals", tags=["approvals"], response_model=list[PendingApproval], responses=error_docs(403, 503))
    async def approvals(request: Request) -> Response:
        check_admin(request, settings.admin_token)
        return json_response([pending.model_dump(mode="json") for pending in await lane.pending_approvals()])

    @app.post(
        "/approvals/{token}",
        tags=["approvals"],
        response_model=DecidedBody,
        responses=error_docs(400, 404, 409, 410, 413, 415, 422, 503),
        openapi_extra=_input(DecisionBody),
    )
    async def decide(request: Request, token: str) -> Response:
        body = await _read(request, DecisionBody)
        decided = await lane.decide(token, approve=body.decision is Choice.APPROVE, comment=body.comment)
        if decided in UNDECIDED:
            return error_response(*UNDECIDED[decided])
        return json_response({"decision": body.decision, "decided": decided})
