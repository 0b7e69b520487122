"""A manager's answer: by token to the one lane that knows it, by order to every lane in which it waits."""

from dataclasses import dataclass, field

import pytest

from lab.cli import run
from lab.commands import approvals
from lab.errors import BadInput
from lab.http_json import Answer
from services.trail import OrderStatus, OrderView, PendingApproval


@dataclass
class Lane:
    """Its orders wait from the second question on."""

    lane: str
    waits: dict[str, str]  # token -> order
    asked: int = 0
    decided: list[tuple[str, str]] = field(default_factory=list)

    def decide(self, token: str, decision: str, comment: str) -> Answer:
        if token not in self.waits:
            return Answer(404, {})
        self.decided.append((token, decision))
        return Answer(200, {})

    def approvals(self) -> list[PendingApproval]:
        self.asked += 1
        found = self.waits.items() if self.asked > 1 else ()
        return [PendingApproval(order_id=order, token=token, total_cents=1, since="2026") for token, order in found]

    def view(self, order_id: str) -> OrderView:
        if order_id not in (*self.waits.values(), "ended"):
            raise BadInput("no such order")
        status = OrderStatus.FULFILLED if order_id == "ended" else OrderStatus.WAITING_FOR_APPROVAL
        return OrderView(order_id=order_id, lane=self.lane, status=status, accepted_at="2026")


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> list[Lane]:
    found = [Lane("choreography", {"t-1": "o-1"}), Lane("orchestration", {"t-2": "o-1", "t-3": "o-2"})]
    monkeypatch.setattr(approvals, "find_lab", lambda _home: None)
    monkeypatch.setattr(approvals, "lane_clients", lambda *_: found)
    monkeypatch.setattr(approvals, "ASK_AGAIN_AFTER_S", 0.0)
    return found


def test_a_token_is_decided_where_it_is_known(lanes: list[Lane]) -> None:
    assert run(["approve", "t-3"]) == 0
    assert [lane.decided for lane in lanes] == [[], [("t-3", "approve")]]


def test_an_order_is_decided_in_every_lane_in_which_it_waits_or_soon_will(lanes: list[Lane]) -> None:
    assert run(["reject", "o-1"]) == 0
    assert [lane.decided for lane in lanes] == [[("t-1", "reject")], [("t-2", "reject")]]


@pytest.mark.parametrize("nothing", ["o-9", "ended"])
def test_what_waits_nowhere_cannot_be_decided(
    lanes: list[Lane], nothing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["approve", nothing]) == 2
    assert "no lane knows this token or order" in capsys.readouterr().err
