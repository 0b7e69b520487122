"""The states of a supervised process, and what a look at it shows. Pure but for ``observe``'s caller."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    STOPPED = "stopped"  # not wanted
    STARTING = "starting"
    READY = "ready"
    FROZEN = "frozen"
    BACKOFF = "backoff"  # ended; will be started again in a moment
    DOWN = "down"  # ended, and is not to be started again by itself


@dataclass(frozen=True)
class Event:
    """Something happened to a process; ``text`` is a sentence without the name."""

    name: str
    state: State
    text: str


OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class Status:
    """One process, as it is now. ``cpu_s`` and ``rss_bytes`` are of the present run only."""

    name: str
    group: str
    state: State
    pid: int | None
    restarts: int
    cpu_s: float
    rss_bytes: int
    ports: tuple[int, ...]
    last_exit: str | None


def describe_exit(code: int) -> str:
    """An exit code as a person says it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
