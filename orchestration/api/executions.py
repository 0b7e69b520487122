"""StartExecution, StopExecution, DescribeExecution, RedriveExecution, ListExecutions: executions over the API."""

import uuid
from typing import Any, Final

from broker.errors import BrokerError, Conflict, NotStored
from broker.group import GroupPublisher
from broker.publish import Message, publish
from broker.read import last
from orchestration.api import redrive
from orchestration.api.arns import is_name
from orchestration.api.errors import ApiError, invalid_name
from orchestration.api.payloads import json_text
from orchestration.api.protocol import Handlers
from orchestration.api.recorded import RUNNING, Recorded, find
from orchestration.api.services import ApiServices
from orchestration.api.starting import start_of
from orchestration.api.targets import target
from orchestration.asl.protocol import RedriveRequested, StopRequested
from orchestration.machines.model import EXPRESS
from orchestration.names import ExecutionName, machine_arn
from orchestration.rfc3339 import epoch_s
from orchestration.runtime import records, wakes

TRIES: Final = 3
CLIENT_TOKEN: Final = "Lab-Client-Token"
INCLUDED: Final = {"included": True}


def handlers(services: ApiServices) -> Handlers:
    executions = ExecutionOperations(services)
    return {
        "StartExecution": executions.start,
        "StopExecution": executions.stop,
        "DescribeExecution": executions.describe,
        "RedriveExecution": executions.redrive,
    }


class ExecutionOperations:
    def __init__(self, services: ApiServices) -> None:
        self._services = services
        self._client = services.client
        self._starts = GroupPublisher(services.client)

    async def start(self, request: dict[str, Any]) -> dict[str, Any]:
        name = execution_name(request)
        to = await target(self._services, request["stateMachineArn"])
        execution = ExecutionName(to.name, name, str(uuid.uuid4()) if to.type == EXPRESS else "")
        start = await start_of(self._services, to, execution, request)
        started_at = await self._store(execution, start)
        return {"executionArn": execution.arn, "startDate": started_at}

    async def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = await find(self._client, request["executionArn"])
        if execution.ended:
            return {"stopDate": execution.stopped_at}
        wake = wakes.encode_wake(StopRequested(request.get("error"), request.get("cause")))
        await publish(self._client, Message(records.stop_subject(execution.token), wake))
        return {"stopDate": round(self._services.clock(), 3)}

    async def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = await find(self._client, request["executionArn"])
        with_data = request.get("includedData") != "METADATA_ONLY"
        status, reason = redrive.status(execution, self._services.clock())
        append = execution.append
        return {
            "executionArn": execution.arn,
            "stateMachineArn": machine_arn(execution.machine),
            "name": execution.name.name,
            "status": execution.status,
            "startDate": execution.started_at,
            "stopDate": execution.stopped_at,
            **(_data(execution) if with_data else {}),
            "traceHeader": execution.start.trace_header or None,
            "mapRunArn": execution.start.map_run or None,
            "stateMachineVersionArn": execution.version_arn or None,
            "stateMachineAliasArn": execution.alias_arn or None,
            "redriveCount": append.redrives if append else 0,
            "redriveDate": epoch_s(append.redriven_at) if append and append.redriven_at else None,
            "redriveStatus": status,
            "redriveStatusReason": reason,
        }

    async def redrive(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = await find(self._client, request["executionArn"])
        subject, client_token = records.redrive_subject(execution.token), request.get("clientToken", "")
        earlier = await last(self._client, records.STREAM, subject)
        if earlier is not None and client_token and earlier.headers.get(CLIENT_TOKEN) == client_token:
            return {"redriveDate": epoch_s(earlier.at)}
        now = self._services.clock()
        status, reason = redrive.status(execution, now)
        if reason is not None or status == redrive.BY_MAP_RUN or execution.append is None:
            raise ApiError("ExecutionNotRedrivable", reason or "Execution can only be redriven by its map run")
        message = Message(
            subject,
            wakes.encode_wake(RedriveRequested(execution.append.redrives + 1)),
            expected_last=0 if earlier is None else earlier.sequence,
            headers={CLIENT_TOKEN: client_token} if client_token else {},
        )
        try:
            await publish(self._client, message)
        except Conflict as error:
            raise ApiError("ExecutionNotRedrivable", f"Execution is {RUNNING} and cannot be redriven") from error
        return {"redriveDate": round(now, 3)}

    async def _store(self, execution: ExecutionName, start: records.Start) -> float:
        """The instant at which it was started, now or before. Raises ``ApiError`` and ``BrokerError``."""
        subject = records.start_subject(execution.token)
        message = Message(subject, start.encode(), expected_last=0)
        doubt: BrokerError | None = None
        for _ in range(TRIES):
            try:
                await self._starts.publish([message])
            except Conflict:
                return await self._same(execution, start, ours=doubt is not None)
            except NotStored as error:
                doubt = error
            else:
                return start.at
        raise NotStored(f"{subject}: {doubt}")

    async def _same(self, execution: ExecutionName, start: records.Start, *, ours: bool) -> float:
        """Something stands there: a start like this one, whose execution still runs, is the answer to this one too."""
        found = await find(self._client, execution.arn)
        if found.start.fingerprint == start.fingerprint and (ours or not found.ended):
            return found.started_at
        raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{execution.arn}'")


def execution_name(request: dict[str, Any]) -> str:
    """Raises ``ApiError`` InvalidName."""
    name: str = request.get("name") or str(uuid.uuid4())
    if not is_name(name):
        raise invalid_name(name)
    return name


def _data(execution: Recorded) -> dict[str, Any]:
    """Input, and what came of it."""
    state = execution.state
    told: dict[str, Any] = {"input": json_text(execution.start.input), "inputDetails": INCLUDED}
    if state is not None and execution.status == "SUCCEEDED":
        told |= {"output": json_text(state.output), "outputDetails": INCLUDED}
    if state is not None and execution.status in ("FAILED", "ABORTED"):
        told |= {"error": state.error, "cause": state.cause}
    return told
