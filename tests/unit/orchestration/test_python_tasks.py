"""Functions of the process's own: called as handlers, in threads or on the loop, and ended in time."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from orchestration.asl.protocol import TaskFailed, TaskSucceeded
from orchestration.tasks import registry
from orchestration.tasks.python_functions import Context, FunctionsInvalid, PythonTasks, load_functions
from tests.unit.orchestration.task_samples import EXECUTION, run_task

released = threading.Event()


def in_thread(event: Any, context: Context) -> Any:
    return {"event": event, "key": context.key, "loop": threading.current_thread() is threading.main_thread()}


async def on_loop(event: Any, context: Context) -> Any:
    await asyncio.sleep(0)
    return [context.attempt, context.state]


def raises(event: Any, context: Context) -> Any:
    raise LookupError("not there")


def not_json(event: Any, context: Context) -> Any:
    return object()


def hangs(event: Any, context: Context) -> Any:
    released.wait(10)


FUNCTIONS = {"in_thread": in_thread, "on_loop": on_loop, "raises": raises, "not_json": not_json, "hangs": hangs}


@pytest.fixture
def tasks() -> Iterator[PythonTasks]:
    released.clear()
    made = PythonTasks(FUNCTIONS)
    yield made
    released.set()
    made.close()


async def test_a_function_gets_its_input_and_its_key(tasks: PythonTasks) -> None:
    told = await tasks.run("e", run_task("python:in_thread", {"a": 1}))
    assert told == TaskSucceeded(7, {"event": {"a": 1}, "key": f"{EXECUTION}:7", "loop": False})
    assert await tasks.run("e", run_task("python:on_loop")) == TaskSucceeded(7, [1, "S"])


async def test_what_it_raises_is_told_as_lambda_tells_it(tasks: PythonTasks) -> None:
    told = await tasks.run("e", run_task("python:raises"))
    assert isinstance(told, TaskFailed)
    cause = orjson.loads(str(told.cause))
    assert (told.error, cause["errorType"], cause["errorMessage"]) == ("LookupError", "LookupError", "not there")
    assert "raises" in cause["stackTrace"][-1]


async def test_no_json_no_function_and_no_end_are_failures(tasks: PythonTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "LEAST_TIMEOUT_S", 0.01)
    for name in ("not_json", "absent"):
        assert isinstance(await tasks.run("e", run_task(f"python:{name}")), TaskFailed)
    assert await tasks.run("e", run_task("python:hangs", timeout_s=0.01)) == TaskFailed(7, "States.Timeout", None)


def test_functions_are_found_by_the_setting() -> None:
    assert load_functions("") == {}
    for wrong in ("no.such.module:x", "json:absent", "json:loads", "json", ":x"):
        with pytest.raises(FunctionsInvalid, match="LAB_PYTHON_TASKS"):
            load_functions(wrong)
