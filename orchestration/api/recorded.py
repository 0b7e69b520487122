"""Executions as they are recorded: found by ARN, read from the stream itself, so that every answer sees its own writes.

Must not change anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from broker.read import Record, all_of, last
from orchestration.api.arns import resource_of
from orchestration.api.errors import ApiError
from orchestration.asl.interpreter import ExecutionState
from orchestration.asl.protocol import HistoryEvent
from orchestration.names import ExecutionName, execution_of_arn, machine_arn, version_and_alias
from orchestration.rfc3339 import epoch_s
from orchestration.runtime import records

RUNNING: Final = "RUNNING"


@dataclass(frozen=True)
class Recorded:
    """One execution: its start, and what its last append says (None: no worker has told of it yet)."""

    name: ExecutionName
    start: records.Start
    started_at: float
    append: records.Append | None

    @property
    def token(self) -> str:
        return self.name.token

    @property
    def arn(self) -> str:
        return self.name.arn

    @property
    def status(self) -> str:
        return RUNNING if self.append is None else self.append.status

    @property
    def ended(self) -> bool:
        return self.status != RUNNING

    @property
    def stopped_at(self) -> float | None:
        return None if self.append is None or not self.append.stopped_at else epoch_s(self.append.stopped_at)

    @property
    def state(self) -> ExecutionState | None:
        return None if self.append is None else ExecutionState.from_json(self.append.checkpoint)

    @property
    def machine(self) -> str:
        """With the label, where it is a child of a distributed Map."""
        return f"{self.name.machine}/{self.name.label}" if self.name.label else self.name.machine

    @property
    def version_arn(self) -> str:
        version, _ = version_and_alias(self.start.qualifier)
        return machine_arn(self.name.machine, version) if version else ""

    @property
    def alias_arn(self) -> str:
        _, alias = version_and_alias(self.start.qualifier)
        return machine_arn(self.name.machine, alias) if alias else ""


def standard_name(arn: str) -> ExecutionName:
    """The name in an ARN of a Standard execution. Raises ``ApiError``."""
    resource_of(arn, "execution")
    name = execution_of_arn(arn)
    if name is None:
        raise no_such_execution(arn)
    return name


def no_such_execution(arn: str) -> ApiError:
    return ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


async def find(client: Client, arn: str) -> Recorded:
    """Raises ``ApiError`` and ``broker.errors.BrokerError``."""
    name = standard_name(arn)
    start = await last(client, records.STREAM, records.start_subject(name.token))
    if start is None:
        raise no_such_execution(arn)
    append = await last(client, records.STREAM, records.log_subject(name.token))
    return recorded(name, start, append)


def recorded(name: ExecutionName, start: Record, append: Record | None) -> Recorded:
    decoded = None if append is None else records.decode_append(append.body)
    read = records.decode_start(start.body)
    return Recorded(name, read, read.began_at(epoch_s(start.at)), decoded)


async def appends(
    client: Client, token: str, *, after: int = 0, limit: int | None = None
) -> list[tuple[int, Sequence[HistoryEvent]]]:
    """The events of each append after this sequence, with the append's own."""
    found = await all_of(client, records.STREAM, records.log_subject(token), start=after + 1, limit=limit)
    return [(record.sequence, records.decode_append(record.body).events) for record in found]
