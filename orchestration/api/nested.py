"""Executions inside others: what ``states:startExecution`` asks for, stored as StartExecution stores it.

The start carries who is to be told of the end, and as its message id which attempt of which state entry asked for it:
who asks again after a crash is told what was started then.
"""

import uuid
from dataclasses import replace
from typing import Any, Final

from broker.errors import BrokerError, Conflict, NotStored, Rejected
from broker.publish import Message, publish
from broker.read import last
from orchestration.api.arns import is_name
from orchestration.api.errors import ApiError, invalid_name
from orchestration.api.recorded import find
from orchestration.api.services import ApiServices
from orchestration.api.starting import start_of
from orchestration.api.targets import Target, target
from orchestration.errors import HistoryUnreachable
from orchestration.machines.model import EXPRESS
from orchestration.names import ExecutionName
from orchestration.rfc3339 import epoch_s
from orchestration.runtime import records
from orchestration.tasks.child_executions import ChildStart, ChildStarted, Refused, Unreachable

TRIES: Final = 3
_RUNS: Final = uuid.UUID("0f3d1f0c-6f0e-4a44-8a5b-7f1c9a4f0a11")


class NestedExecutions:
    """Implements ``tasks.child_executions.Executions``."""

    def __init__(self, services: ApiServices) -> None:
        self._services = services

    async def start_child(self, child: ChildStart) -> ChildStarted:
        try:
            return await self._start(child)
        except ApiError as error:
            raise Refused(error.code, error.message, error.status) from error
        except Rejected as error:
            raise Unreachable(str(error)) from error
        except BrokerError as error:
            raise HistoryUnreachable(f"{child.name}: {error}") from error

    async def _start(self, child: ChildStart) -> ChildStarted:
        to = await target(self._services, child.machine_arn)
        if child.waiter is not None and to.type == EXPRESS:
            raise ApiError(
                "StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"
            )
        name = _name_of(child, to)
        request: dict[str, Any] = {"input": child.input, "traceHeader": child.trace_header}
        start = replace(await start_of(self._services, to, name, request), caller=_caller_of(child))
        return ChildStarted(name.arn, await self._store(name, start, child.started_by))

    async def _store(self, name: ExecutionName, start: records.Start, started_by: str) -> float:
        """The instant of the start, now or before."""
        subject = records.start_subject(name.token)
        message = Message(subject, start.encode(), message_id=started_by, expected_last=0)
        doubt: BrokerError | None = None
        for _ in range(TRIES):
            try:
                await publish(self._services.client, message)
            except (Conflict, NotStored) as error:
                doubt = error
            record = await last(self._services.client, records.STREAM, subject)
            if record is None:
                continue
            if record.headers.get("Nats-Msg-Id") == started_by:
                return records.decode_start(record.body).began_at(epoch_s(record.at))
            return await self._same(name, start)
        raise NotStored(f"{subject}: {doubt}")

    async def _same(self, name: ExecutionName, start: records.Start) -> float:
        """Another's start of this name: AWS's answer too, where its input is the same and it still runs.

        Who waits for the end waits for an execution of its own.
        """
        found = await find(self._services.client, name.arn)
        if found.start.fingerprint == start.fingerprint and not found.ended and start.caller is None:
            return found.started_at
        raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{name.arn}'")


def _name_of(child: ChildStart, to: Target) -> ExecutionName:
    if not is_name(child.name):
        raise invalid_name(child.name)
    run = str(uuid.uuid5(_RUNS, child.started_by)) if to.type == EXPRESS else ""
    return ExecutionName(to.name, child.name, run)


def _caller_of(child: ChildStart) -> records.Caller | None:
    waiter = child.waiter
    return None if waiter is None else records.Caller(waiter.execution, waiter.entry, waiter.attempt, waiter.form)
