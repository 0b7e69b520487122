"""The door as an app: the shared front door, and beside it the routes for what only this lane parks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from nats.aio.client import Client
from pydantic import BaseModel
from starlette.responses import Response

from broker.connection import close
from orchestration.orders.door import OrchestrationLane
from orchestration.orders.read_model import Orders
from orchestration.runtime.dead_letters import DeadLetter
from orchestration.visibility.read_model import ReadModel, running
from services.bodies import check_admin, error_response, json_response
from services.front_door import Decided
from services.front_door_http import UNDECIDED, create_door_app
from services.openapi import error_docs
from services.settings import Settings
from services.trail import PendingApproval

_WRONG = error_docs(403, 404, 409, 410, 503)


class ResumedBody(BaseModel):
    decided: Decided


def create_app(settings: Settings, client: Client, read_model: ReadModel) -> FastAPI:
    orders = Orders(settings.lane, read_model.executions)
    lane = OrchestrationLane(client, settings.lane, settings.approval_secret.get_secret_value(), orders)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running(read_model):
            yield
        await close(client)

    app = create_door_app(settings, lane, lifespan)
    _add_parked(app, settings, lane)
    return app


def _add_parked(app: FastAPI, settings: Settings, lane: OrchestrationLane) -> None:
    @app.get("/parked", tags=["approvals"], response_model=list[PendingApproval], responses=error_docs(403, 503))
    async def parked(request: Request) -> Response:
        """Orders whose undo needs a person: put right what hindered it, then let it be tried again."""
        check_admin(request, settings.admin_token)
        return json_response([pending.model_dump(mode="json") for pending in await lane.parked()])

    @app.get("/dead-letters", tags=["approvals"], response_model=list[DeadLetter], responses=error_docs(403, 503))
    async def dead_letters(request: Request) -> Response:
        """Messages that no conductor can make sense of, with the reason."""
        check_admin(request, settings.admin_token)
        return json_response([letter.model_dump(mode="json") for letter in await lane.dead_letters()])

    @app.post("/parked/{token}", tags=["approvals"], response_model=ResumedBody, responses=_WRONG)
    async def resume(request: Request, token: str) -> Response:
        check_admin(request, settings.admin_token)
        decided = await lane.resume(token)
        if decided in UNDECIDED:
            return error_response(*UNDECIDED[decided])
        return json_response({"decided": decided})
