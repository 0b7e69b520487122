"""What a scenario needs of the lab that it is played on, wherever that runs.

``lab.embedded.Lab`` and ``lab.target.compose.ComposeTarget`` both are one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lab.embedded import BrokerAccess
from lab.processes.state import Status
from lab.topology import LabConfig


class Target(Protocol):
    """Names of processes are ``lab.topology.name_of(lane, component)``. Unknown ones raise ``BadInput``."""

    @property
    def config(self) -> LabConfig: ...

    @property
    def admin_token(self) -> str: ...

    def components(self, lane: str) -> Sequence[str]:
        """All that listen over HTTP now; of a service of several processes, each."""
        ...

    def url(self, lane: str, component: str) -> str:
        """Where it listens now, the first of several; a process that was started again may listen elsewhere."""
        ...

    def broker(self, lane: str) -> BrokerAccess:
        """Raises ``BadInput`` where the lane's broker cannot be reached from here."""
        ...

    def status(self) -> list[Status]: ...

    async def kill(self, name: str) -> None: ...

    async def freeze(self, name: str) -> None: ...

    async def thaw(self, name: str) -> None: ...

    async def restart(self, name: str) -> None: ...

    async def wait_ready(self, name: str, timeout_s: float | None = None) -> None:
        """Raises ``NotReady``."""
        ...

    async def put_faults(self, lane: str, service: str, plan: Mapping[str, Any]) -> dict[str, Any]:
        """Replace a service's fault plan; the service's answer. Raises ``BadInput`` or ``OutOfReach``."""
        ...
