"""A scenario through the containers, judged at its end."""

import aiohttp

from lab.collect import LaneReader
from lab.scenario import Scenario
from lab.target.compose import ComposeTarget
from lab.trial import Run, address_of, run_scenario
from lab.verdict import Verdict, judge
from loadtests.catalogue import products_of
from loadtests.workload import plan


async def trial(scenario: Scenario, seed: int) -> tuple[Run, dict[str, Verdict]]:
    async with ComposeTarget() as lab:
        async with aiohttp.ClientSession() as session:
            reader = LaneReader(address_of(lab, lab.config.lanes[0]), session)
            products = products_of(await reader.catalogue())
        orders = list(plan(seed, scenario.load, products))
        run = await run_scenario(lab, scenario, orders, seed, lambda _: None)
        return run, {lane: judge(run, run.lanes[lane], orders, scenario) for lane in lab.config.lanes}
