"""The workspace of one advance: what it has recorded and asked for so far, and what its expressions may see.

Must not know the rules of any state type.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestration.asl.jsonata_bounds import Patience
from orchestration.asl.limits import TURN_BYTES, TURN_EVENTS, TURN_STEPS
from orchestration.asl.machine import Graph, Machine
from orchestration.asl.paths import Env
from orchestration.asl.protocol import CancelTimer, Command, HistoryEvent, Json, Now, SetTimer
from orchestration.asl.state import Branch, ExecutionState
from orchestration.asl.timestamps import format_timestamp

EXECUTION_TIMER = "execution"


class HistoryFull(Exception):
    """The quota of history events is reached: the execution ends here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the tree a branch runs: its graph, the variables of the branches above, the innermost Map's item."""

    graph: Graph
    variables: dict[str, Json] = field(default_factory=dict)
    item: dict[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """A state is done: its output, and which state follows (None: the branch ends)."""

    output: Json
    next: str | None
    assigned: dict[str, Json] | None = None


class Turn:
    """One advance. ``execution`` is its own copy of the execution's state and may be changed."""

    __slots__ = ("_bytes", "_drawn", "_patience", "commands", "execution", "history", "machine", "now", "token_of")

    def __init__(
        self,
        machine: Machine,
        execution: ExecutionState,
        now: Now,
        token_of: Callable[[int, int], str],
        patience: Patience | None = None,
    ) -> None:
        self.machine = machine
        self.execution = execution
        self.now = now
        self.token_of = token_of
        self.history: list[HistoryEvent] = []
        self.commands: list[Command] = []
        self._bytes = 0
        self._drawn = 0
        self._patience = patience or Patience()

    def record(self, kind: str, previous: int, details: dict[str, Json], *, ends: bool = False) -> int:
        """Adds one event and gives its id. Raises ``HistoryFull``, so that the event that ``ends`` it all has room."""
        number = self.execution.next_event
        if number >= self.machine.history_limit and not ends:
            raise HistoryFull
        self.execution.next_event = number + 1
        self.history.append(HistoryEvent(number, previous, kind, self.now.at, details))
        return number

    def weigh(self, size: int) -> None:
        """Notes that ``size`` bytes of payload went into this advance."""
        self._bytes += size

    @property
    def is_long(self) -> bool:
        """Whether the shell should append what there is before it goes on."""
        return len(self.history) >= TURN_EVENTS or self._bytes >= TURN_BYTES or self._patience.spent >= TURN_STEPS

    def set_timer(self, branch: Branch, kind: str, after_s: float) -> None:
        """``after_s`` is scaled already."""
        timer, at = f"{kind}:{branch.entry}", self.now.at + after_s
        branch.timers = {**branch.timers, timer: at}
        self.commands.append(SetTimer(timer, at))

    def cancel_timers(self, branch: Branch, fired: str = "") -> None:
        for timer in branch.timers:
            if timer != fired:
                self.commands.append(CancelTimer(timer))
        if branch.timers:
            branch.timers = {}

    def scaled(self, seconds: float) -> float:
        return seconds * self.machine.time_scale

    def env(self, place: Place, branch: Branch, *, item: dict[str, Json] | None = None, retried: bool = False) -> Env:
        """What the expressions of ``branch``'s state may see; ``retried`` where the state type counts its retries."""
        variables = {**place.variables, **branch.variables} if place.variables else branch.variables

        def draw() -> str:
            self._drawn += 1
            seed = (
                f"{self.execution.execution_id}:{branch.entry}:{self.execution.next_event}:{self._drawn}:{self.now.u!r}"
            )
            return hashlib.sha256(seed.encode()).hexdigest()

        return Env(
            lambda: self.context(branch, item or place.item, retried),
            variables,
            draw,
            branch.input,
            self.now.at,
            self._patience,
        )

    def context(self, branch: Branch, item: dict[str, Json] | None, retried: bool) -> Json:
        """The context object ``$$``."""
        execution = self.execution
        facts = execution.facts
        state: dict[str, Json] = {"Name": branch.state, "EnteredTime": format_timestamp(branch.entered_at)}
        if retried:
            state["RetryCount"] = branch.retry_count
        made: dict[str, Json] = {
            **facts,
            "Execution": {
                "Id": execution.execution_id,
                "Input": execution.input,
                "StartTime": format_timestamp(execution.started_at),
                "Name": execution.execution_id.rpartition(":")[2],
                **_redrives(execution),
                **facts.get("Execution", {}),
            },
            "StateMachine": facts.get("StateMachine", {}),
            "State": {**state, **facts["State"]} if "State" in facts else state,
        }
        if branch.token is not None:
            made["Task"] = {"Token": branch.token}
        if item is not None:
            made["Map"] = {"Item": item}
        return made


def _redrives(execution: ExecutionState) -> dict[str, Json]:
    """An Express execution, which cannot be redriven, is told nothing of it."""
    if ":express:" in execution.execution_id:
        return {}
    told: dict[str, Json] = {"RedriveCount": execution.redrives}
    if execution.redriven_at is not None:
        told["RedriveTime"] = format_timestamp(execution.redriven_at)
    return told


def without_nones(**details: Json) -> dict[str, Json]:
    """Details of an event; what is not known is left out."""
    return {name: value for name, value in details.items() if value is not None}
