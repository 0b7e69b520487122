"""When a lane counts as at rest: nothing that may still happen is left out of the evidence."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from lab import trial
from lab.auditor import Effect
from lab.collect import LaneReader
from lab.topology import LabConfig
from lab.trial import LaneRun, Rest, late_call_s, until_rest
from loadtests.open_loop import Placement, Placing
from loadtests.outcomes import Ended, Outcomes
from services.operations import Service

LATE_S = 0.2


@dataclass
class ToldReader:
    """A lane whose payment ledger shows ``late`` from a moment on, and which tells of unanswered orders as told."""

    shows_at: float = 0.0
    late: list[Effect] = field(default_factory=list)
    told: list[str | None] = field(default_factory=list)

    async def effects(self, service: Service, after: int = 0) -> list[Effect]:
        there = service is Service.PAYMENT and time.monotonic() >= self.shows_at
        return [each for each in self.late if each.seq > after] if there else []

    async def stories(self, order_ids: Iterable[str]) -> dict[str, str | None]:
        return {order_id: self.told.pop(0) if len(self.told) > 1 else self.told[0] for order_id in order_ids}


@pytest.fixture(autouse=True)
def _asks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "ASK_AGAIN_AFTER_S", 0.02)


def lane_with(placing: Placing, *ended: str) -> LaneRun:
    lane = LaneRun("a lane", placements=[Placement("o1", placing, 0, 0, 0, 1, None)])
    lane.outcomes = Outcomes(ended={order_id: Ended(order_id, "fulfilled", "", "") for order_id in ended})
    return lane


async def rest(reader: ToldReader, lane: LaneRun, quiet_s: float = 5.0, within_s: float = 10.0) -> float:
    began = time.monotonic()
    async with asyncio.timeout(20):
        await until_rest(cast("LaneReader", reader), lane, Rest(quiet_s, LATE_S, began + within_s))
    return time.monotonic() - began


async def test_an_effect_that_comes_after_the_last_outcome_is_waited_for() -> None:
    reader = ToldReader(time.monotonic() + LATE_S / 2, [Effect(1, "o1", "charge")])
    lane = lane_with(Placing.ACCEPTED, "o1")
    waited = await rest(reader, lane)
    assert lane.rested
    assert lane.effects_seen == 1
    assert waited >= LATE_S * 1.5


async def test_an_unanswered_order_that_the_lane_has_is_waited_for() -> None:
    reader = ToldReader(told=["in_progress", "in_progress", "fulfilled"])
    lane = lane_with(Placing.UNANSWERED)
    await rest(reader, lane)
    assert lane.rested
    assert reader.told == ["fulfilled"]


async def test_an_unanswered_order_that_the_lane_does_not_know_is_not() -> None:
    lane = lane_with(Placing.UNANSWERED)
    assert await rest(ToldReader(told=[None]), lane) < 2
    assert lane.rested


async def test_a_lane_in_which_nothing_moves_is_at_rest_with_orders_open() -> None:
    lane = lane_with(Placing.ACCEPTED)
    assert 0.4 <= await rest(ToldReader(), lane, quiet_s=0.4) < 5
    assert lane.rested


async def test_the_horizon_ends_the_wait() -> None:
    lane = lane_with(Placing.ACCEPTED)
    await rest(ToldReader(), lane, within_s=0.3)
    assert not lane.rested


def test_a_late_call_is_one_that_outlasts_its_callers_timeout(tmp_path: Path) -> None:
    config = LabConfig(home=tmp_path, time_scale=0.1)
    assert late_call_s(config) == pytest.approx(1.25)
    assert late_call_s(LabConfig(home=tmp_path)) == pytest.approx(10.25)
    assert late_call_s(LabConfig(home=tmp_path, call_timeout_base_s=4.0)) == pytest.approx(4.25)
