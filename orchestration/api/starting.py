"""The record that starts an execution, made from a request and from what its ARN leads to."""

import hashlib
from typing import Any

import orjson

from orchestration.api.errors import ApiError, validation
from orchestration.api.payloads import BadPayload, parsed
from orchestration.api.services import ApiServices
from orchestration.api.targets import Target
from orchestration.asl.protocol import Json
from orchestration.machines.model import EXPRESS
from orchestration.names import ExecutionName, machine_arn
from orchestration.runtime.records import Start
from orchestration.tasks.mock_file import mock_of


async def start_of(services: ApiServices, to: Target, name: ExecutionName, request: dict[str, Any]) -> Start:
    """Raises ``ApiError``: InvalidExecutionInput, and ValidationException for what cannot be started so.

    A revision is parsed here, once, before its first start: it never changes, so its role is not read again.
    """
    if to.name in services.machines.built_in:
        raise validation(f"'{to.name}' is built in: its executions are started by the front door that it belongs to")
    if to.test_case and not services.mocked:
        raise validation(f"No mock file is configured that could have the test case '{to.test_case}'")
    given = input_of(request)
    execution: dict[str, Json] = {"RoleArn": await services.machines.role_arn(to.reference)}
    if name.run:
        execution["Name"] = name.name
    return Start(
        to.reference,
        given,
        fingerprint(given),
        {"Execution": execution, "StateMachine": {"Id": machine_arn(to.name), "Name": to.name}},
        arn=name.arn,
        express=to.type == EXPRESS,
        qualifier=to.qualifier,
        mock=mock_of(to.name, to.test_case) if to.test_case else "",
        trace_header=request.get("traceHeader", ""),
        at=round(services.clock(), 3),
    )


def input_of(request: dict[str, Any]) -> Json:
    try:
        return parsed(request.get("input", "{}"))
    except BadPayload as error:
        raise ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error


def fingerprint(given: Json) -> str:
    return hashlib.blake2b(orjson.dumps(given, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
