"""One run of a scenario through the lanes that are up: the load, the wait for rest, the looking and the collecting.

What it brings back is raw; ``auditor`` and ``verdict`` judge it. Everything is done to every lane at the same moment;
``scenario_clock`` does it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp

from lab.auditor import Effect, StockLevel, effect_of
from lab.collect import LaneAddress, LaneReader
from lab.errors import LabError
from lab.link.links import Links
from lab.processes.state import State
from lab.scenario import Scenario
from lab.scenario_clock import Clock, Happening
from lab.target.addresses import Addresses
from lab.target.protocol import Target
from lab.topology import LabConfig
from loadtests.manager import Desk, desk_for, manage
from loadtests.open_loop import OnAnswer, Patience, Placement, Placing, send_on_time
from loadtests.outcomes import Outcomes, follow
from loadtests.workload import PlannedOrder
from services.operations import Service
from services.practices import Practices
from services.settings import Settings
from services.trail import ENDED, OrderStatus

# Between "everything is ready" and the first planned moment, so that nobody departs late.
LEAD_S: Final = 0.5
SAMPLE_EVERY_S: Final = 1.0
ASK_AGAIN_AFTER_S: Final = 0.5
# Beyond a caller's timeout: the time in which a call that was still under way writes its effect down.
WRITING_S: Final = 0.25
COUNTERS: Final = frozenset({"lab_retries_total", "lab_dead_letters_total", "conductor_transitions_total"})
# Trails read for the question how many stores tell a story: the orders that did not just succeed.
MAX_TRAILS: Final = 60


@dataclass
class LaneRun:
    """What one lane showed. Times are seconds since the epoch."""

    lane: str
    placements: list[Placement] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Outcomes)
    desk: Desk = field(default_factory=lambda: Desk({}))
    effects: dict[str, list[Effect]] = field(default_factory=dict)
    ledgers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # the same effects, with times and keys
    stock: dict[str, StockLevel] = field(default_factory=dict)
    stories: dict[str, str | None] = field(default_factory=dict)
    reasons: dict[str, str | None] = field(default_factory=dict)  # why it was not fulfilled, in the lane's own words
    injected: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    trails: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)
    rested: bool = False  # False: the horizon came first
    peak_rss_bytes: int = 0
    cpu_s: float = 0.0
    lost_lives: int = 0  # processes that ended and were started again, whoever ended them
    accepted: int = 0
    effects_seen: int = 0


@dataclass
class Run:
    """All lanes under one preset. ``actions`` tells when each planned change was really made: (epoch, text)."""

    starts_at: float = 0.0
    sent_at: float = 0.0  # every order was answered or given up
    ended_at: float = 0.0
    lanes: dict[str, LaneRun] = field(default_factory=dict)
    actions: list[tuple[float, str]] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)


OnProgress = Callable[[Run], None]


class Sender(Protocol):
    """Sends a plan to one front door from ``starts_at`` on, on time; answers when all was acknowledged or given up."""

    async def __call__(
        self,
        orders: Sequence[PlannedOrder],
        front_door_url: str,
        *,
        starts_at: float,
        patience: Patience,
        on_answer: OnAnswer,
    ) -> list[Placement]: ...


async def run_scenario(
    lab: Target,
    scenario: Scenario,
    orders: Sequence[PlannedOrder],
    seed: int,
    on_progress: OnProgress,
    *,
    links: Links | None = None,
    sender: Sender = send_on_time,
) -> Run:
    """Raises ``LabError`` when the lab itself fails; whatever happens to orders is a result."""
    run = Run(lanes={lane: LaneRun(lane, desk=desk_for(orders)) for lane in lab.config.lanes})
    clock = Clock(lab, scenario, seed, links or {}, actions=run.actions, happenings=run.happenings)
    async with aiohttp.ClientSession() as session:
        readers = {lane: LaneReader(address_of(lab, lane), session) for lane in run.lanes}
        await clock.put_faults(0.0)
        run.starts_at = clock.starts_at = time.time() + LEAD_S
        over = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                for lane, lane_run in run.lanes.items():
                    door = lab.url(lane, "door")
                    tasks.create_task(manage(lane_run.desk, door, admin_token=lab.admin_token, until=over))
                    tasks.create_task(follow(lane_run.outcomes, door, until=over))
                    tasks.create_task(_sample_counters(lab, readers[lane], lane_run, over))
                tasks.create_task(_sample_processes(lab, run, over, on_progress))
                try:
                    await _play(clock, orders, run, readers, sender)
                finally:
                    over.set()
        except* LabError as failures:
            raise _first(failures) from None
        run.ended_at = time.time()
        for lane, lane_run in run.lanes.items():
            await _collect(readers[lane], lane_run)
    return run


def config_for(
    scenario: Scenario, *, home: Path, port_base: int, lanes: Sequence[str], practices: Practices
) -> LabConfig:
    """A lab under the scenario's conditions, every lane with the same practices."""
    told = scenario.conditions
    return LabConfig(
        home=home,
        port_base=port_base,
        lanes=tuple(lanes),
        practices=dict.fromkeys(lanes, practices),
        time_scale=told.time_scale,
        approval_threshold_cents=told.approval_threshold_cents,
        approval_timeout_s=told.approval_timeout_s,
        stock_scale=told.stock_scale,
        catalogue_seed=told.catalogue_seed,
        call_timeout_base_s=told.call_timeout_base_s,
        quiet_after_base_s=told.quiet_after_base_s,
    )


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The innermost first failure: the others were cut short by it."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def address_of(lab: Target, lane: str) -> LaneAddress:
    return LaneAddress(lane, Addresses(lab, lane), lab.admin_token)


# --- the load --------------------------------------------------------------------------------------------------------


async def _play(
    clock: Clock, orders: Sequence[PlannedOrder], run: Run, readers: dict[str, LaneReader], sender: Sender
) -> None:
    lab, settle = clock.lab, clock.scenario.settle
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(clock.run())
        for lane_run in run.lanes.values():
            tasks.create_task(_send(lab, orders, run, lane_run, Patience(order_s=settle.within_s), sender))
    run.sent_at = time.time()
    horizon = time.monotonic() + settle.within_s
    async with asyncio.TaskGroup() as tasks:
        for lane, lane_run in run.lanes.items():
            patience = Rest(settle.quiet_s, late_call_s(lab.config), horizon)
            tasks.create_task(until_rest(readers[lane], lane_run, patience))


async def _send(
    lab: Target, orders: Sequence[PlannedOrder], run: Run, lane_run: LaneRun, patience: Patience, sender: Sender
) -> None:
    def count(placement: Placement) -> None:
        lane_run.accepted += placement.placing is Placing.ACCEPTED

    door = lab.url(lane_run.lane, "door")
    lane_run.placements = await sender(orders, door, starts_at=run.starts_at, patience=patience, on_answer=count)


# --- waiting for rest ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rest:
    """When a lane is at rest: all has ended and for ``late_call_s`` no effect came, or for ``quiet_s`` nothing came.

    ``horizon`` (monotonic) ends the wait.
    """

    quiet_s: float
    late_call_s: float
    horizon: float


def late_call_s(config: LabConfig) -> float:
    """How long after its order's end the effect of a call that nobody waits for any more can still come."""
    told: dict[str, Any] = {"time_scale": config.time_scale}
    if config.call_timeout_base_s is not None:
        told["call_timeout_base_s"] = config.call_timeout_base_s
    return Settings.model_construct(**told).call_timeout_s + WRITING_S


async def until_rest(reader: LaneReader, lane_run: LaneRun, rest: Rest) -> None:
    """Until every order that the lane has or may have ended and no late effect can come, or nothing moves any more."""
    news = (-1, -1)
    last_news = last_effect = time.monotonic()
    after = dict.fromkeys(Service, 0)
    while time.monotonic() < rest.horizon:
        for service in Service:
            fresh = await reader.effects(service, after[service])
            if fresh:
                after[service] = fresh[-1].seq
                lane_run.effects_seen += len(fresh)
                last_effect = time.monotonic()
        heard, now = (len(lane_run.outcomes.ended), lane_run.effects_seen), time.monotonic()
        if heard != news:
            news, last_news = heard, now
        calm = now - last_effect >= rest.late_call_s
        still = now - last_news >= max(rest.quiet_s, rest.late_call_s)
        if still or (calm and await _all_ended(reader, lane_run)):
            lane_run.rested = True
            return
        await asyncio.sleep(ASK_AGAIN_AFTER_S)


async def _all_ended(reader: LaneReader, lane_run: LaneRun) -> bool:
    """Every accepted order has, and every unanswered one has too or is unknown to the lane."""
    ended = lane_run.outcomes.ended.keys()
    placed = [each for each in lane_run.placements if each.order_id not in ended]
    if any(each.placing is Placing.ACCEPTED for each in placed):
        return False
    stories = await reader.stories(each.order_id for each in placed if each.placing is Placing.UNANSWERED)
    return all(story is None or story in ENDED for story in stories.values())


# --- looking ---------------------------------------------------------------------------------------------------------


async def _sample_counters(lab: Target, reader: LaneReader, lane_run: LaneRun, over: asyncio.Event) -> None:
    """Sum the increments of the lane's counters; a counter that went back belongs to a new life of its process."""
    seen: dict[tuple[str, str], float] = {}
    for component in reader.address.urls:  # what was counted before the run does not count
        seen |= {(component, name): value for name, value in (await reader.counters(component, COUNTERS)).items()}
    while True:
        last = over.is_set()
        for component in reader.address.urls:
            for name, value in (await reader.counters(component, COUNTERS)).items():
                before = seen.get((component, name), 0.0)
                increment = value - before if value >= before else value
                lane_run.counters[name] = lane_run.counters.get(name, 0.0) + increment
                seen[component, name] = value
        if last:
            return
        await _pause(over)


async def _sample_processes(lab: Target, run: Run, over: asyncio.Event, on_progress: OnProgress) -> None:
    """Peak memory and processor time by lane, over all lives of its processes."""
    seen = {(each.name, each.pid): each.cpu_s for each in lab.status()}  # what starting took is not counted
    while True:
        last = over.is_set()
        for lane, lane_run in run.lanes.items():
            statuses = [each for each in lab.status() if each.group == lane and each.state is not State.DOWN]
            lane_run.peak_rss_bytes = max(lane_run.peak_rss_bytes, sum(each.rss_bytes for each in statuses))
            for each in statuses:
                key = (each.name, each.pid)
                lane_run.lost_lives += each.pid is not None and key not in seen
                lane_run.cpu_s += max(0.0, each.cpu_s - seen.get(key, 0.0))
                seen[key] = each.cpu_s
        on_progress(run)
        if last:
            return
        await _pause(over)


async def _pause(over: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(over.wait(), SAMPLE_EVERY_S)
    except TimeoutError:
        return


async def _collect(reader: LaneReader, lane_run: LaneRun) -> None:
    """Ledgers first, stories after them: a story told later can only know more."""
    for service in Service:
        lane_run.ledgers[service] = await reader.ledger(service)
        lane_run.effects[service] = [effect_of(row) for row in lane_run.ledgers[service]]
        lane_run.injected[service] = await reader.injected(service)
    lane_run.stock = await reader.stock()
    views = await reader.views(each.order_id for each in lane_run.placements)
    lane_run.stories = {order_id: view["status"] if view else None for order_id, view in views.items()}
    lane_run.reasons = {order_id: view["reason"] if view else None for order_id, view in views.items()}
    unhappy = [order_id for order_id, story in lane_run.stories.items() if story != OrderStatus.FULFILLED]
    lane_run.trails = await reader.trails(unhappy[:MAX_TRAILS])
