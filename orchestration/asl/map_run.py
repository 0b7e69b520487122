"""A map run as a state machine: (state, event) -> (state, commands). All its rules are here; it does no I/O.

A map run starts the child executions of a distributed Map in the order of their items, a bounded number at a time, and
counts how they end. It ends when all have, or when more have failed than is tolerated: then those that still run are
stopped first. Only counts and the children in flight are kept: results stay with the children until the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, assert_never

from orchestration.asl.distributed import THRESHOLD, Plan
from orchestration.asl.protocol import Json

# AWS runs up to 10,000 children at once; what stands in flight here is written with every append.
AT_ONCE: Final = 1_000
# Children that wait to be taken up delay every other execution. So few are started at first, and more where it shows
# that they take their time: when less than a quarter of them has ended since it was looked at last.
FIRST_WINDOW: Final = 100
SLOW: Final = 4
THRESHOLD_CAUSE: Final = "The specified tolerated failure threshold was exceeded"


class Status(StrEnum):
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"


ENDS: Final = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")  # how a child ends


@dataclass(frozen=True)
class Limits:
    """``concurrency`` 0: as many as may be. An absent tolerance tolerates nothing, unless the other is there."""

    concurrency: int = 0
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None

    @property
    def at_once(self) -> int:
        return min(self.concurrency or AT_ONCE, AT_ONCE)


@dataclass(frozen=True)
class MapRunState:
    """The checkpoint.

    ``running`` holds the children in flight, by number, with how many items each has. ``total`` is known when the items
    come with the state's input, or once all are read. ``ending`` says why it is coming to an end other than success.
    """

    limits: Limits = field(default_factory=Limits)
    status: Status = Status.RUNNING
    read: int = 0  # items
    started: int = 0  # children
    exhausted: bool = False
    total: int | None = None
    running: Mapping[int, int] = field(default_factory=dict)
    items: Mapping[str, int] = field(default_factory=dict)  # how the items' children ended -> items
    children: Mapping[str, int] = field(default_factory=dict)
    written: int = 0  # items whose results were exported
    ending: "Ending | None" = None
    output: Json = None
    window: int = FIRST_WINDOW
    looks: int = 0
    looked_at: int | None = None  # how many had ended when it was decided to look again; None: it was not
    redrives: int = 0
    attempt: int = 1  # of the state that waits
    since: int = 0  # what was told up to this sequence is of before the last redrive
    redo: int | None = None  # a redrive has to look at the children from this number on

    @property
    def ended(self) -> bool:
        return self.status is not Status.RUNNING

    @property
    def at_once(self) -> int:
        return min(self.window, self.limits.at_once)

    @property
    def finished(self) -> int:
        return sum(self.children.values())

    @property
    def children_written(self) -> int:
        return self.started if self.written else 0


@dataclass(frozen=True)
class Ending:
    status: Status
    error: str | None = None
    cause: str | None = None


# --- events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Begun:
    pass


@dataclass(frozen=True)
class ChildrenStarted:
    """The next children, by how many items each has; ``exhausted``: there are no more."""

    items: tuple[int, ...]
    exhausted: bool


@dataclass(frozen=True)
class Failed:
    """The items cannot be read, or the results not be written."""

    error: str | None
    cause: str | None


@dataclass(frozen=True)
class ChildEnded:
    """``sequence`` is that of the message that tells it."""

    number: int
    status: str
    sequence: int = 0


@dataclass(frozen=True)
class Stopped:
    """``sequence`` is that of the message that tells it."""

    error: str | None = None
    cause: str | None = None
    sequence: int = 0


@dataclass(frozen=True)
class LimitsChanged:
    """None: as it is."""

    concurrency: int | None = None
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None


@dataclass(frozen=True)
class Looked:
    """Some time after ``LookAgain``."""


@dataclass(frozen=True)
class LookingAgain:
    pass


@dataclass(frozen=True)
class ResultsGathered:
    """``exported``: into a bucket, as the state machine asked for."""

    output: Json
    exported: bool = False


@dataclass(frozen=True)
class Redriven:
    """Go on, and run the unsuccessful children again, for this ``attempt`` of the state that waits."""

    attempt: int
    sequence: int


@dataclass(frozen=True)
class ChildrenRestarted:
    """``redo`` None: all children were looked at."""

    children: Mapping[int, int]
    redo: int | None


Event = (
    Begun
    | ChildrenStarted
    | ChildrenRestarted
    | Failed
    | ChildEnded
    | Stopped
    | LimitsChanged
    | Looked
    | LookingAgain
    | ResultsGathered
    | Redriven
)

# --- commands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StartChildren:
    """Start at most ``most`` children, from child ``number`` and item ``item`` on."""

    number: int
    item: int
    most: int


@dataclass(frozen=True)
class RestartChildren:
    """Run at most ``most`` unsuccessful ones of the children from ``number`` up to ``before`` again."""

    number: int
    before: int
    most: int


@dataclass(frozen=True)
class StopChildren:
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class LookAgain:
    """In a while, whether more children may run at once."""


@dataclass(frozen=True)
class GatherResults:
    """All children have ended well enough: bring their results together."""


Command = StartChildren | RestartChildren | StopChildren | LookAgain | GatherResults


def initial(plan: Plan, attempt: int = 1) -> MapRunState:
    items = plan.get("items")
    limits = Limits(plan["concurrency"], plan.get("tolerated_count"), plan.get("tolerated_percentage"))
    return MapRunState(limits=limits, total=None if items is None else len(items), attempt=attempt)


def advance(state: MapRunState, event: Event) -> tuple[MapRunState, tuple[Command, ...]]:
    """Applies one event. One that is late or told twice leaves the state as it was."""
    if isinstance(event, Redriven) and state.ended and event.attempt > state.attempt:
        return _go_on(_redriven(state, event))
    if state.ended:
        return state, ()
    match event:
        case Begun():
            return _go_on(state)
        case ChildrenStarted(items, exhausted):
            return _go_on(_started(state, items, exhausted))
        case Failed(error, cause):
            return _end_early(state, Ending(Status.FAILED, error, cause))
        case Stopped(error, cause, sequence):
            ending = Ending(Status.ABORTED, error, cause)
            return _end_early(state, ending) if sequence > state.since or not sequence else (state, ())
        case ChildrenRestarted(children, redo):
            return _go_on(replace(state, running={**state.running, **children}, redo=redo))
        case ChildEnded(number, status, sequence):
            return _child_ended(state, number, status) if sequence > state.since or not sequence else (state, ())
        case LookingAgain():
            return _go_on(replace(state, looked_at=state.finished, looks=state.looks + 1))
        case Looked():
            return _go_on(_looked(state))
        case Redriven():
            return state, ()
        case LimitsChanged() as changed:
            return _judge(replace(state, limits=_changed(state.limits, changed)))
        case ResultsGathered(output, exported):
            written = state.read if exported else 0
            return replace(state, status=Status.SUCCEEDED, output=output, written=written), ()
        case _:
            assert_never(event)


def outstanding(state: MapRunState) -> tuple[Command, ...]:
    """What a worker that takes over must do: only what leaves no record of itself."""
    return () if state.ended else _go_on(state)[1]


def _started(state: MapRunState, items: tuple[int, ...], exhausted: bool) -> MapRunState:
    running = {**state.running, **{state.started + at: count for at, count in enumerate(items)}}
    read = state.read + sum(items)
    return replace(
        state,
        running=running,
        started=state.started + len(items),
        read=read,
        exhausted=exhausted,
        total=read if exhausted else state.total,
    )


def _child_ended(state: MapRunState, number: int, status: str) -> tuple[MapRunState, tuple[Command, ...]]:
    if number not in state.running or status not in ENDS:
        return state, ()
    running = dict(state.running)
    count = running.pop(number)
    return _judge(
        replace(
            state,
            running=running,
            items={**state.items, status: state.items.get(status, 0) + count},
            children={**state.children, status: state.children.get(status, 0) + 1},
        )
    )


def _changed(limits: Limits, changed: LimitsChanged) -> Limits:
    given = {name: value for name, value in vars(changed).items() if value is not None}
    return replace(limits, **given)


def _judge(state: MapRunState) -> tuple[MapRunState, tuple[Command, ...]]:
    if state.ending is None and _exceeded(state):
        return _end_early(state, Ending(Status.FAILED, THRESHOLD, THRESHOLD_CAUSE))
    return _go_on(state)


def _exceeded(state: MapRunState) -> bool:
    failed = sum(state.items.get(status, 0) for status in ENDS[1:])
    count, percentage = state.limits.tolerated_count, state.limits.tolerated_percentage
    if failed == 0:
        return False
    if count is None and percentage is None:
        return True
    if count is not None and failed > count:
        return True
    return percentage is not None and state.total is not None and 100 * failed > percentage * state.total


def _end_early(state: MapRunState, ending: Ending) -> tuple[MapRunState, tuple[Command, ...]]:
    if state.ending is not None:
        return _go_on(state)
    state = replace(state, ending=ending)
    numbers = tuple(state.running)
    ended, commands = _go_on(state)
    return ended, (StopChildren(numbers), *commands) if numbers else commands


def _go_on(state: MapRunState) -> tuple[MapRunState, tuple[Command, ...]]:
    if state.ending is not None:
        return (state if state.running else replace(state, status=state.ending.status)), ()
    room = state.at_once - len(state.running)
    if state.redo is not None or not state.exhausted:
        if room <= 0:
            narrow = state.window < state.limits.at_once and state.looked_at is None
            return state, (LookAgain(),) if narrow else ()
        if state.redo is not None:
            return state, (RestartChildren(state.redo, state.started, room),)
        return state, (StartChildren(state.started, state.read, room),)
    if state.running:
        return state, ()
    if _exceeded(state):  # the total may have become known only now
        return _end_early(state, Ending(Status.FAILED, THRESHOLD, THRESHOLD_CAUSE))
    return state, (GatherResults(),)


def _looked(state: MapRunState) -> MapRunState:
    if state.looked_at is None:
        return state
    slow = SLOW * (state.finished - state.looked_at) < state.window
    window = min(2 * state.window, AT_ONCE) if slow else state.window
    return replace(state, window=window, looked_at=None)


def _redriven(state: MapRunState, event: Redriven) -> MapRunState:
    return replace(
        state,
        status=Status.RUNNING,
        ending=None,
        redrives=state.redrives + 1,
        attempt=event.attempt,
        since=event.sequence,
        looked_at=None,
        redo=0 if any(state.children.get(status, 0) for status in ENDS[1:]) else None,
        items={name: count for name, count in state.items.items() if name == ENDS[0]},
        children={name: count for name, count in state.children.items() if name == ENDS[0]},
    )
