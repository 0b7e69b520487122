"""A state machine as data: parsed, frozen, with every path and template compiled. ``loading`` makes it.

Must not know where an execution is.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from orchestration.asl.choice import Predicate
from orchestration.asl.expressions import Expression
from orchestration.asl.limits import HISTORY_LIMIT_EVENTS
from orchestration.asl.paths import Path
from orchestration.asl.protocol import Json
from orchestration.asl.templates import Template


class Pattern(StrEnum):
    """When a task is done."""

    ANSWER = "answer"  # when the service answers
    JOB = "sync"  # when the job that the service started has ended
    CALLBACK = "waitForTaskToken"  # when somebody sends the token back


class TaskKind(StrEnum):
    """Which family of history events tells of the task."""

    TASK = "Task"
    LAMBDA = "LambdaFunction"
    ACTIVITY = "Activity"


@dataclass(frozen=True, slots=True)
class Resource:
    """``service`` and ``action`` are the history's resourceType and resource."""

    text: str
    kind: TaskKind
    pattern: Pattern
    service: str
    action: str
    region: str | None

    def names(self) -> dict[str, Json]:
        return {"resource": self.action, "resourceType": self.service}


@dataclass(frozen=True, slots=True)
class Retrier:
    errors: tuple[str, ...]
    interval_s: float
    max_attempts: int
    backoff_rate: float
    max_delay_s: float | None
    full_jitter: bool


@dataclass(frozen=True, slots=True)
class Catcher:
    errors: tuple[str, ...]
    next: str
    result_path: Path | None  # None: the error is discarded
    assign: Template | None
    output: Template | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What every state has. ``input_path``/``output_path`` None: the document becomes {}; ``next`` None: the end.

    ``output`` is JSONata's field; a JSONata state's paths are all ``$``.
    """

    name: str
    type: str
    comment: str
    next: str | None
    input_path: Path | None
    output_path: Path | None
    assign: Template | None
    output: Template | None


@dataclass(frozen=True, slots=True)
class Shaping:
    """From the effective input to parameters, and from a result to the output. ``result_path`` None: discarded."""

    parameters: Template | None
    result_selector: Template | None
    result_path: Path | None


@dataclass(frozen=True, slots=True)
class PassState(State):
    shaping: Shaping
    result: Json
    has_result: bool


@dataclass(frozen=True, slots=True)
class Seconds:
    """A number of seconds, given, found at a path, or given by a query."""

    value: float | None = None
    path: Path | None = None
    query: Expression | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[Catcher, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskState(State):
    resource: Resource
    shaping: Shaping
    recovery: Recovery
    timeout: Seconds
    heartbeat: Seconds
    role: "Text | None" = None  # Credentials' RoleArn


@dataclass(frozen=True, slots=True)
class Rule:
    holds: Predicate
    next: str
    assign: Template | None
    output: Template | None = None


@dataclass(frozen=True, slots=True)
class ChoiceState(State):
    rules: tuple[Rule, ...]
    default: str | None


@dataclass(frozen=True, slots=True)
class WaitState(State):
    seconds: Seconds
    timestamp: float | None
    timestamp_path: Path | None
    timestamp_query: Expression | None = None


@dataclass(frozen=True, slots=True)
class SucceedState(State):
    pass


@dataclass(frozen=True, slots=True)
class FailState(State):
    error: str | None
    cause: str | None
    error_path: "Text | None"
    cause_path: "Text | None"


@dataclass(frozen=True, slots=True)
class Text:
    """ErrorPath, CausePath and the like: a path, a call of an intrinsic function or a query that gives a string."""

    source: str
    read: Expression


@dataclass(frozen=True, slots=True)
class ParallelState(State):
    branches: "tuple[Graph, ...]"
    shaping: Shaping
    recovery: Recovery


@dataclass(frozen=True, slots=True)
class Setting:
    """A number or text of a distributed Map, given or found when the state is entered; ``source`` as it is written.

    ``read`` None: the field is not there.
    """

    field: str
    source: str = ""
    read: Expression | None = None


@dataclass(frozen=True, slots=True)
class ItemReader:
    """Where a distributed Map's items come from; ``config`` is the ReaderConfig without its numbers."""

    resource: str
    parameters: Template | None
    config: dict[str, Json]
    max_items: Setting


@dataclass(frozen=True, slots=True)
class ItemBatcher:
    """Several items for one child execution; each Setting may be absent, but not both."""

    max_items: Setting
    max_bytes: Setting
    batch_input: Template | None


@dataclass(frozen=True, slots=True)
class ResultWriter:
    """Where the results go; ``resource`` empty: into the state's output, in the form that ``config`` asks for."""

    resource: str
    parameters: Template | None
    config: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a distributed Map has beside an inline one: its iterations are executions of their own."""

    express: bool
    label: str
    reader: ItemReader | None
    batcher: ItemBatcher | None
    writer: ResultWriter | None
    tolerated_count: Setting
    tolerated_percentage: Setting


@dataclass(frozen=True, slots=True)
class MapState(State):
    """``selector`` makes an iteration's input; ``max_concurrency`` 0: no limit; ``distribution`` None: inline."""

    processor: "Graph"
    items_path: Path
    selector: Template | None
    shaping: Shaping
    recovery: Recovery
    max_concurrency: int
    max_concurrency_path: Path | None
    distribution: Distribution | None = None
    items: Template | None = None  # JSONata's Items
    concurrency: Expression | None = None  # MaxConcurrency as a query


AnyState = PassState | TaskState | ChoiceState | WaitState | SucceedState | FailState | ParallelState | MapState


@dataclass(frozen=True, slots=True)
class Graph:
    """States that lead to one another: the machine's own, a Parallel's branch, a Map's processor."""

    start_at: str
    states: dict[str, AnyState]


@dataclass(frozen=True, slots=True)
class Machine:
    """``time_scale`` multiplies every interval at the moment when a timer is set or a timeout handed out.

    So a demonstration need not wait for real seconds, while the definition keeps the whole seconds that the language
    asks for, and the history shows them.
    """

    graph: Graph
    comment: str = ""
    timeout_s: float | None = None
    time_scale: float = 1.0
    history_limit: int = HISTORY_LIMIT_EVENTS
    definition: dict[str, Json] = field(default_factory=dict)


def processor_machine(machine: Machine, state: str) -> Machine:
    """The machine that each child execution of the distributed Map ``state`` runs. Raises ``KeyError``."""
    found = _map_states(machine.graph)[state]
    definition = _definition_of(machine.definition, state) or {}
    return Machine(
        found.processor,
        time_scale=machine.time_scale,
        history_limit=machine.history_limit,
        definition=definition.get("ItemProcessor") or definition.get("Iterator") or {},
    )


def map_state(machine: Machine, state: str) -> "MapState":
    """The Map called ``state``, wherever in the machine it stands. Raises ``KeyError``."""
    return _map_states(machine.graph)[state]


def _map_states(graph: "Graph") -> "dict[str, MapState]":
    """Names are unique in a whole machine."""
    found: dict[str, MapState] = {}
    for name, state in graph.states.items():
        if isinstance(state, MapState):
            found |= {name: state, **_map_states(state.processor)}
        elif isinstance(state, ParallelState):
            for branch in state.branches:
                found |= _map_states(branch)
    return found


def _definition_of(graph: dict[str, Json], wanted: str) -> dict[str, Json] | None:
    for name, state in graph.get("States", {}).items():
        if name == wanted:
            return dict(state)
        inner = [state.get("ItemProcessor") or state.get("Iterator") or {}, *state.get("Branches", ())]
        for each in inner:
            if (found := _definition_of(each, wanted)) is not None:
                return found
    return None


# A state that undoes another's work says so in its Comment, so that histories and graphs can mark it:
# "Comment": "undo of <state>: …". The language has no field of its own for it.
UNDO_MARK: Final = "undo of "


def compensates(definition: dict[str, Json], state: str) -> str | None:
    """The state whose work ``state`` undoes, as its Comment says; None for any other state."""
    comment = definition.get("States", {}).get(state, {}).get("Comment", "")
    return comment.removeprefix(UNDO_MARK).partition(":")[0] if comment.startswith(UNDO_MARK) else None
