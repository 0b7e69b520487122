"""Activities: the task is put where a worker fetches it, and the worker's answer comes as a callback.

Must not know how tasks are kept, nor who fetches them.
"""

from collections.abc import Awaitable, Callable

from orchestration.asl.protocol import Json, RunTask
from orchestration.tasks.registry import Told

# The activity's name, the execution, its state entry, the attempt, and the worker's input.
# Raises ``errors.HistoryUnreachable``.
Queue = Callable[[str, str, int, int, Json], Awaitable[None]]


class ActivityTasks:
    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told | None:
        name = task.resource.rpartition(":")[2]
        await self._queue(name, execution, task.entry, task.attempt, task.parameters)
        return None
