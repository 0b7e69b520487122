"""Where a worker gets the state machine of an execution from."""

from collections.abc import Mapping
from typing import Protocol

from orchestration.asl.interpreter import Machine
from orchestration.errors import Unreadable
from orchestration.runtime.express_log import LogSetting


class Machines(Protocol):
    """``reference``: the name of a built-in machine, or ``<name>@<revision>``, which never changes."""

    async def load(self, reference: str) -> Machine:
        """Raises ``Unreadable`` when there is no such machine, and ``HistoryUnreachable``."""
        ...

    async def log_setting(self, reference: str) -> LogSetting:
        """What of its Express executions goes to the log. Raises as ``load`` does."""
        ...


class FixedMachines:
    """The built-in machines."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self._machines = machines

    async def load(self, reference: str) -> Machine:
        found = self._machines.get(reference)
        if found is None:
            raise Unreadable(f"no state machine is named {reference!r}")
        return found

    async def log_setting(self, reference: str) -> LogSetting:
        return LogSetting()
