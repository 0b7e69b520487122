"""The API as a route: ``POST /``, beside whatever else an app serves, or alone as component ``api``."""

import logging
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from nats.aio.client import Client
from starlette.responses import Response

from broker.connection import close
from broker.errors import BrokerError
from broker.read import last
from orchestration.api import (
    activities,
    aliases,
    callbacks,
    execution_history,
    execution_list,
    execution_machine,
    executions,
    machines,
    map_runs,
    synchronous,
    tags,
    test_state,
    versions,
)
from orchestration.api.errors import ApiError
from orchestration.api.long_poll import LONG_POLLS, while_connected
from orchestration.api.protocol import MAX_BODY_BYTES, Handlers, answer, refusal, response
from orchestration.api.services import ApiServices
from orchestration.asl.interpreter import Machine
from orchestration.machine_subjects import STREAM, head_subject
from orchestration.machines.loaded import StoredMachines
from orchestration.machines.store import MachineStore
from orchestration.tasks.registry import Tasks
from orchestration.visibility.executions import Executions
from services.bodies import NotAdmin, check_admin, header
from services.hot_paths import add_hot_path
from services.operational_http import create_operational_app
from services.settings import Settings

log = logging.getLogger(__name__)

# Each makes its handlers from the services: operation -> handler.
_PARTS = (
    machines.handlers,
    versions.handlers,
    aliases.handlers,
    tags.handlers,
    test_state.handlers,
    executions.handlers,
    execution_list.handlers,
    execution_machine.handlers,
    execution_history.handlers,
    callbacks.handlers,
    activities.handlers,
    synchronous.handlers,
    map_runs.handlers,
)


def handlers(services: ApiServices) -> Handlers:
    return {operation: handler for part in _PARTS for operation, handler in part(services).items()}


def api_services(
    settings: Settings,
    client: Client,
    built_in: Mapping[str, Machine],
    *,
    visibility: Executions | None = None,
    tasks: Tasks | None = None,
    mocked: bool = False,
) -> ApiServices:
    store = MachineStore(client)
    return ApiServices(
        client=client,
        secret=settings.approval_secret.get_secret_value(),
        store=store,
        machines=StoredMachines(store, built_in, time_scale=settings.time_scale),
        settings=settings,
        clock=time.time,
        chance=random.random,
        visibility=visibility,
        tasks=tasks,
        mocked=mocked,
    )


def create_app(settings: Settings, client: Client, services: ApiServices) -> FastAPI:
    """The API alone."""

    async def ready() -> str | None:
        if not client.is_connected:
            return "no connection to the broker"
        try:
            await last(client, STREAM, head_subject("none"), timeout_s=1.0)
        except BrokerError as error:
            return f"the broker does not answer: {error}"
        return None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await close(client)

    app = create_operational_app(settings, ready, lifespan)
    add_api(app, services)
    return app


def add_api(app: FastAPI, services: ApiServices) -> None:
    table = handlers(services)

    @app.post("/", include_in_schema=False)
    async def step_functions(request: Request) -> Response:
        """AWS JSON 1.0: the operation is named by ``X-Amz-Target``; boto3 and the AWS CLI speak it."""
        target = header(request, b"x-amz-target")
        try:
            _refuse_foreign_pages(request, services.settings)
            work = answer(table, target, await _body(request))
            return await (while_connected(request, work) if target in LONG_POLLS else work)
        except ApiError as error:
            return refusal(error)
        except Exception:
            log.exception("a bug in %s", target[:200])
            return response({"__type": "InternalFailure", "message": "see the log of this process"}, 500)

    add_hot_path(app, "/", step_functions)


def _refuse_foreign_pages(request: Request, settings: Settings) -> None:
    """A browser on this machine sends what any page tells it to, and says so in ``Origin``; no SDK does."""
    if header(request, b"origin"):
        try:
            check_admin(request, settings.admin_token)
        except NotAdmin as error:
            raise ApiError("AccessDeniedException", str(error)) from error


async def _body(request: Request) -> bytes:
    """The whole body. Raises ``ApiError`` as soon as it is known to be too large."""
    declared = header(request, b"content-length")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ApiError("IncompleteBody", "the client went away in the middle of the body")
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> ApiError:
    return ApiError("RequestEntityTooLargeException", f"the body is larger than {MAX_BODY_BYTES} bytes")
