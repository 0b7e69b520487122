"""Judging a running lab: all of its open orders are read, and those that are still on their way are not judged."""

from typing import cast

import pytest

from lab import live_audit
from lab.auditor import Evidence, audit
from lab.commands.audit import verdict_line
from lab.lane_client import LaneClient
from lab.live_audit import REMEMBERED, moving_orders, open_orders, set_aside
from services.trail import OrderStatus, OrderView
from tests.judge_ledgers import Ledgers, order


class ToldClient:
    """A front door with so many orders of a status, newest first."""

    def __init__(self, **counts: int) -> None:
        self.counts = counts

    def orders(self, status: str | None, limit: int, skip: int = 0) -> list[OrderView]:
        assert status is not None
        ids = [f"{status}-{n}" for n in range(self.counts.get(status, 0))]
        return [
            OrderView(order_id=each, lane="a lane", status=OrderStatus(status), accepted_at="2026")
            for each in ids[skip : skip + limit]
        ]


def test_open_orders_are_read_page_after_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_audit, "PAGE", 3)
    client = ToldClient(in_progress=7, waiting_for_approval=3, parked=1, fulfilled=5)
    ids = [view["order_id"] for view in open_orders(cast("LaneClient", client))]
    assert len(ids) == len(set(ids)) == 11
    assert "in_progress-6" in ids
    assert not any(order_id.startswith("fulfilled") for order_id in ids)


def test_it_is_said_that_a_lost_order_cannot_be_found_here() -> None:
    assert "`lost` cannot be found here" in REMEMBERED


NOW = 1_767_225_700.0  # 2026-01-01T00:01:40Z
LATE, LONG_AGO = "2026-01-01T00:01:39.5Z", "2026-01-01T00:00:01Z"


@pytest.mark.parametrize(
    ("status", "last", "moving"),
    [
        ("in_progress", LATE, True),
        ("undoing", LATE, True),
        ("undoing", LONG_AGO, False),
        ("in_progress", LONG_AGO, False),
        ("waiting_for_approval", LONG_AGO, True),
        ("parked", LATE, False),
    ],
)
def test_who_moves_or_waits_for_a_manager_is_on_its_way_and_who_is_quiet_or_parked_is_not(
    status: str, last: str, moving: bool
) -> None:
    trails = {"o1": {"entries": [{"at": LONG_AGO}, {"at": last}]}}
    found = moving_orders([{"order_id": "o1", "status": status}], trails, NOW, 12.0)
    assert found == ({"o1": status} if moving else {})


def test_an_open_order_without_a_trail_is_judged() -> None:
    assert moving_orders([{"order_id": "o1", "status": "undoing"}], {"o1": None}, NOW, 12.0) == {}


def test_an_order_that_is_being_undone_is_not_held_against_its_lane() -> None:
    ledgers = Ledgers().fulfil("o1").do("charge", "reserve", order_id="o2")
    stories = {"o1": "fulfilled", "o2": "undoing"}
    evidence = Evidence([order("o1"), order("o2")], ledgers.rows, ledgers.stock(), stories=stories)
    assert not audit(evidence).clean
    judged = audit(set_aside(evidence, {"o2"}))
    assert judged.clean, judged.to_json()
    assert judged.orders == 1


def test_setting_orders_aside_hides_nothing_of_the_others() -> None:
    ledgers = Ledgers().do("charge", "charge", "reserve", "print_label").do("charge", "reserve", order_id="o2")
    evidence = Evidence([order("o1"), order("o2")], ledgers.rows, ledgers.stock())
    assert {str(kind) for kind in audit(set_aside(evidence, {"o2"})).tallies} == {"double_charge", "stuck"}
    assert audit(set_aside(evidence, ())) == audit(evidence)


def test_the_verdict_says_how_many_are_on_their_way() -> None:
    assert verdict_line("a lane", True, {}) == "a lane: [green]clean[/]"
    said = verdict_line("a lane", True, {"o1": "undoing", "o2": "waiting_for_approval"})
    assert said.startswith(
        "a lane: [green]clean so far[/]; 2 orders are still on their way (1 undoing, 1 waiting for a"
    )
    assert "--wait" in said
    assert "not clean" in verdict_line("a lane", False, {"o1": "undoing"})
