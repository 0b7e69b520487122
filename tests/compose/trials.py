"""A scenario through containers, judged at its end. They may have been used: what was ordered before is set aside."""

from collections import Counter

import aiohttp

from lab.auditor import Effect
from lab.collect import LaneReader
from lab.scenario import Scenario
from lab.target.compose import ComposeTarget
from lab.trial import LaneRun, Run, address_of, run_scenario
from lab.verdict import Verdict, judge
from loadtests.catalogue import products_of
from loadtests.workload import plan
from services.operations import Service

Books = dict[str, list[Effect]]


async def trial(scenario: Scenario, seed: int) -> tuple[Run, dict[str, Verdict]]:
    async with ComposeTarget() as lab, aiohttp.ClientSession() as session:
        readers = {lane: LaneReader(address_of(lab, lane), session) for lane in lab.config.lanes}
        products = products_of(await readers[lab.config.lanes[0]].catalogue())
        before = {lane: {str(each): await reader.effects(each) for each in Service} for lane, reader in readers.items()}
        orders = list(plan(seed, scenario.load, products))
        known = {effect.order_id for books in before.values() for effects in books.values() for effect in effects}
        assert known.isdisjoint(order.order_id for order in orders), (
            "these orders were placed before: take another seed"
        )
        run = await run_scenario(lab, scenario, orders, seed, lambda _: None)
        for lane, lane_run in run.lanes.items():
            _set_aside(lane_run, before[lane])
        return run, {lane: judge(run, run.lanes[lane], orders, scenario) for lane in lab.config.lanes}


def _set_aside(lane_run: LaneRun, before: Books) -> None:
    """All must have ended before: then what they hold stays as it is."""
    held: Counter[str] = Counter()
    for effect in before[Service.WAREHOUSE]:
        sign = 1 if effect.operation == "reserve" else -1
        for sku, quantity in effect.lines:
            held[sku] += sign * quantity
    lane_run.stock = {sku: level._replace(seeded=level.seeded - held[sku]) for sku, level in lane_run.stock.items()}
    for service, effects in before.items():
        lane_run.effects[service] = lane_run.effects[service][len(effects) :]
