"""One trial on containers that are up: the plan, load generator, judge and measures of every trial.

It starts and stops no container, so state is not fresh: what was done before must have ended, and is set aside. What
only a look into an embedded lab's home tells (bytes stored, messages, who else was busy) is not measured.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp

from lab.collect import LaneReader
from lab.errors import BadInput
from lab.experiment.design import Slot, practices_of
from lab.experiment.generator import generator
from lab.experiment.measuring import Observed
from lab.experiment.records import Arm
from lab.experiment.trial_run import Done, OnRun, concluded
from lab.scenario import Scenario
from lab.target.before import Before
from lab.target.compose import ComposeTarget
from lab.topology import LabConfig
from lab.trial import address_of, run_scenario
from lab.verdict import judge
from loadtests.open_loop import Patience
from loadtests.workload import read_plan
from services.practices import format_practices
from services.settings import Settings

# What a result says of the disk's part, in place of what an embedded lab's says.
DURABILITY: Final[Mapping[str, Any]] = {
    "broker": {"sync_interval": "always", "replicas": 3},
    "ledgers": {"database": "PostgreSQL", "synchronous_commit": "on"},
}
# A scenario's conditions, and the variables of ``compose.yaml`` that set them.
VARIABLES: Final[Mapping[str, str]] = {
    "time_scale": "LAB_TIME_SCALE",
    "approval_threshold_cents": "LAB_APPROVAL_THRESHOLD_CENTS",
    "stock_scale": "LAB_STOCK_SCALE",
    "catalogue_seed": "LAB_CATALOGUE_SEED",
    "call_timeout_base_s": "LAB_CALL_TIMEOUT_BASE_S",
    "quiet_after_base_s": "LAB_QUIET_AFTER_BASE_S",
    "approval_timeout_s": "LAB_APPROVAL_TIMEOUT_S",
}


async def run_on_containers(
    slot: Slot, scenario: Scenario, plan_path: Path, *, on_run: OnRun, also: Sequence[str] = ()
) -> Done:
    """Raises ``BadInput`` when these containers cannot play it, and ``LabError`` when the lab fails."""
    orders, lane = read_plan(plan_path), slot.arm.lane
    async with ComposeTarget(lanes=(lane,)) as lab, aiohttp.ClientSession() as session:
        must_fit(lab.config, scenario, slot.arm)
        before = await Before.read(LaneReader(address_of(lab, lane), session))
        before.must_not_know(order.order_id for order in orders)
        patience = Patience(order_s=scenario.settle.within_s)
        with TemporaryDirectory() as work:
            async with generator(plan_path, lab.url(lane, "door"), Path(work), patience) as sender:
                started_at = time.time()
                run = await run_scenario(lab, scenario, orders, slot.seed, on_run, sender=sender)
        lane_run = run.lanes[lane]
        before.set_aside(lane_run)
        seen = Observed(
            scenario=scenario,
            orders=orders,
            run=run,
            lane_run=lane_run,
            verdict=judge(run, lane_run, orders, scenario),
            stored=None,
            ledger_bytes=None,
            generator_cpu_share=sender.cpu_share,
            audited_at=time.time(),
        )
        return await concluded(lab, slot, seen, started_at, also)


def must_fit(config: LabConfig, scenario: Scenario, arm: Arm) -> None:
    """Raises ``BadInput``: what these containers cannot do, or what they must be told."""
    if scenario.links or scenario.messages:
        raise BadInput(f"{scenario.name} cuts links or disturbs messages, which only an embedded lab can")
    if arm.handicap:
        raise BadInput("a handicap is given to processes of an embedded lab only")
    if wanted := misfits(config, scenario, arm):
        settings = " ".join(f"{name}={value}" for name, value in wanted.items())
        raise BadInput(
            f"{scenario.name} needs containers that are told otherwise: put {settings} into .env, then"
            " `docker compose down --volumes` and `docker compose up --wait`"
        )


def misfits(config: LabConfig, scenario: Scenario, arm: Arm) -> dict[str, str]:
    """Variables that the containers must be given, with the values that the scenario asks for. Pure."""
    usual = Settings.model_construct()
    found = {}
    for name, variable in VARIABLES.items():
        wanted, told = getattr(scenario.conditions, name), getattr(config, name)
        wanted = getattr(usual, name) if wanted is None else wanted
        if wanted != (getattr(usual, name) if told is None else told):
            found[variable] = str(wanted)
    practices = practices_of(arm)
    if practices != config.practices_of(arm.lane):
        found["LAB_PRACTICES"] = format_practices(practices)
    return found
