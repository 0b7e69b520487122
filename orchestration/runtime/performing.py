"""Performing the commands of one execution: its calls and its short waits, each answered by an event.

Knows neither history nor messages. Almost always one call is under way, and then no task is made for it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from orchestration.asl.protocol import CancelTimer, Command, Input, RunTask, SetTimer, TimerFired


class Performing:
    """Owned by one task; only ``start`` and ``wake`` may be called by others."""

    def __init__(self, run_task: Callable[[RunTask], Awaitable[Input | None]], clock: Callable[[], float]) -> None:
        self._run_task = run_task
        self._clock = clock
        self.alone = False  # waiting for a lone call, deaf to all else
        self._lone = 0  # its entry
        self._todo: dict[int, RunTask] = {}
        self._calls: dict[int, asyncio.Task[Input | None]] = {}
        self._attempts: dict[int, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._told: deque[Input] = deque()
        self._failed: BaseException | None = None
        self._woken = False
        self._signal: asyncio.Future[None] | None = None

    @property
    def busy(self) -> bool:
        return bool(self._todo or self._calls or self._timers or self._told)

    def start(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case CancelTimer(timer):
                    self._cancel(timer)
                case SetTimer(timer, at):
                    self._cancel(timer)
                    delay_s = max(0.0, at - self._clock())
                    fired = TimerFired(timer, at)
                    self._timers[timer] = asyncio.get_running_loop().call_later(delay_s, self._fire, fired)
                case RunTask(entry):
                    self._todo[entry] = command
                    self._attempts[entry] = command.attempt
        self.wake()

    def lacks(self, command: Command) -> bool:
        """Whether it is not under way here. A timer may be set again."""
        if not isinstance(command, RunTask):
            return True
        return command.entry not in self._entries() or self._attempts[command.entry] != command.attempt

    def does_more_than(self, commands: Iterable[Command]) -> bool:
        """Whether something is under way here that is not among these."""
        commands = tuple(commands)
        calls = {(command.entry, command.attempt) for command in commands if isinstance(command, RunTask)}
        timers = {command.timer for command in commands if isinstance(command, SetTimer)}
        return not (self._timers.keys() <= timers and {(e, self._attempts[e]) for e in self._entries()} <= calls)

    def _entries(self) -> set[int]:
        return {*self._todo, *self._calls, *((self._lone,) if self.alone else ())}

    def wake(self) -> None:
        """Make ``next`` return, so that its caller looks at the world again."""
        self._woken = True
        self._ring()

    async def next(self, *, listening: bool = False, idle: bool = False) -> list[Input]:
        """What was told meanwhile. Empty: ``wake`` was called, or nothing is under way here.

        ``listening``: others may have something to perform at any moment, so that a lone call must not be waited for
        alone. ``idle``: wait to be woken even where nothing is under way.
        """
        if not listening and len(self._todo) == 1 and not (self._calls or self._timers or self._told):
            self._woken = False
            self.alone = True
            self._lone, command = self._todo.popitem()
            try:
                told = await self._run_task(command)
            finally:
                self.alone, self._lone = False, 0
            return [] if told is None else [told]
        for entry, command in self._todo.items():
            if (superseded := self._calls.get(entry)) is not None:
                superseded.cancel()
            call = asyncio.ensure_future(self._run_task(command))
            self._calls[entry] = call
            call.add_done_callback(partial(self._answered, entry))
        self._todo.clear()
        self._woken = False
        while not (self._told or self._failed or self._woken) and (self.busy or idle):
            self._signal = asyncio.get_running_loop().create_future()
            await self._signal
        if self._failed is not None:
            raise self._failed
        told_now = list(self._told)
        self._told.clear()
        return told_now

    async def stop(self) -> None:
        """Give up what is under way. Whoever takes the execution over does it again, under the same keys."""
        for timer in self._timers.values():
            timer.cancel()
        calls = tuple(self._calls.values())
        self._timers.clear()
        self._calls.clear()
        for call in calls:
            call.cancel()
        if calls:
            await asyncio.wait(calls)

    def _answered(self, entry: int, call: asyncio.Task[Input | None]) -> None:
        if self._calls.get(entry) is not call:
            return
        del self._calls[entry]
        if call.cancelled():
            self._failed = asyncio.CancelledError()
        elif (failed := call.exception()) is not None:
            self._failed = failed
        elif (told := call.result()) is not None:
            self._told.append(told)
        self._ring()

    def _fire(self, fired: TimerFired) -> None:
        del self._timers[fired.timer]
        self._told.append(fired)
        self._ring()

    def _ring(self) -> None:
        if self._signal is not None and not self._signal.done():
            self._signal.set_result(None)

    def _cancel(self, timer: str) -> None:
        handle = self._timers.pop(timer, None)
        if handle is not None:
            handle.cancel()
        elif self._told:
            self._told = deque(
                told for told in self._told if not (isinstance(told, TimerFired) and told.timer == timer)
            )
