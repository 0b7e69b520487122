"""Clients of what is measured: the floor (the calls themselves), Standard and Express executions through the API.

Each ``submit(order)`` runs one order to its end and gives the execution's status.
"""

import asyncio
from types import TracebackType
from typing import Any, Final, Protocol, Self

import orjson
from nats.aio.client import Client

from bench.endings import Endings
from orchestration.names import ExecutionName
from orchestration.tasks.http_client import Address, HttpClient

UNDO: Final = ("release", "refund")
CALL_WITHIN_S: Final = 60.0


class Submitter(Protocol):
    async def submit(self, order: dict[str, Any]) -> str: ...


class Floor:
    """The same calls by the conductor's own HTTP client, nothing written down."""

    def __init__(self, http: HttpClient, stub: Address) -> None:
        self._http, self._stub = http, stub

    async def submit(self, order: dict[str, Any]) -> str:
        body = orjson.dumps(order)
        for path in ("charge", "reserve", "ship"):
            status = await self._call(path, body)
        if status == 200:
            return "SUCCEEDED"
        for path in UNDO:
            await self._call(path, body)
        return "FAILED"

    async def _call(self, path: str, body: bytes) -> int:
        headers = {"Content-Type": "application/json"}
        return (await self._http.post(self._stub, f"/{path}", body, headers, CALL_WITHIN_S)).status


class StepFunctions:
    """AWS's JSON 1.0 protocol, as the SDKs speak it, but for their cost."""

    def __init__(self, http: HttpClient, api: Address) -> None:
        self._http, self._api = http, api

    async def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AWSStepFunctions.{operation}"}
        answer = await self._http.post(self._api, "/", orjson.dumps(request), headers, CALL_WITHIN_S)
        found: dict[str, Any] = orjson.loads(answer.body)
        if answer.status != 200:
            raise RuntimeError(f"{operation}: {answer.status} {found}")
        return found

    async def create(self, name: str, definition: dict[str, Any], kind: str) -> str:
        made = await self.call(
            "CreateStateMachine",
            {
                "name": name,
                "definition": orjson.dumps(definition).decode(),
                "roleArn": "arn:aws:iam::000000000000:role/bench",
                "type": kind,
            },
        )
        return str(made["stateMachineArn"])


class Express:
    """StartSyncExecution: the answer is the end."""

    def __init__(self, api: StepFunctions, machine: str) -> None:
        self._api, self._machine = api, machine

    async def submit(self, order: dict[str, Any]) -> str:
        request = {"stateMachineArn": self._machine, "name": order["order"], "input": orjson.dumps(order).decode()}
        return str((await self._api.call("StartSyncExecution", request))["status"])


class Standard:
    """StartExecution; that it ended is told by its last append."""

    def __init__(self, api: StepFunctions, machine: str, client: Client) -> None:
        self._api, self._machine = api, machine
        self._endings = Endings(client)

    async def __aenter__(self) -> Self:
        await self._endings.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._endings.__aexit__(kind, error, trace)

    async def submit(self, order: dict[str, Any]) -> str:
        ended = self._endings.expect(ExecutionName(self._machine.rpartition(":")[2], order["order"]))
        request = {"stateMachineArn": self._machine, "name": order["order"], "input": orjson.dumps(order).decode()}
        await self._api.call("StartExecution", request)
        return await asyncio.wait_for(ended, CALL_WITHIN_S)
