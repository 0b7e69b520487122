"""What the read model answers about executions: rows, pages of them, and what they wait for.

The port that the API and the lane's door are written against; ``sql`` implements it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from orchestration.runtime.records import Waiting

PAGE: Final = 100
MAX_PAGE: Final = 1000


class Waits(StrEnum):
    """What a running execution waits for: of all that it has open, the first of these."""

    CALLBACK = "callback"  # a token was handed out, or an activity's task offered, and no answer has come
    RETRY = "retry"  # a task failed, and the pause before its next attempt has not passed
    TIMER = "timer"  # a Wait state
    CHILD = "child"  # another execution or a map run has to end
    TASK = "task"  # a task was asked for and has not answered


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """One execution as of its record ``sequence``; instants are epoch seconds.

    ``began`` is the stream's sequence of its start, by which lists are ordered. ``reference`` is what
    ``runtime.machines`` loads. ``version`` and ``alias`` are what was started, empty for the machine as it was.
    ``waits`` is None once it has ended; ``state`` is the one that waits and ``resource`` whom it asked, if that is
    known; ``until`` is the instant when the wait ends by itself, ``since`` that of the last record that changed any of
    this. ``error`` and ``cause`` ended it or made it wait. ``callbacks`` are all entries that wait for the outside.
    ``phase`` and ``note`` are what the machine's owner reads off its records (see ``folding.Reader``).
    """

    token: str
    arn: str
    machine: str
    name: str
    reference: str
    status: str
    began: int
    started_at: float
    sequence: int
    version: str = ""
    alias: str = ""
    map_run: str = ""
    stopped_at: float | None = None
    redrive_count: int = 0
    redriven_at: float | None = None
    error: str | None = None
    cause: str | None = None
    waits: Waits | None = None
    state: str = ""
    resource: str = ""
    since: float = 0.0
    until: float | None = None
    callbacks: tuple[Waiting, ...] = ()
    phase: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """``next`` is the ``after`` of the following page; None: this was the last one."""

    rows: tuple[ExecutionRow, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which executions; None means any. ``qualifier`` is a version's number or an alias.

    ``map_run`` is the map run's ARN: its children are listed only when it is given. ``redriven`` True: those redriven
    at least once, False: never.
    """

    machine: str | None = None
    status: str | None = None
    map_run: str | None = None
    redriven: bool | None = None
    qualifier: str | None = None


ANY: Final = Filter()


class Executions(Protocol):
    """Raises ``errors.NotYet`` while the read model is being built, or does not hear from the broker.

    What was stored before the call is in the answer, unless the read model is seconds behind.
    """

    async def list(self, which: Filter = ANY, *, limit: int = PAGE, after: str | None = None) -> Page:
        """Newest first; ``after`` is a page's ``next``. Raises ``cursors.BadCursor``."""
        ...

    async def waiting(
        self,
        kind: Waits | None = None,
        *,
        stuck_for_s: float | None = None,
        limit: int = PAGE,
        after: str | None = None,
    ) -> Page:
        """Running executions that wait, the longest waiting first. Raises ``cursors.BadCursor``.

        Without ``kind``: all but those that only wait for a task's answer. ``stuck_for_s``: those only for which
        nothing has happened for so long although a task was asked for, or a timer should have fired.
        """
        ...

    async def find(self, arn_or_token: str) -> ExecutionRow | None: ...

    async def counts(self, machine: str | None = None) -> dict[str, int]:
        """How many executions there are of each status."""
        ...
