"""``lab fault`` and ``lab repair`` while a service is away: the others are not left out, who was missed is named."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.cli import run
from lab.commands import faults
from lab.errors import OutOfReach

RULE = {"kind": "broken", "service": "shipping"}


@dataclass
class Lane:
    lane: str
    away: frozenset[str] = frozenset()
    plans: dict[str, Any] = field(default_factory=dict)

    def faults(self, service: str) -> dict[str, Any]:
        if service in self.away:
            raise OutOfReach("connection refused")
        return {"plan": self.plans.get(service, {"rules": [RULE]})}

    def put_faults(self, service: str, plan: dict[str, Any]) -> None:
        self.plans[service] = plan


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> list[Lane]:
    both = [Lane("choreography", frozenset({"payment"})), Lane("orchestration")]
    monkeypatch.setattr(faults, "find_lab", lambda _home: None)
    monkeypatch.setattr(faults, "lane_clients", lambda _lab, one: [each for each in both if one in (None, each.lane)])
    monkeypatch.setattr(faults, "_state", lambda *_: "down")
    return both


def test_the_others_are_repaired_and_the_missed_one_is_named(
    lanes: list[Lane], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["repair"]) == 1
    told = capsys.readouterr()
    assert told.err == "lab: not repaired: choreography payment: connection refused\n"
    assert "orchestration: every service follows no fault rule now" in told.out
    assert "choreography: shipping: 1 fault removed" in told.out
    assert "choreography: every service" not in told.out
    assert all(plan["rules"] == () or plan["rules"] == [] for lane in lanes for plan in lane.plans.values())
    assert set(lanes[0].plans) == {"warehouse", "shipping"}


def test_a_fault_goes_to_the_lane_that_can_take_it(lanes: list[Lane], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fault", "payment", "broken"]) == 1
    assert "not in force in choreography payment" in capsys.readouterr().err
    assert len(lanes[1].plans["payment"]["rules"]) == 2


def test_what_undoes_it_names_lane_and_home(
    lanes: list[Lane], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["fault", "shipping", "broken", "--lane", "orchestration", "--home", str(tmp_path)]) == 0
    assert f"lab repair shipping --lane orchestration --home {tmp_path}" in capsys.readouterr().out
    assert lanes[0].plans == {}
