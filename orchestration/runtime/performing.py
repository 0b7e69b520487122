"""Performing the commands of one execution: its calls and its short waits, each answered by an event.

Knows neither history nor messages. Almost always one command is under way, and then no task is made for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from orchestration.asl.protocol import CancelTimer, Command, Input, RunTask, SetTimer, TimerFired


class Performing:
    """``mail``: further events for an execution that lives in this process's memory only."""

    def __init__(
        self,
        run_task: Callable[[RunTask], Awaitable[Input]],
        clock: Callable[[], float],
        mail: "asyncio.Queue[Input] | None" = None,
    ) -> None:
        self._run_task = run_task
        self._clock = clock
        self._mail = mail
        self._todo: dict[str, RunTask | SetTimer] = {}
        self._running: dict[str, asyncio.Task[Input]] = {}

    def start(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case CancelTimer(timer):
                    self._drop(f"timer:{timer}")
                case SetTimer(timer):
                    self._drop(f"timer:{timer}")
                    self._todo[f"timer:{timer}"] = command
                case RunTask(entry):
                    self._todo[f"task:{entry}"] = command

    async def next(self) -> Input | None:
        """The next event; None when nothing is under way here, so that only the outside can go on."""
        if len(self._todo) == 1 and not self._running:
            name, command = self._todo.popitem()
            if isinstance(command, RunTask) and command.token is None:
                return await self._perform(command)
            self._todo[name] = command
        for name, command in self._todo.items():
            self._running[name] = asyncio.create_task(self._perform(command))
        self._todo.clear()
        if self._mail is not None and "mail" not in self._running:
            self._running["mail"] = asyncio.create_task(self._mail.get())
        if not self._running:
            return None
        done, _ = await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)
        name = next(name for name, task in self._running.items() if task in done)
        return self._running.pop(name).result()

    async def stop(self) -> None:
        """Give up what is under way. Whoever takes the execution over does it again, under the same keys."""
        for task in self._running.values():
            task.cancel()
        if self._running:
            await asyncio.wait(self._running.values())
        self._running.clear()

    def _drop(self, name: str) -> None:
        self._todo.pop(name, None)
        task: asyncio.Task[Any] | None = self._running.pop(name, None)
        if task is not None:
            task.cancel()

    async def _perform(self, command: RunTask | SetTimer) -> Input:
        if isinstance(command, RunTask):
            return await self._run_task(command)
        await asyncio.sleep(max(0.0, command.at - self._clock()))
        return TimerFired(command.timer)
