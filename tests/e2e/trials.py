"""Running orders through a lab while something is done to it, and judging the end."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

import aiohttp

from lab.collect import LaneReader
from lab.embedded import Lab
from lab.grounds import Breach
from lab.scenario import Scenario
from lab.topology import LabConfig
from lab.trial import Run, address_of, run_scenario
from lab.verdict import Verdict, judge
from loadtests.catalogue import products_of
from loadtests.workload import PlannedOrder, Shape, plan_count

Meanwhile = Callable[[Lab, asyncio.Event], Awaitable[None]]


async def planned(lab: Lab, seed: int, count: int, shape: Shape) -> list[PlannedOrder]:
    lane = lab.config.lanes[0]
    async with aiohttp.ClientSession() as session:
        catalogue = await LaneReader(address_of(lab, lane), session).catalogue()
    return list(plan_count(seed, count, shape, products_of(catalogue)))


async def trial(
    config: LabConfig,
    scenario: Scenario,
    *,
    seed: int,
    orders: int,
    meanwhile: Meanwhile | None = None,
) -> tuple[Run, dict[str, Verdict]]:
    """``meanwhile`` runs beside the load, and is told when the scenario is over."""
    async with Lab(config) as lab:
        load = await planned(lab, seed, orders, scenario.load)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            if meanwhile is not None:
                tasks.create_task(_ensure(meanwhile(lab, over)))
            try:
                run = await run_scenario(lab, scenario, load, seed, lambda _: None)
            finally:
                over.set()
        return run, {lane: judge(run, run.lanes[lane], load, scenario) for lane in config.lanes}


async def _ensure(work: Awaitable[None]) -> None:
    await work


def explained(verdicts: Sequence[Verdict]) -> str:
    """For an assertion's message: what the auditor found, with an order to look at for each kind."""
    found = {
        verdict.lane: {
            "outcomes": verdict.audit.outcome_counts(),
            "anomalies": {kind.value: tally.to_json() for kind, tally in verdict.audit.tallies.items()},
            "money": vars(verdict.audit.money),
            "stock": vars(verdict.audit.stock),
            "stories": verdict.figures["stories"],
            **{name: verdict.figures[name] for name in ("orders_refused", "orders_unanswered", *Breach)},
            "unanswered": [
                (row.order_id, round(row.planned_s, 1), row.tries)
                for row in verdict.rows
                if row.placing == "unanswered"
            ],
            "without_ground": [(row.order_id, *row.breaches) for row in verdict.rows if row.breaches][:5],
        }
        for verdict in verdicts
    }
    return json.dumps(found, indent=1)
