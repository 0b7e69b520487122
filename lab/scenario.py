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
    target: Role
    for_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.do == "freeze") != (self.for_s is not None):
            raise ValueError("a freeze needs for_s, and nothing else has one")
        return self


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


class Scenario(_Table):
    """One file."""

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    title: str = ""
    conditions: Conditions = Conditions()
    load: Shape = Shape()
    settle: Settle = Settle()
    faults: tuple[PlannedFault, ...] = ()
    machinery: tuple[MachineryFault, ...] = ()

    def faults_at(self, seed: int, at_s: float) -> FaultPlan:
        """The plan in force at a moment, its rules in the order of the file."""
        rules = tuple(rule for fault in self.faults if fault.in_force(at_s) for rule in fault.rules())
        return FaultPlan(seed=seed, rules=rules)

    def plan_changes(self) -> list[float]:
        """The moments at which the fault plan changes, the beginning included."""
        ends = (fault.cleared_at_s for fault in self.faults)
        return sorted({0.0, *(fault.at_s for fault in self.faults), *(end for end in ends if end is not None)})

    def actions(self) -> list[tuple[float, str, Role]]:
        """What is done to processes, by time; the end of a freeze is an action of its own."""
        return sorted(self._actions(), key=lambda action: action[0])

    def _actions(self) -> Iterator[tuple[float, str, Role]]:
        for fault in self.machinery:
            yield fault.at_s, fault.do, fault.target
            if fault.for_s is not None:
                yield fault.at_s + fault.for_s, "thaw", fault.target

    @property
    def cleared_at_s(self) -> float | None:
        """When the last window of faults ends; None where there is none."""
        ends = [end for fault in self.faults if (end := fault.cleared_at_s) is not None]
        return max(ends, default=None)


def component_of(role: Role, lane: str) -> str:
    """The component of a lane that stands for a role."""
    return DECIDER[lane] if role == "decider" else role


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
