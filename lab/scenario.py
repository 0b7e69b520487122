"""Scenarios: a named plan of load and faults, as a TOML file. Reads and checks it, and says what happens when.

Everything but ``load_scenario`` is pure. Times are real seconds after the first moment of the load, and the same for
every lane; only ``time_scale`` makes retry waits, call timeouts and deadlines shorter than in real life.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lab.errors import BadInput
from lab.experiment.measures import Criterion
from lab.topology import BROKER, LANES, LabConfig
from loadtests.workload import Shape
from services.commands import Refusal
from services.faults.plan import CrashPoint, Delay, FaultKind, FaultPlan, FaultRule
from services.operations import Operation, Service

SCENARIOS: Final = Path(__file__).parent / "scenarios"
DEFAULT_SCENARIO: Final = "printer-out-of-ink"

# Which process stands for a role in a lane. Services, the front door and the broker are called alike everywhere. The
# ``decider`` is a process that decides what happens next to an order: a conductor where conductors do, the listener
# of the chain's middle service where the services do (see docs/decisions).
DECIDER: Final = {"choreography": "warehouse", "orchestration": "conductor-1"}
ROLES: Final = (*Service, "decider", "door", "broker")

Role = Literal["payment", "warehouse", "shipping", "decider", "door", "broker"]
# A process that only one lane has: for a scenario that is about that lane alone.
Own = Literal["conductor-1", "conductor-2", "watch"]
Lane = Literal["choreography", "orchestration"]


class BadScenario(BadInput):
    """Correct the file: the text names it and every problem in it."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedFault(_Table):
    """A rule of the fault plan, all through the run or in a window of it."""

    service: Service | Literal["every"]
    kind: FaultKind
    at_s: float = Field(default=0.0, ge=0)
    for_s: float | None = Field(default=None, gt=0)  # None: to the end of the run
    operation: Operation | None = None
    probability: float = Field(default=1.0, ge=0, le=1)
    attempts: int | None = Field(default=None, ge=1)
    point: CrashPoint | None = None
    reply: Literal["hang", "reset"] = "reset"
    delay: Delay | None = None
    refusal: Refusal | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.service == "every" and self.operation is not None:
            raise ValueError("an operation belongs to one service: name the service")
        self.rules()
        return self

    def rules(self) -> tuple[FaultRule, ...]:
        services = tuple(Service) if self.service == "every" else (self.service,)
        own = self.model_dump(exclude={"service", "at_s", "for_s"})
        return tuple(FaultRule.model_validate({**own, "service": service}) for service in services)

    def in_force(self, at_s: float) -> bool:
        return self.at_s <= at_s and (self.for_s is None or at_s < self.at_s + self.for_s)

    @property
    def cleared_at_s(self) -> float | None:
        return None if self.for_s is None else self.at_s + self.for_s


class MachineryFault(_Table):
    """Something done to a process. A frozen one is thawed after ``for_s``; a killed one is started again by the lab."""

    at_s: float = Field(ge=0)
    do: Literal["kill", "freeze", "restart"]
    target: Role | Own
    for_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.do == "freeze") != (self.for_s is not None):
            raise ValueError("a freeze needs for_s, and nothing else has one")
        return self


class LinkFault(_Table):
    """Something done to the link between one process and its broker, for ``for_s``; then it heals.

    ``cut``: nothing passes and nobody is told, as when a cable is pulled. ``reset``: connections break, and new ones
    break too. ``slow``: every byte is ``delay_s`` late, in both directions.
    """

    at_s: float = Field(ge=0)
    for_s: float = Field(gt=0)
    do: Literal["cut", "reset", "slow"]
    target: Role | Own
    delay_s: float | None = Field(default=None, gt=0, le=10)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.do == "slow") != (self.delay_s is not None):
            raise ValueError("a slow link needs delay_s, and nothing else has one")
        if self.target == "broker":
            raise ValueError("a link is named by the process at its other end, not by the broker")
        return self


class MessageFault(_Table):
    """Something done to the messages by which a lane works on, by its broker.

    ``again``: what the broker delivered in the last ``back_s`` is delivered once more, every ``every_s`` during
    ``for_s``: twice, late, and after what came later. ``malformed``: ``count`` messages that nobody can read.
    """

    at_s: float = Field(ge=0)
    do: Literal["again", "malformed"]
    for_s: float | None = Field(default=None, gt=0)
    every_s: float = Field(default=1.0, ge=0.1)
    back_s: float | None = Field(default=None, gt=0)
    count: int | None = Field(default=None, ge=1, le=10_000)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        again = self.do == "again"
        if again != (self.for_s is not None) or again != (self.back_s is not None):
            raise ValueError("again needs for_s and back_s, and nothing else has them")
        if again == (self.count is not None):
            raise ValueError("malformed needs a count, and nothing else has one")
        return self

    def moments(self) -> list[float]:
        """When it is done."""
        times = int((self.for_s or 0.0) / self.every_s) + 1
        return [self.at_s + number * self.every_s for number in range(times)]


class Phases(_Table):
    """The orders of the first ``warm_up_s`` count for the books, and not for speed."""

    warm_up_s: float = Field(default=2.0, ge=0)


class Settle(_Table):
    """How long a run may take to come to rest after its last planned arrival, and how long without news is rest.

    For ``within_s`` a client goes on sending an order that nobody acknowledges.
    """

    within_s: float = Field(default=30.0, gt=0)
    quiet_s: float = Field(default=5.0, gt=0)


class Conditions(_Table):
    """What every process of every lane is told; None: the default of ``services.settings``."""

    time_scale: float = Field(default=1.0, gt=0)
    approval_threshold_cents: int | None = Field(default=None, ge=1)
    stock_scale: float | None = Field(default=None, gt=0)
    catalogue_seed: int | None = None
    call_timeout_base_s: float | None = Field(default=None, gt=0)
    quiet_after_base_s: float | None = Field(default=None, gt=0)
    approval_timeout_s: float | None = Field(default=None, gt=0)


class Scenario(_Table):
    """One file."""

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    title: str = ""
    asks: str = ""  # the question that its trials answer
    criterion: Criterion = "consistency"  # the one that it speaks to most
    lanes: tuple[Lane, ...] = Field(default=LANES, min_length=1)  # one: it breaks what the other has not
    conditions: Conditions = Conditions()
    load: Shape = Shape()
    phases: Phases = Phases()
    settle: Settle = Settle()
    faults: tuple[PlannedFault, ...] = ()
    machinery: tuple[MachineryFault, ...] = ()
    links: tuple[LinkFault, ...] = ()
    messages: tuple[MessageFault, ...] = ()

    @model_validator(mode="after")
    def _targets_are_there(self) -> Self:
        """A paired scenario breaks only what every lane has."""
        groups: dict[str, tuple[MachineryFault | LinkFault, ...]] = {"machinery": self.machinery, "links": self.links}
        problems = [
            f"{name}.{number}.target: lane {lane} has no {fault.target}{' with a link' if name == 'links' else ''}"
            for name, faults in groups.items()
            for number, fault in enumerate(faults)
            for lane in self.lanes
            if not _there(fault, lane)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def paired(self) -> bool:
        """Whether the same happens to every lane, so that they can be held against each other."""
        return set(self.lanes) == set(LANES)

    def faults_at(self, seed: int, at_s: float) -> FaultPlan:
        """The plan in force at a moment, its rules in the order of the file."""
        rules = tuple(rule for fault in self.faults if fault.in_force(at_s) for rule in fault.rules())
        return FaultPlan(seed=seed, rules=rules)

    def plan_changes(self) -> list[float]:
        """The moments at which the fault plan changes, the beginning included."""
        ends = (fault.cleared_at_s for fault in self.faults)
        return sorted({0.0, *(fault.at_s for fault in self.faults), *(end for end in ends if end is not None)})

    def actions(self) -> list[tuple[float, str, Role | Own]]:
        """What is done to processes, by time; the end of a freeze is an action of its own."""
        return sorted(self._actions(), key=lambda action: action[0])

    def _actions(self) -> Iterator[tuple[float, str, Role | Own]]:
        for fault in self.machinery:
            yield fault.at_s, fault.do, fault.target
            if fault.for_s is not None:
                yield fault.at_s + fault.for_s, "thaw", fault.target

    @property
    def cleared_at_s(self) -> float | None:
        """When the last window of faults ends; None where there is none."""
        ends = [end for fault in self.faults if (end := fault.cleared_at_s) is not None]
        return max(ends, default=None)


def component_of(role: Role | Own, lane: str) -> str:
    """The component of a lane that stands for a role."""
    return DECIDER[lane] if role == "decider" else role


def _there(fault: MachineryFault | LinkFault, lane: str) -> bool:
    component = component_of(fault.target, lane)
    if component == BROKER:
        return True
    parts = [part for part in LabConfig().parts(lane) if part.component == component]
    return any(isinstance(fault, MachineryFault) or part.user is not None for part in parts)


def load_scenario(name_or_path: str) -> Scenario:
    """A scenario of the lab by its name, or any file by its path. Raises ``BadScenario``."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = SCENARIOS / f"{name_or_path}.toml"
        if not path.is_file():
            raise BadScenario(
                f"no scenario {name_or_path!r}; there are: {', '.join(known_scenarios())}; or give a path"
            )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadScenario(f"cannot read the scenario {path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadScenario(f"cannot read the scenario {path}: {error}") from error
    return parse_scenario(content, str(path))


def parse_scenario(content: dict[str, object], source: str) -> Scenario:
    """Raises ``BadScenario`` with every problem and its place in the file."""
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors()
        )
        raise BadScenario(f"{source}: {problems}") from error


def known_scenarios() -> list[str]:
    return sorted(path.stem for path in SCENARIOS.glob("*.toml"))
