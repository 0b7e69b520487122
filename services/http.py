"""A service over HTTP: its commands, its ledger, its faults. A thin shell around ``Service``, without rules."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from services.bodies import BadBody, check_admin, json_response, problems_of, read_body
from services.catalogue import catalogue
from services.command_http import add_command
from services.faults.plan import FaultPlan
from services.openapi import add_schemas, error_docs, ref_to
from services.operational_http import Lifespan, Ready, add_operational, always_ready
from services.operations import SERVICE_OF
from services.operations import Service as ServiceName
from services.order import Order
from services.service import Service
from services.settings import Settings

MAX_SEQ: Final = 2**63 - 1
NDJSON: Final = "application/x-ndjson"

After = Annotated[int, Query(ge=0, le=MAX_SEQ, description="Only what has a higher seq.")]
Limit = Annotated[int | None, Query(ge=1, le=1_000_000, description="At most so many lines; without it, all.")]


class ProductBody(BaseModel):
    sku: str
    unit_price_cents: int
    popularity: float
    stock: int


class StockLevel(BaseModel):
    seeded: int
    available: int


class FaultsBody(BaseModel):
    """The plan in force, and how many faults of each kind were injected so far."""

    plan: FaultPlan
    injected: dict[str, int]


def create_app(
    settings: Settings, service: Service, lifespan: Lifespan | None = None, ready: Ready = always_ready
) -> FastAPI:
    """The HTTP shell of an opened service. Who opened it closes it, for example in ``lifespan``."""
    app = FastAPI(title=f"Saga Lab {service.name} ({settings.lane})", version="1", lifespan=lifespan)
    for operation, name in SERVICE_OF.items():
        if name is service.name:
            add_command(app, settings, service, operation)
    _add_ledger(app, service)
    if service.name is ServiceName.WAREHOUSE:
        _add_warehouse(app, settings, service)
    _add_faults(app, settings, service)
    add_operational(app, settings, ready)
    add_schemas(app, Order, FaultPlan)
    return app


def _add_ledger(app: FastAPI, service: Service) -> None:
    @app.get("/ledger", tags=["ledger"], response_class=StreamingResponse, responses=_ndjson_docs())
    async def ledger(after: After = 0, limit: Limit = None) -> Response:
        return await _stream(service.effects(after, limit))


def _ndjson_docs(*more: int) -> dict[int | str, dict[str, Any]]:
    lines = {"description": "One JSON object per line.", "content": {NDJSON: {"schema": {"type": "string"}}}}
    return {200: lines, **error_docs(*more, 422, 503)}


async def _stream(pages: AsyncIterator[bytes]) -> Response:
    """The first page is read before the status goes out, so that a ledger out of reach is a 503, no broken stream."""
    first = await anext(pages, b"")

    async def all_pages() -> AsyncIterator[bytes]:
        yield first
        async for page in pages:
            yield page

    return StreamingResponse(all_pages(), media_type=NDJSON)


def _add_warehouse(app: FastAPI, settings: Settings, service: Service) -> None:
    @app.get("/catalogue", tags=["ledger"], response_model=list[ProductBody])
    async def products() -> Response:
        return json_response([asdict(p) for p in catalogue(settings.catalogue_seed, settings.stock_scale)])

    @app.get("/stock", tags=["ledger"], response_model=dict[str, StockLevel], responses=error_docs(503))
    async def stock() -> Response:
        return json_response(await service.stock())


# --- faults ----------------------------------------------------------------------------------------------------------


def _add_faults(app: FastAPI, settings: Settings, service: Service) -> None:
    async def answer() -> Response:
        plan = await service.heard_plan()
        return json_response({"plan": plan.model_dump(mode="json"), "injected": await service.injected_counts()})

    @app.get("/faults", tags=["faults"], response_model=FaultsBody, responses=error_docs(403, 503))
    async def get_faults(request: Request) -> Response:
        check_admin(request, settings.admin_token)
        return await answer()

    @app.put(
        "/faults",
        tags=["faults"],
        response_model=FaultsBody,
        responses=error_docs(400, 403, 413, 422, 503),
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": ref_to(FaultPlan)}}}
        },
    )
    async def put_faults(request: Request) -> Response:
        check_admin(request, settings.admin_token)
        try:
            plan = FaultPlan.model_validate_json(await read_body(request))
        except ValidationError as error:
            raise BadBody(422, "the body is not a fault plan", problems_of(error)) from error
        await service.set_plan(plan)
        return await answer()

    @app.get("/faults/injected", tags=["faults"], response_class=StreamingResponse, responses=_ndjson_docs(403))
    async def injected(request: Request, after: After = 0, limit: Limit = None) -> Response:
        check_admin(request, settings.admin_token)
        return await _stream(service.injected(after, limit))
