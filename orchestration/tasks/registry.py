"""Which runner does the tasks of which scheme (the part of a resource before its first colon)."""

from collections.abc import Mapping
from typing import Protocol

from orchestration.asl.protocol import RunTask, TaskFailed, TaskSubmitted, TaskSucceeded

Told = TaskSucceeded | TaskSubmitted | TaskFailed


class Runner(Protocol):
    """Whatever goes wrong with the task is a ``TaskFailed``; an exception is a bug."""

    def told_at_once(self, task: RunTask) -> Told | None:
        """What can be told without doing anything, so that no worker need wait for it; None: ``run`` it."""
        ...

    async def run(self, execution: str, task: RunTask) -> Told: ...


class Tasks:
    """The registry. A resource without a runner fails its task, as an unknown service does on AWS."""

    def __init__(self, runners: Mapping[str, Runner]) -> None:
        self._runners = dict(runners)

    def told_at_once(self, task: RunTask) -> Told | None:
        runner = self._runners.get(_scheme(task))
        if runner is None:
            return TaskFailed(task.entry, "States.Runtime", f"no integration serves the resource {task.resource!r}")
        return runner.told_at_once(task)

    async def run(self, execution: str, task: RunTask) -> Told:
        told = self.told_at_once(task)
        return await self._runners[_scheme(task)].run(execution, task) if told is None else told


def _scheme(task: RunTask) -> str:
    return task.resource.partition(":")[0]
