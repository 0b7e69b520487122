"""What this lane offers over HTTP beside the common shells: dead letters on the door, simple reactions on the watch."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import orjson
from fastapi import FastAPI, Path, Request
from nats.aio.client import Client
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import Response

from broker.errors import BrokerError
from choreography.clock import now_text
from choreography.dead_letters import dead_letters, replay
from choreography.errors import NotReplayable
from services.bodies import BadBody, check_admin, error_response, json_response, problems_of, read_body
from services.openapi import add_schemas, error_docs, ref_to
from services.settings import Settings

MAX_SEQUENCE: Final = 2**63 - 1
Sequence = Annotated[int, Path(ge=1, le=MAX_SEQUENCE, description="The dead letter's number.")]
Connected = Callable[[], Client]


class ReplayBody(BaseModel):
    """``data``: the body that the message should have had; left out, the message is sent again as it is."""

    model_config = ConfigDict(extra="forbid")

    data: dict[str, Any] | None = None


def add_dead_letters(app: FastAPI, settings: Settings, connected: Connected) -> None:
    """``connected`` gives the broker connection, which is made only when the app starts."""

    @app.get("/dead-letters", tags=["dead letters"], responses=error_docs(403, 503))
    async def all_letters(request: Request) -> Response:
        check_admin(request, settings.admin_token)
        return await _or_503(lambda: _list(connected()))

    @app.get("/dead-letters/{seq}", tags=["dead letters"], responses=error_docs(403, 404, 422, 503))
    async def one_letter(request: Request, seq: Sequence) -> Response:
        check_admin(request, settings.admin_token)
        return await _or_503(lambda: _show(connected(), seq))

    @app.post(
        "/dead-letters/{seq}/replay",
        tags=["dead letters"],
        responses=error_docs(400, 403, 404, 409, 413, 422, 503),
        openapi_extra={
            "requestBody": {"required": False, "content": {"application/json": {"schema": ref_to(ReplayBody)}}}
        },
    )
    async def replay_letter(request: Request, seq: Sequence) -> Response:
        check_admin(request, settings.admin_token)
        data = await _replacement(request)
        return await _or_503(lambda: _replay(connected(), seq, data))

    add_schemas(app, ReplayBody)


def add_reactions(app: FastAPI, made: Callable[[], dict[str, Any]]) -> None:
    @app.get("/reactions", tags=["reactions"])
    async def reactions() -> Response:
        return json_response(made())


async def _list(client: Client) -> Response:
    return json_response([letter.as_json() for letter in await dead_letters(client)])


async def _show(client: Client, sequence: int) -> Response:
    for letter in await dead_letters(client):
        if letter.sequence == sequence:
            return json_response(letter.as_json())
    return error_response(404, "NotFound", f"there is no dead letter {sequence}")


async def _replay(client: Client, sequence: int, data: bytes | None) -> Response:
    if not any(letter.sequence == sequence for letter in await dead_letters(client)):
        return error_response(404, "NotFound", f"there is no dead letter {sequence}")
    try:
        sent = await replay(client, sequence, at=now_text(), data=data)
    except NotReplayable as error:
        return error_response(409, "NotReplayable", str(error))
    return json_response({"seq": sequence, "sent": sent})


async def _replacement(request: Request) -> bytes | None:
    raw = await read_body(request)
    if not raw:
        return None
    try:
        body = ReplayBody.model_validate_json(raw)
    except ValidationError as error:
        raise BadBody(422, "the body is not a replay", problems_of(error)) from error
    return None if body.data is None else orjson.dumps(body.data)


async def _or_503(answer: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await answer()
    except BrokerError as error:
        return error_response(503, "Unavailable", str(error), headers={"retry-after": "1"})
