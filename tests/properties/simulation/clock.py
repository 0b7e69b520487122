"""An event loop whose clock stands still while anything runs and jumps to the next timer when nothing does."""

import asyncio
import selectors
from collections import deque
from typing import Any


class _Nothing(selectors.BaseSelector):
    """No file is ever ready; waiting moves the clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = self._keys[number] = selectors.SelectorKey(fileobj, number, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys[fileobj if isinstance(fileobj, int) else fileobj.fileno()]

    def get_map(self) -> Any:
        return self._keys

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        self.now += max(0.0, timeout)
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    _scheduled: list[asyncio.TimerHandle]
    _ready: deque[asyncio.Handle]

    def __init__(self) -> None:
        self._nothing = _Nothing()
        super().__init__(self._nothing)
        self._clock_resolution = 1e-6  # that of a float after a year

    def _make_self_pipe(self) -> None:
        """Nobody wakes it from another thread."""

    def _close_self_pipe(self) -> None: ...

    def restart(self) -> None:
        """Forget what is still scheduled, and begin at zero."""
        for handle in self._scheduled:
            handle.cancel()
        self._scheduled.clear()
        self._ready.clear()
        self._nothing.now = 0.0

    def time(self) -> float:
        return self._nothing.now
