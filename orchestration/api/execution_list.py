"""ListExecutions: pages of the read model, by state machine, version, alias or map run."""

from typing import Any, Final

from orchestration.api.arns import resource_of, unlabeled_machine
from orchestration.api.errors import ApiError, no_such_resource, validation
from orchestration.api.paging import page_size
from orchestration.api.protocol import Handlers
from orchestration.api.services import ApiServices
from orchestration.api.targets import found
from orchestration.errors import NotYet
from orchestration.machines.model import EXPRESS
from orchestration.names import machine_arn
from orchestration.visibility.executions import ExecutionRow, Executions, Filter

PENDING_REDRIVE: Final = "PENDING_REDRIVE"


def handlers(services: ApiServices) -> Handlers:
    async def listed(request: dict[str, Any]) -> dict[str, Any]:
        which = await _filter(services, request)
        kind = f"ListExecutions:{which!r}"
        token = request.get("nextToken")
        after = services.pages.cursor(kind, token) if token else None
        try:
            page = await _visible(services).list(which, limit=page_size(request), after=after)
        except NotYet as error:
            raise _not_yet(str(error)) from error
        return {
            "executions": list(map(_told, page.rows)),
            "nextToken": None if page.next is None else services.pages.token(kind, page.next),
        }

    return {"ListExecutions": listed}


def _visible(services: ApiServices) -> Executions:
    if services.visibility is None:
        raise _not_yet("this process has no list of executions")
    return services.visibility


def _not_yet(why: str) -> ApiError:
    return ApiError("ServiceUnavailableException", why)


async def _filter(services: ApiServices, request: dict[str, Any]) -> Filter:
    """Raises ``ApiError``: ValidationException, StateMachineDoesNotExist, StateMachineTypeNotSupported …"""
    machine, map_run, status = (request.get(name) for name in ("stateMachineArn", "mapRunArn", "statusFilter"))
    redriven = {"REDRIVEN": True, "NOT_REDRIVEN": False}.get(request.get("redriveFilter", ""))
    if (machine is None) == (map_run is None):
        raise validation("Either a stateMachineArn or a mapRunArn must be given, and not both")
    if map_run is not None:
        if resource_of(map_run, "mapRun")[1:] == []:
            raise no_such_resource(map_run)
        return Filter(map_run=map_run, status=status, redriven=redriven)
    if status == PENDING_REDRIVE:
        raise validation(f"The status {PENDING_REDRIVE} can only be asked for with a mapRunArn")
    name = unlabeled_machine(str(machine))
    head = (await found(services, name)).head
    if head.type == EXPRESS:
        raise ApiError("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")
    return Filter(machine=name.name, qualifier=name.qualifier or None, status=status, redriven=redriven)


def _told(row: ExecutionRow) -> dict[str, Any]:
    told = {
        "executionArn": row.arn,
        "stateMachineArn": machine_arn(row.machine),
        "name": row.name,
        "status": row.status,
        "startDate": row.started_at,
        "stopDate": row.stopped_at,
        "mapRunArn": row.map_run or None,
        "stateMachineVersionArn": machine_arn(row.machine, row.version) if row.version else None,
        "stateMachineAliasArn": machine_arn(row.machine, row.alias) if row.alias else None,
        "redriveCount": row.redrive_count,
        "redriveDate": row.redriven_at,
    }
    return {name: value for name, value in told.items() if value is not None}
