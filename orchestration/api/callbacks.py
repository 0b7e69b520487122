"""SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat: the answers of callbacks and of activities' workers."""

from dataclasses import replace
from typing import Any

from nats.aio.client import Client

from orchestration.api.errors import ApiError
from orchestration.api.payloads import BadPayload, parsed
from orchestration.api.protocol import Handlers
from orchestration.api.services import ApiServices
from orchestration.asl.protocol import TaskFailed, TaskSucceeded
from orchestration.runtime.callbacks import Result, Sent, send_heartbeat, send_result
from orchestration.runtime.tokens import read_token


def handlers(services: ApiServices) -> Handlers:
    callbacks = Callbacks(services.client, services.secret)
    return {
        "SendTaskSuccess": callbacks.succeed,
        "SendTaskFailure": callbacks.fail,
        "SendTaskHeartbeat": callbacks.heartbeat,
    }


class Callbacks:
    """A token works once: whatever comes after the first result is told that the task is gone."""

    def __init__(self, client: Client, secret: str) -> None:
        self._client = client
        self._secret = secret

    async def succeed(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            output = parsed(request["output"])
        except BadPayload as error:
            raise ApiError("InvalidOutput", f"Invalid Output: '{error}'") from error
        return await self._send(request["taskToken"], TaskSucceeded(0, output))

    async def fail(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self._send(request["taskToken"], TaskFailed(0, request.get("error"), request.get("cause")))

    async def heartbeat(self, request: dict[str, Any]) -> dict[str, Any]:
        token = request["taskToken"]
        return self._answer(token, await send_heartbeat(self._client, self._secret, token))

    async def _send(self, token: str, result: Result) -> dict[str, Any]:
        def result_of(entry: int) -> Result:
            return replace(result, entry=entry)

        return self._answer(token, await send_result(self._client, self._secret, token, None, result_of))

    def _answer(self, token: str, sent: Sent) -> dict[str, Any]:
        match sent:
            case Sent.ACCEPTED:
                return {}
            case Sent.UNKNOWN if read_token(self._secret, token) is None:
                raise ApiError("InvalidToken", "Invalid Token: 'Invalid token'")
            case Sent.UNKNOWN:
                raise ApiError("TaskDoesNotExist", "Task Does Not Exist: 'Provided task does not exist'")
            case _:
                raise ApiError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
