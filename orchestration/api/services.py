"""What the handlers work with, made once where the process is wired up."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from nats.aio.client import Client

from orchestration.api.paging import Pages
from orchestration.machines.loaded import StoredMachines
from orchestration.machines.store import MachineStore
from orchestration.runtime.express import ExpressObserver, Follow, nobody
from orchestration.tasks.registry import Tasks
from orchestration.visibility.executions import Executions
from services.settings import Settings


@dataclass(frozen=True)
class ApiServices:
    """``secret`` signs callback tokens and page tokens. ``tasks`` None: nothing here can call a task's service.
    ``observer`` counts the Express executions that run in this process, ``follow`` hears what they do.

    ``clock`` gives epoch seconds; ``chance`` numbers in [0, 1), which decide between the versions of an alias.
    ``mocked``: a mock file is in use, so every resource is allowed.
    """

    client: Client
    secret: str = field(repr=False)
    store: MachineStore
    machines: StoredMachines
    settings: Settings
    clock: Callable[[], float]
    chance: Callable[[], float]
    visibility: Executions | None = None
    tasks: Tasks | None = None
    observer: ExpressObserver | None = None
    follow: Follow = nobody
    mocked: bool = False

    @cached_property
    def pages(self) -> Pages:
        return Pages(self.secret)
