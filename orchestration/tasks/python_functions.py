"""``python:<name>``: a function of this process's own, called as Lambda calls a handler, with (event, context).

A coroutine function runs on the worker's loop, any other in a thread; a thread that outlives its timeout is left to end
by itself. What a function raises is told as Lambda's Python runtime tells it. Must not know who registers functions.
"""

import asyncio
import importlib
import inspect
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import orjson

from orchestration.asl.errors import RUNTIME
from orchestration.asl.protocol import Json, RunTask, TaskSucceeded
from orchestration.errors import OrchestrationError
from orchestration.tasks.registry import Told, in_time
from orchestration.tasks.sdk import failed

THREADS: Final = 32


class FunctionsInvalid(OrchestrationError):
    """Give up: the setting does not name a mapping of functions."""


@dataclass(frozen=True)
class Context:
    """``key`` is the same for every attempt of a state entry: what a function does under it, it does once."""

    execution: str
    state: str
    attempt: int
    key: str


Function = Callable[[Any, Context], Any]


class PythonTasks:
    """``close()`` it: threads that still run are not waited for."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = dict(functions)
        self._threads = ThreadPoolExecutor(THREADS, "python-task")

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        name = task.resource.partition(":")[2]
        function = self._functions.get(name)
        if function is None:
            return failed(task, RUNTIME, f"no Python function is registered as {name!r}")
        return await in_time(task, self._call(function, Context(execution, task.state, task.attempt, task.key), task))

    async def _call(self, function: Function, context: Context, task: RunTask) -> Told:
        (answer,) = await asyncio.gather(self._answer(function, context, task), return_exceptions=True)
        if isinstance(answer, Exception):
            return failed(task, type(answer).__name__, _cause(answer))
        return TaskSucceeded(task.entry, answer)

    async def _answer(self, function: Function, context: Context, task: RunTask) -> Json:
        if inspect.iscoroutinefunction(function):
            answer = await function(task.parameters, context)
        else:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._threads, function, task.parameters, context)
        return orjson.loads(orjson.dumps(answer))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def load_functions(setting: str) -> Mapping[str, Function]:
    """Of ``module:attribute``; empty: none. Raises ``FunctionsInvalid``."""
    if not setting:
        return {}
    module, _, attribute = setting.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise FunctionsInvalid(f"LAB_PYTHON_TASKS={setting}: {error}") from error
    if not isinstance(found, Mapping) or not all(callable(each) for each in found.values()):
        raise FunctionsInvalid(f"LAB_PYTHON_TASKS={setting}: must be a mapping of names to functions")
    return found


def _cause(error: Exception) -> str:
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
    told = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": frames}
    return orjson.dumps(told).decode()
