"""Background work that a process cannot do without: when it fails, the process stops, to be started afresh."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


def vital(work: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
    """The running work; the caller owns the task and ends it."""
    task = asyncio.create_task(work, name=what)
    task.add_done_callback(_stop_if_failed)
    return task


def _stop_if_failed(task: asyncio.Task[None]) -> None:
    if task.cancelled() or task.exception() is None:
        return
    log.error("%s failed; this process stops", task.get_name(), exc_info=task.exception())
    os.kill(os.getpid(), signal.SIGTERM)
