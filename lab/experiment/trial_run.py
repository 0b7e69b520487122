"""One trial: fresh state, one lane, the block's plan, the load generator as a process of its own, audited end.

Nothing of a trial outlives it but its rows: the lane's home is removed, also when the trial fails.
"""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import aiohttp
import psutil

from lab.collect import LaneReader
from lab.diagnosis.measuring import measure_traceability
from lab.diagnosis.reading import SpanReader
from lab.diagnosis.truth import TRIES, truths_of
from lab.embedded import Lab
from lab.experiment.bystanders import Spent, others_share
from lab.experiment.design import Slot, practices_of
from lab.experiment.generator import LOG as GENERATOR_LOG
from lab.experiment.generator import generator
from lab.experiment.handicap import hold_back
from lab.experiment.manifest import load_average
from lab.experiment.measuring import Observed, figures
from lab.experiment.records import Arm, Trial
from lab.experiment.stored import ledger_bytes, more, stored
from lab.experiment.worst import told, worth_a_look
from lab.home import Home, HomeLock, clear_orphans
from lab.link.links import links_for
from lab.scenario import Scenario
from lab.target.protocol import Target
from lab.topology import LabConfig
from lab.trial import Run, address_of, config_for, run_scenario
from lab.verdict import judge
from loadtests.catalogue import Product
from loadtests.open_loop import Patience, Placing
from loadtests.workload import PlannedOrder, plan, read_plan, write_plan
from services.catalogue import catalogue
from services.practices import Practice
from services.settings import Settings
from services.trail import OrderStatus

WORK: Final = ".work"


@dataclass(frozen=True)
class Done:
    """A trial, and the services' own record of the faults that they met."""

    trial: Trial
    faults: tuple[Mapping[str, Any], ...]


OnRun = Callable[[Run], None]


def block_plan(path: Path, scenario: Scenario, seed: int) -> list[PlannedOrder]:
    """The orders of a block, from its file; the file is made when it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_plan(path, plan(seed, scenario.load, products(scenario)))
    return read_plan(path)


def products(scenario: Scenario) -> tuple[Product, ...]:
    """What the warehouse will offer; it is a plain function of the scenario's conditions."""
    told_seed, scale = scenario.conditions.catalogue_seed, scenario.conditions.stock_scale
    seed = Settings.model_construct().catalogue_seed if told_seed is None else told_seed
    offered = catalogue(seed, 1.0 if scale is None else scale)
    return tuple(Product(each.sku, each.unit_price_cents, each.popularity) for each in offered)


async def run_trial(
    slot: Slot,
    scenario: Scenario,
    plan_path: Path,
    *,
    work: Path,
    logs: Path,
    port_base: int,
    on_run: OnRun,
    also: Sequence[str] = (),
    traces: bool = False,
) -> Done:
    """``also``: orders whose stories are wanted, whatever becomes of them; ``logs``: where the processes' logs are kept
    of a trial that was not clean or failed. Raises ``LabError`` when the lab fails.
    """
    orders = read_plan(plan_path)
    with _fresh(work / slot.name) as home, _logs_kept(home, logs / slot.name) as keep_logs:
        config = config_for(
            scenario, home=home, port_base=port_base, lanes=(slot.arm.lane,), practices=practices_of(slot.arm)
        )
        config = replace(config, traces=traces)
        door, patience = config.url(slot.arm.lane, "door"), Patience(order_s=scenario.settle.within_s)
        async with (
            generator(plan_path, door, home, patience) as sender,
            links_for(scenario, config) as (linked, links),
            Lab(linked) as lab,
            _handicapped(lab, slot),
        ):
            before = await _stored(config, slot)
            started_at, spent = time.time(), Spent.now()
            run = await run_scenario(lab, scenario, orders, slot.seed, on_run, links=links, sender=sender)
            others = others_share(spent, Spent.now(), psutil.cpu_count() or 1)
            lane_run = run.lanes[slot.arm.lane]
            after = await _stored(config, slot)
            seen = Observed(
                scenario=scenario,
                orders=orders,
                run=run,
                lane_run=lane_run,
                verdict=judge(run, lane_run, orders, scenario),
                stored=more(before[0], after[0]),
                ledger_bytes=after[1] - before[1],
                generator_cpu_share=sender.cpu_share,
                audited_at=time.time(),
                others_cpu_share=others,
            )
            done = await concluded(lab, slot, seen, started_at, also)
        if done.trial.clean:
            keep_logs.clear()
        return done


async def concluded(lab: Target, slot: Slot, seen: Observed, started_at: float, also: Sequence[str]) -> Done:
    """What was seen, as a trial's figures and rows; the lab must still be up, for it is asked for stories."""
    async with aiohttp.ClientSession() as session:
        reader = LaneReader(address_of(lab, slot.arm.lane), session)
        found = figures(replace(seen, telemetry=await _traceability(lab, slot.arm, reader, seen, session)))
        worst = await told(reader, worth_a_look(found.rows, also))
    audit = seen.verdict.audit
    trial = Trial(
        block=slot.block,
        position=slot.position,
        arm=slot.arm.name,
        seed=slot.seed,
        started_at=started_at,
        measures=found.measures,
        anomalies={kind.value: tally.count for kind, tally in audit.tallies.items()},
        outcomes=audit.outcome_counts(),
        orders=found.rows,
        windows=found.windows,
        samples=found.samples,
        worst=worst,
        load_average=load_average()[0],
        clean=seen.verdict.clean,
    )
    return Done(trial, tuple(row for rows in seen.lane_run.injected.values() for row in rows))


async def _traceability(
    lab: Target, arm: Arm, reader: LaneReader, seen: Observed, session: aiohttp.ClientSession
) -> dict[str, float | None]:
    lane_run = seen.lane_run
    accepted = {each.order_id for each in lane_run.placements if each.placing is Placing.ACCEPTED}
    truths = truths_of(
        [order.body for order in seen.orders if order.order_id in accepted],
        chain.from_iterable(lane_run.ledgers.values()),
        chain.from_iterable(lane_run.injected.values()),
        tries=TRIES if Practice.RETRIES in practices_of(arm) else 1,
    )
    failed = {
        order_id
        for order_id, story in lane_run.stories.items()
        if order_id in truths and story != OrderStatus.FULFILLED
    }
    spans = SpanReader(lab.config.collector_url, session) if lab.config.traces else None
    return await measure_traceability(reader, truths, failed, spans)


async def _stored(config: LabConfig, slot: Slot) -> tuple[Any, int]:
    lane = slot.arm.lane
    return await stored(config.monitor_url(lane), lane), ledger_bytes(config.lane_home(lane))


@contextlib.asynccontextmanager
async def _handicapped(lab: Lab, slot: Slot) -> Any:
    if not slot.arm.handicap:
        yield
        return
    holding = asyncio.create_task(hold_back(lambda: lab.supervisor.pids().values(), slot.arm.handicap))
    try:
        yield
    finally:
        holding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await holding


@contextmanager
def _logs_kept(home: Path, target: Path) -> Iterator[list[Path]]:
    """What the processes and the load generator said, unless the list that it gives is emptied: all went well."""
    logs = [home / "logs", home / GENERATOR_LOG]
    try:
        yield logs
    finally:
        for log in logs:
            if log.is_dir():
                shutil.copytree(log, target, dirs_exist_ok=True)
            elif log.is_file():
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(log, target)


@contextmanager
def _fresh(home: Path) -> Iterator[Path]:
    """An empty home, gone afterwards; processes that a killed experiment left in it are ended first."""
    if home.exists():
        with HomeLock(Home(home)):
            clear_orphans(Home(home))
        shutil.rmtree(home)
    home.mkdir(parents=True)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
