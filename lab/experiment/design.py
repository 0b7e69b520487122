"""What an experiment is to do: its arms, its blocks, its seeds, and in which order the arms of a block come. Pure.

Every arm of a block gets the same seed: the same orders and the same fault dice. The order of the arms is drawn anew
for each block, so that nothing that drifts with time (a warm disk, a busy neighbour) falls on one arm only.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

from lab.errors import BadInput
from lab.experiment.records import Arm
from lab.scenario import Scenario
from lab.topology import LANES
from services.practices import PRESETS, Practice, Practices

MAX_BLOCKS: Final = 1_000
DEFAULT_BLOCKS: Final = 10
QUICK_BLOCKS: Final = 2
SEEDS: Final = 2**31
Target = Literal["embedded", "compose"]


@dataclass(frozen=True)
class Slot:
    """One trial to be run."""

    block: int
    position: int
    arm: Arm
    seed: int

    @property
    def name(self) -> str:
        return f"{self.block:04d}-{self.arm.name}"


@dataclass(frozen=True)
class Design:
    """``scenario`` whole, so that a rerun does not depend on what has become of the file.

    ``traces``: every process makes spans, and the collector keeps them; costs time, in every arm alike.
    ``target``: processes started afresh for each trial, or the containers that are up.
    """

    scenario: Scenario
    arms: tuple[Arm, ...]
    blocks: int
    seed: int
    traces: bool = False
    target: Target = "embedded"

    def __post_init__(self) -> None:
        if not 1 <= self.blocks <= MAX_BLOCKS:
            raise BadInput(f"blocks must be 1 to {MAX_BLOCKS}, not {self.blocks}")
        if self.traces and self.target == "compose":
            raise BadInput("spans of containers go to Jaeger, where no trial reads them: without --traces")

    def slots(self) -> Iterator[Slot]:
        for block in range(self.blocks):
            dice = random.Random(f"block:{self.seed}:{block}")
            seed = dice.randrange(SEEDS)
            order = dice.sample(self.arms, len(self.arms))
            for position, arm in enumerate(order):
                yield Slot(block, position, arm, seed)

    def to_json(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario.model_dump(mode="json"),
            "arms": [asdict(arm) for arm in self.arms],
            "blocks": self.blocks,
            "seed": self.seed,
            "traces": self.traces,
            "target": self.target,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        arms = tuple(Arm(**arm) for arm in content["arms"])
        scenario = Scenario.model_validate(content["scenario"])
        return cls(scenario, arms, content["blocks"], content["seed"], content["traces"], content["target"])


def arms_of(
    scenario: Scenario,
    lanes: Sequence[str],
    practices: str = "hardened",
    without: str | None = None,
    handicap: float = 0.0,
) -> tuple[Arm, ...]:
    """An arm for each lane; a lane that is named twice gives two (A/A). ``handicap`` is the last arm's.

    Raises ``BadInput``.
    """
    lanes = lanes or scenario.lanes
    _check(scenario, lanes, practices, without, handicap)
    twice = {lane for lane, count in Counter(lanes).items() if count > 1}
    seen: Counter[str] = Counter()
    arms = []
    for place, lane in enumerate(lanes):
        seen[lane] += 1
        name = f"{lane}-{seen[lane]}" if lane in twice else lane
        arms.append(Arm(name, lane, practices, without, handicap if place == len(lanes) - 1 else 0.0))
    return tuple(arms)


def ablation_arms(scenario: Scenario) -> tuple[Arm, ...]:
    """Every lane of the scenario hardened, and with each practice alone switched off."""
    return tuple(
        Arm(lane if practice is None else f"{lane}-without-{practice}", lane, without=practice)
        for practice in (None, *(each.value for each in Practice))
        for lane in scenario.lanes
    )


def _check(scenario: Scenario, lanes: Sequence[str], practices: str, without: str | None, handicap: float) -> None:
    for lane in lanes:
        if lane not in LANES:
            raise BadInput(f"unknown lane {lane!r}; lanes: {', '.join(LANES)}")
        if lane not in scenario.lanes:
            raise BadInput(f"scenario {scenario.name} breaks what lane {lane} has not; it is for {scenario.lanes[0]}")
    if practices not in PRESETS:
        raise BadInput(f"unknown preset {practices!r}; there are: {', '.join(PRESETS)}")
    if without is not None and without not in set(Practice):
        raise BadInput(f"unknown practice {without!r}; there are: {', '.join(Practice)}")
    if not 0 <= handicap < 1:
        raise BadInput(f"a handicap is at least 0 and under 1, not {handicap:g}")


def practices_of(arm: Arm) -> Practices:
    chosen = PRESETS[arm.practices]
    return chosen - {Practice(arm.without)} if arm.without is not None else chosen
