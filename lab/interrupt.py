"""Ctrl-C and SIGTERM as a cancellation of the main task, so that every ``async with`` on the way out does its work."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from lab.errors import LabError

T = TypeVar("T")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(LabError):
    """A signal ended it, cleanly; the exit code is the shell's convention."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}")
        self.exit_code = 128 + number


def run(work: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run``, ended by the first signal gently and by a second one while stopping at once.

    Raises ``Interrupted`` when a signal ended it.
    """
    received: list[signal.Signals] = []

    async def main() -> T:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        def interrupt(number: signal.Signals) -> None:
            received.append(number)
            if task is not None:
                task.cancel()

        for number in SIGNALS:
            loop.add_signal_handler(number, interrupt, number)
        try:
            return await work
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if not received:
            raise
        raise Interrupted(received[0]) from None
