"""Dead letters: an order that has ended without its letter needs no replay, and a replay says what it came to."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from lab.cli import run
from lab.commands import dead_letters
from lab.commands.dead_letters import outcome
from lab.errors import BadInput
from lab.http_json import Answer
from lab.lane_client import LaneClient
from lab.set_apart import set_apart
from services.trail import OrderStatus, OrderView


def letter(seq: int, order_id: str, state: str = "parked") -> dict[str, Any]:
    return {
        "seq": seq,
        "order_id": order_id,
        "subject": f"orders.{order_id}.X",
        "consumer": "shipping",
        "reason": "retries_used_up",
        "cause": "broken",
        "at": "2026-01-01T00:00:01.5Z",
        "state": state,
    }


@dataclass
class Lane:
    statuses: dict[str, list[str]]
    letters: list[dict[str, Any]]
    lane: str = "choreography"
    replayed: list[str] = field(default_factory=list)

    def ask(self, method: str, _component: str, path: str, _body: object | None = None) -> Answer:
        if method == "POST" and path.startswith("/parked/"):
            return Answer(404, {})
        if method == "POST":
            self.replayed.append(path)
            return Answer(200, {})
        return Answer(200, self.letters) if path == "/dead-letters" else Answer(404, {})

    def view(self, order_id: str) -> OrderView:
        if order_id not in self.statuses:
            raise BadInput("no such order")
        left = self.statuses[order_id]
        status = left.pop(0) if len(left) > 1 else left[0]
        return OrderView(order_id=order_id, lane=self.lane, status=OrderStatus(status), accepted_at="2026")


def use(monkeypatch: pytest.MonkeyPatch, lane: Lane) -> Lane:
    monkeypatch.setattr(dead_letters, "find_lab", lambda _home: None)
    monkeypatch.setattr(dead_letters, "lane_clients", lambda *_: [lane])
    monkeypatch.setattr(dead_letters, "ASK_AGAIN_AFTER_S", 0.0)
    return lane


def test_only_a_letter_whose_order_has_not_ended_waits() -> None:
    lane = Lane(
        {"o-1": ["rolled_back"], "o-2": ["undoing"]},
        [letter(1, "o-1"), letter(2, "o-2"), letter(3, "o-2", "replayed"), letter(4, "o-3")],
    )
    found = set_apart(cast("LaneClient", lane))
    assert [(each.letter, each.ended, each.waits) for each in found] == [
        ("1", True, False),
        ("2", False, True),
        ("3", False, False),
        ("4", False, True),
    ]


def test_a_replay_is_not_advised_for_an_order_that_has_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, Lane({"o-1": ["rolled_back"]}, [letter(1, "o-1")]))
    assert run(["dead-letters", "show"]) == 0
    said = capsys.readouterr().out
    assert "parked, its order has ended: rolled_back (set apart 2026-01-01T00:00:01)" in said
    assert "dead-letters replay" not in said


def test_a_replay_tells_what_came_of_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lane = use(monkeypatch, Lane({"o-2": ["parked", "undoing", "rolled_back"]}, [letter(2, "o-2")]))
    assert run(["dead-letters", "replay", "2"]) == 0
    assert lane.replayed == ["/dead-letters/2/replay"]
    assert capsys.readouterr().out == "choreography: 2 is tried again\nits order is rolled_back\n"


def test_an_order_is_enough_to_replay_what_waits_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = [letter(1, "o-1"), letter(2, "o-2"), letter(3, "o-2"), letter(4, "o-2", "replayed")]
    lane = use(monkeypatch, Lane({"o-1": ["parked"], "o-2": ["parked", "parked", "parked", "rolled_back"]}, letters))
    assert run(["dead-letters", "replay", "o-2"]) == 0
    assert lane.replayed == ["/dead-letters/2/replay"]
    assert run(["dead-letters", "replay", "o-9"]) == 2


def test_the_outcome_in_words() -> None:
    ended, undoing = OrderStatus.ROLLED_BACK, OrderStatus.UNDOING
    assert outcome(ended, ended) == "its order had ended before, as rolled_back; now it is rolled_back"
    assert outcome(undoing, undoing) == "its order is undoing; it has not ended yet"
    assert outcome(None, None) == "no lane knows its order"
