"""What every process answers over HTTP, whatever its work: alive, ready, metrics; and errors in one format."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from services import metrics
from services.bodies import BadBody, NotAdmin, Problem, error_response, json_response
from services.errors import LedgerUnavailable
from services.settings import Settings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
# None when ready; else the reason why not.
Ready = Callable[[], Awaitable[str | None]]

NAMES: Final = {404: "NotFound", 405: "MethodNotAllowed"}


class Health(BaseModel):
    """``status`` is ``ok`` or, from ``/readyz`` with 503, the reason why not."""

    status: str
    component: str
    lane: str


async def always_ready() -> str | None:
    return None


def create_operational_app(
    settings: Settings, ready: Ready = always_ready, lifespan: Lifespan | None = None
) -> FastAPI:
    """For a process that has no other HTTP interface, such as a conductor."""
    app = FastAPI(title=f"Saga Lab {settings.component} ({settings.lane})", version="1", lifespan=lifespan)
    add_operational(app, settings, ready)
    return app


def add_operational(app: FastAPI, settings: Settings, ready: Ready = always_ready) -> None:
    """``/healthz``, ``/readyz``, ``/metrics``, and the error format for whatever goes wrong anywhere in the app."""

    def health(status: str) -> dict[str, str]:
        return {"status": status, "component": settings.component, "lane": settings.lane}

    @app.get("/healthz", tags=["operations"], response_model=Health)
    async def healthz() -> Response:
        return json_response(health("ok"))

    @app.get(
        "/readyz",
        tags=["operations"],
        response_model=Health,
        responses={503: {"model": Health, "description": "Not ready."}},
    )
    async def readyz() -> Response:
        reason = await ready()
        return json_response(health(reason or "ok"), 503 if reason else 200)

    @app.get("/metrics", tags=["operations"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def exposition(request: Request) -> Response:
        content, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": content_type})

    _add_error_answers(app)


def _add_error_answers(app: FastAPI) -> None:
    async def bad_body(_request: Request, error: Exception) -> Response:
        assert isinstance(error, BadBody)
        return error.response()

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = [Problem(path=".".join(map(str, each["loc"])), problem=each["msg"]) for each in error.errors()]
        return error_response(422, "BadRequest", "a parameter is wrong", problems)

    async def not_admin(_request: Request, error: Exception) -> Response:
        return error_response(403, "Forbidden", str(error))

    async def ledger_unavailable(_request: Request, error: Exception) -> Response:
        return error_response(503, "Unavailable", str(error))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = {"allow": _allowed(app, request)} if error.status_code == 405 else error.headers
        name = NAMES.get(error.status_code, "HttpError")
        return error_response(error.status_code, name, str(error.detail), headers=headers)

    async def unexpected(_request: Request, error: Exception) -> Response:
        return error_response(500, "Bug", f"{type(error).__name__}; see the log of this process")

    app.add_exception_handler(BadBody, bad_body)
    app.add_exception_handler(NotAdmin, not_admin)
    app.add_exception_handler(LedgerUnavailable, ledger_unavailable)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, unexpected)


def _allowed(app: FastAPI, request: Request) -> str:
    """Every method of the path, where the framework names only those of the first route that has it."""
    routes = (route for route in app.routes if isinstance(route, Route))
    methods = {
        method
        for route in routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return ", ".join(sorted(methods))
