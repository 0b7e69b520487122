"""Which runner does the tasks of which resource, and the mock file that stands in for them.

Must not know what any service does.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Final, Protocol

from orchestration.asl.errors import RUNTIME, TIMEOUT
from orchestration.asl.machine import Pattern, TaskKind
from orchestration.asl.protocol import RunTask, TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.asl.resources import parse_resource
from orchestration.errors import OrchestrationError
from orchestration.tasks.mock_file import NO_MOCKS, MockFile

Told = TaskSucceeded | TaskSubmitted | TaskFailed

# A time scale must not cut a call shorter than a network takes.
LEAST_TIMEOUT_S: Final = 1.0
# Longer than any resource that is served: nobody fills the memory with what is remembered of resources.
MAX_KEPT_CHARS: Final = 256
FUNCTION_ARN: Final = "lambda:function"
ACTIVITY: Final = "activity"
CAUSE_CHARACTERS: Final = 1000
_BUG: Final = "a bug in the integration: the task %a of the resource %a"

log = logging.getLogger(__name__)


class Runner(Protocol):
    """Whatever goes wrong with the task is a ``TaskFailed``; an exception is a bug."""

    def told_at_once(self, task: RunTask) -> Told | None:
        """What can be told without doing anything, so that no worker need wait for it; None: ``run`` it."""
        ...

    async def run(self, execution: str, task: RunTask) -> Told | None:
        """None: it was handed to somebody who takes it up in his own time; the outside tells of it."""
        ...


class Tasks:
    """The registry: ``runners`` by the names of ``integration_of``, or by their service alone.

    A resource without a runner fails its task, as an unknown service does on AWS. Whatever a test case of the mock file
    answers reaches no runner. A runner's bug fails the task, too: raised, it would be met again at every redelivery.
    """

    def __init__(self, runners: Mapping[str, Runner], mocks: MockFile = NO_MOCKS) -> None:
        self._runners = dict(runners)
        self._mocks = mocks

    def told_at_once(self, task: RunTask) -> Told | None:
        try:
            return self._told_at_once(task)
        except OrchestrationError:
            raise
        except Exception as bug:
            log.exception(_BUG, task.key, task.resource)
            return _bug(task, bug)

    async def run(self, execution: str, task: RunTask) -> Told | None:
        """Raises ``OrchestrationError``: the execution is to be taken up again."""
        try:
            return await self._run(execution, task)
        except OrchestrationError:
            raise
        except Exception as bug:
            log.exception(_BUG, task.key, task.resource)
            return _bug(task, bug)

    def _told_at_once(self, task: RunTask) -> Told | None:
        if task.mock and self._mocks.answers(task):
            return None
        runner = self._runner(task)
        return _nobody(task) if runner is None else runner.told_at_once(task)

    async def _run(self, execution: str, task: RunTask) -> Told | None:
        if task.mock and self._mocks.answers(task):
            return self._mocks.told(task)
        runner = self._runner(task)
        if runner is None:
            return _nobody(task)
        return _staged(task, runner.told_at_once(task) or await runner.run(execution, task))

    def _runner(self, task: RunTask) -> Runner | None:
        name = integration_of(task.resource)
        return self._runners.get(name) or self._runners.get(name.rpartition(":")[0])


def _staged(task: RunTask, told: Told | None) -> Told | None:
    """Where the request of a ``.sync`` or ``.waitForTaskToken`` task is refused, the history says TaskSubmitFailed.

    So a history of AWS quoted for ``batch:submitJob.sync`` (github.com/ASFHyP3/hyp3/pull/805).
    """
    if not isinstance(told, TaskFailed) or told.error == TIMEOUT or told.stage:
        return told
    resource = parse_resource(task.resource)
    waits = resource.kind is TaskKind.TASK and resource.pattern is not Pattern.ANSWER
    return replace(told, stage="Submit") if waits else told


def _nobody(task: RunTask) -> TaskFailed:
    return TaskFailed(task.entry, RUNTIME, f"no integration serves the resource {task.resource!r}")


def _bug(task: RunTask, bug: Exception) -> TaskFailed:
    why = str(bug)[:CAUSE_CHARACTERS].encode(errors="replace").decode()
    return TaskFailed(task.entry, RUNTIME, f"the task could not be done: {type(bug).__name__}: {why}")


def integration_of(resource: str) -> str:
    """``sqs:sendMessage``, ``aws-sdk:sfn:startExecution``, ``lambda:function`` for a function's ARN, ``activity``; of a
    resource that is no ARN its scheme (``http``, ``approval``). Patterns are left out.
    """
    if not resource.startswith("arn:"):
        return resource.partition(":")[0]
    return _named(resource) if len(resource) <= MAX_KEPT_CHARS else _named.__wrapped__(resource)


@functools.lru_cache(maxsize=1024)
def _named(resource: str) -> str:
    parsed = parse_resource(resource)
    if parsed.kind is TaskKind.LAMBDA:
        return FUNCTION_ARN
    if parsed.kind is TaskKind.ACTIVITY:
        return ACTIVITY
    return f"{parsed.service}:{parsed.action.partition('.')[0]}"


def pattern_of(resource: str) -> Pattern:
    return parse_resource(resource).pattern


async def in_time(task: RunTask, work: Awaitable[Told]) -> Told:
    """What ``work`` tells; a task that waits for nothing but this work fails when its timeout is over."""
    waits = task.timeout_s is not None and pattern_of(task.resource) is Pattern.ANSWER
    try:
        async with asyncio.timeout(max(LEAST_TIMEOUT_S, task.timeout_s or 0.0) if waits else None):
            return await work
    except TimeoutError:
        return TaskFailed(task.entry, TIMEOUT, None)


def succeeded(task: RunTask, answer: object) -> Told:
    """The service's answer: the end of the task, or the taking of its request."""
    if pattern_of(task.resource) is Pattern.ANSWER:
        return TaskSucceeded(task.entry, answer)
    return TaskSubmitted(task.entry, answer)
