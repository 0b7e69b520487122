"""Following a lane: what ended is judged with all that was done for it, and a silent service loses nothing."""

from typing import Any

from lab.console.feed import LaneFeed, _Follower
from lab.errors import OutOfReach
from tests.unit.console.test_live import STOCK, ended, row


class Lane:
    """A lane as ``LaneBackend`` offers it; ``silent``: services that give no answer."""

    name = "lane"

    def __init__(self) -> None:
        self.urls = {"door": "", "payment": "", "warehouse": "", "shipping": ""}
        self.rows: dict[str, list[dict[str, Any]]] = {"payment": [], "warehouse": [], "shipping": []}
        self.ends: list[dict[str, Any]] = []
        self.silent: set[str] = set()

    async def json(self, method: str, component: str, path: str) -> Any:
        assert (method, component, path) == ("GET", "warehouse", "/stock")
        return STOCK

    async def outcomes(self, after: int, limit: int) -> list[dict[str, Any]]:
        return [each for each in self.ends if each["cursor"] > after][:limit]

    async def ledger(self, service: str, after: int, limit: int) -> list[dict[str, Any]]:
        if service in self.silent:
            raise OutOfReach(f"{service} gives no answer")
        return [each for each in self.rows[service] if each["seq"] > after][:limit]

    async def text(self, component: str, path: str, *, within_s: float) -> str:
        return ""


def filled() -> Lane:
    lane = Lane()
    lane.rows = {
        "payment": [row("o1", "charge", 1)],
        "warehouse": [row("o1", "reserve", 1)],
        "shipping": [row("o1", "print_label", 1)],
    }
    lane.ends = [ended("o1", "fulfilled")]
    return lane


async def test_an_order_that_ended_is_judged_with_all_its_rows() -> None:
    told = LaneFeed()
    await _Follower(filled(), told).tick()
    assert (told.now.finished, told.now.wrong, told.problem) == ({"fulfilled": 1}, 0, None)


async def test_a_silent_service_makes_the_lane_behind_and_nothing_is_lost_or_read_twice() -> None:
    lane, told = filled(), LaneFeed()
    lane.silent = {"warehouse"}
    follower = _Follower(lane, told)
    await follower.tick()
    assert (told.problem, told.now.finished) == ("warehouse gives no answer", {})
    lane.silent = set()
    await follower.tick()
    assert (told.now.finished, told.now.wrong) == ({"fulfilled": 1}, 0)
    assert told.now.effects == {"charge": 1, "reserve": 1, "print_label": 1}
