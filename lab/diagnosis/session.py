"""A scenario through both lanes with every process making spans, and then: what could be found out about the orders?"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

import aiohttp

from lab.collect import LaneReader
from lab.diagnosis.account import Diagnosed
from lab.diagnosis.measuring import scores_of
from lab.diagnosis.reading import SpanReader
from lab.diagnosis.truth import OrderTruth, truths_of
from lab.embedded import Lab
from lab.experiment.trial_run import products
from lab.link.links import links_for
from lab.scenario import Scenario
from lab.topology import LANES
from lab.trial import LaneRun, Run, address_of, config_for, run_scenario
from loadtests.open_loop import Placing
from loadtests.workload import PlannedOrder, plan
from services.practices import PRESETS
from services.trail import OrderStatus


async def diagnose(
    scenario: Scenario, seed: int, *, home: Path, port_base: int, on_run: Callable[[Run], None]
) -> dict[str, Diagnosed]:
    """By lane. Raises ``LabError``; nothing of it is left."""
    orders = list(plan(seed, scenario.load, products(scenario)))
    with _temporary_home(home) as path:
        config = config_for(scenario, home=path, port_base=port_base, lanes=LANES, practices=PRESETS["hardened"])
        async with links_for(scenario, replace(config, traces=True)) as (linked, links), Lab(linked) as lab:
            run = await run_scenario(lab, scenario, orders, seed, on_run, links=links)
            return {lane: await _of_lane(lab, run.lanes[lane], orders) for lane in LANES}


@contextmanager
def _temporary_home(home: Path) -> Iterator[Path]:
    home.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="diagnose-", dir=home))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


async def _of_lane(lab: Lab, lane_run: LaneRun, orders: list[PlannedOrder]) -> Diagnosed:
    truths = truths_in(lane_run, orders)
    failed = {order_id for order_id in truths if lane_run.stories.get(order_id) != OrderStatus.FULFILLED}
    async with aiohttp.ClientSession() as session:
        traces = SpanReader(lab.config.collector_url, session)
        scores = await scores_of(LaneReader(address_of(lab, lane_run.lane), session), truths, failed, traces)
        size = await traces.bytes_of(lane_run.lane)
    return Diagnosed(scores, size / max(1, len(truths)))


def truths_in(lane_run: LaneRun, orders: list[PlannedOrder]) -> dict[str, OrderTruth]:
    """Of the accepted orders."""
    accepted = {each.order_id for each in lane_run.placements if each.placing is Placing.ACCEPTED}
    bodies = [order.body for order in orders if order.order_id in accepted]
    ledgers = chain.from_iterable(lane_run.ledgers.values())
    return truths_of(bodies, ledgers, chain.from_iterable(lane_run.injected.values()))
