"""StartSyncExecution: an Express execution, run in this process while its client waits; at most once."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestration.api.errors import ApiError
from orchestration.api.executions import INCLUDED, execution_name
from orchestration.api.payloads import json_text
from orchestration.api.protocol import Handlers
from orchestration.api.services import ApiServices
from orchestration.api.starting import start_of
from orchestration.api.targets import target
from orchestration.machines.model import EXPRESS
from orchestration.names import ExecutionName
from orchestration.runtime.express import ExpressObserver, Follow, Result, run_express
from orchestration.runtime.express_log import to_log
from orchestration.runtime.records import Start
from orchestration.tasks.registry import Tasks


@dataclass(frozen=True)
class Tools:
    """Implements ``runtime.express.ExpressTools``."""

    tasks: Tasks
    observer: ExpressObserver
    clock: Callable[[], float]
    random: Callable[[], float]
    follow: Follow


def handlers(services: ApiServices) -> Handlers:
    async def start(request: dict[str, Any]) -> dict[str, Any]:
        name = execution_name(request)
        to = await target(services, request["stateMachineArn"])
        if to.type != EXPRESS:
            raise ApiError(
                "StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"
            )
        execution = ExecutionName(to.name, name, str(uuid.uuid4()))
        asked = await start_of(services, to, execution, request)
        machine = await services.machines.load(asked.machine)
        log_to = to_log(execution.arn, await services.machines.log_setting(asked.machine))
        result = await run_express(machine, asked, execution.token, _tools(services), log=log_to)
        return _told(name, asked, result, with_data=request.get("includedData") != "METADATA_ONLY")

    return {"StartSyncExecution": start}


def _tools(services: ApiServices) -> Tools:
    if services.tasks is None or services.observer is None:
        raise ApiError("ServiceUnavailableException", "this process can run no tasks")
    return Tools(services.tasks, services.observer, services.clock, services.chance, services.follow)


def _told(name: str, start: Start, result: Result, *, with_data: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "executionArn": result.arn,
        "stateMachineArn": result.machine_arn,
        "name": name,
        "startDate": result.began_at,
        "stopDate": result.stopped_at,
        "status": result.status,
        "error": result.error,
        "cause": result.cause,
        "traceHeader": start.trace_header or None,
        "billingDetails": {
            "billedMemoryUsedInMB": result.billed_mb,
            "billedDurationInMilliseconds": result.billed_ms,
        },
    }
    if with_data:
        told |= {"input": json_text(start.input), "inputDetails": INCLUDED}
        if result.status == "SUCCEEDED":
            told |= {"output": json_text(result.output), "outputDetails": INCLUDED}
    return told
