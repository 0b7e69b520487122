"""What explains a rollback, and what a label needs."""

from dataclasses import replace

import pytest

from lab.auditor import AcceptedOrder, Effect, StockLevel
from lab.grounds import Breach, Grounds, breaches, lowest_levels
from loadtests.manager import Desk
from loadtests.workload import Decision
from tests.judge_ledgers import SKU, Ledgers, order

YES, NO = Decision(approve=True, delay_s=0), Decision(approve=False, delay_s=0)
NEVER, LATE = Decision(approve=True, delay_s=0, answers="never"), Decision(approve=True, delay_s=3)
PLENTY = {SKU: StockLevel(100, 100)}


def rolled_back(reason: str | None) -> Grounds:
    return Grounds(Desk({}), {}, PLENTY, {"o1": "rolled_back"}, {"o1": reason}, {})


def fault(kind: str, operation: str = "charge", order_id: str = "o1") -> dict[str, list[dict[str, str]]]:
    return {"payment": [{"kind": kind, "order_id": order_id, "operation": operation}]}


def shipped(desk: Desk) -> Grounds:
    needing = frozenset({"o1"})
    return Grounds(desk, Ledgers().fulfil().rows, PLENTY, {"o1": "fulfilled"}, {}, {}, needing_approval=needing)


def found(grounds: Grounds, placed: AcceptedOrder | None = None) -> tuple[Breach, ...]:
    return breaches(grounds, [placed or order()]).get("o1", ())


@pytest.mark.parametrize(
    "grounds",
    [
        replace(rolled_back("CardDeclined"), injected=fault("refusal")),
        replace(rolled_back("Http.Unavailable: 503"), injected=fault("error")),
        replace(rolled_back("approval rejected"), desk=Desk({"o1": NO}, answered={"o1": 200})),
        replace(rolled_back("approval rejected"), desk=Desk({"o1": NO}, unsure={"o1"})),
        replace(rolled_back("OutOfStock: 2 wanted, 1 left"), stock={SKU: StockLevel(1, 1)}),
        replace(rolled_back("Http.ConnectionLost: refused"), lost_lives=1),
        replace(rolled_back("no news after OrderPlaced"), injected=fault("crash", order_id="o2")),
        replace(rolled_back("no news after ApprovalRequested"), desk=Desk({"o1": NEVER}), approval_timeout_s=2.0),
        replace(rolled_back("States.Timeout"), desk=Desk({"o1": LATE}, answered={"o1": 410}), approval_timeout_s=2.0),
    ],
)
def test_a_rollback_with_a_cause(grounds: Grounds) -> None:
    assert found(grounds) == ()


@pytest.mark.parametrize(
    "grounds",
    [
        rolled_back("Http.Unavailable: 503"),
        rolled_back("OutOfStock: the shelf was full"),
        rolled_back("approval rejected"),
        replace(rolled_back(None), injected=fault("error")),
        replace(rolled_back("Unavailable"), injected=fault("error", order_id="o2")),
        replace(rolled_back("Unavailable"), injected=fault("error", "refund")),
        replace(rolled_back("CardDeclined: limit"), lost_lives=1),
        replace(rolled_back("ApprovalRejected: not this quarter"), lost_lives=1),
        replace(rolled_back("approval rejected"), desk=Desk({"o1": YES}, answered={"o1": 200})),
        replace(rolled_back("States.Timeout"), desk=Desk({"o1": YES}, answered={"o1": 410}), approval_timeout_s=2.0),
        replace(rolled_back("States.Timeout"), desk=Desk({"o1": NEVER})),
    ],
)
def test_a_rollback_without_one_whatever_the_lane_says(grounds: Grounds) -> None:
    assert found(grounds) == (Breach.ROLLED_BACK_WITHOUT_REASON,)


@pytest.mark.parametrize(
    ("desk", "breach"),
    [
        (Desk({"o1": YES}, answered={"o1": 200}), ()),
        (Desk({"o1": YES}, answered={"o1": 410}, unsure={"o1"}), ()),
        (Desk({"o1": YES}, answered={"o1": 410}), (Breach.SHIPPED_WITHOUT_APPROVAL,)),
        (Desk({"o1": YES}), (Breach.SHIPPED_WITHOUT_APPROVAL,)),
        (Desk({}), (Breach.SHIPPED_WITHOUT_APPROVAL,)),
        (Desk({"o1": NO}, unsure={"o1"}), (Breach.SHIPPED_WITHOUT_APPROVAL,)),
        (Desk({"o1": NO}, answered={"o1": 200}), (Breach.SHIPPED_AGAINST_DECISION,)),
    ],
)
def test_what_a_label_needs(desk: Desk, breach: tuple[Breach, ...]) -> None:
    assert found(shipped(desk)) == breach


def test_a_voided_label_is_not_shipped() -> None:
    grounds = replace(shipped(Desk({})), effects=Ledgers().do("print_label", "void_label").rows)
    assert found(grounds) == ()


def test_the_lowest_level_is_what_an_order_may_have_met() -> None:
    ledger = [
        Effect(1, "o1", "reserve", lines=((SKU, 3),)),
        Effect(3, "o2", "reserve", lines=((SKU, 1),)),
        Effect(2, "o1", "release", lines=((SKU, 3),)),
    ]
    assert lowest_levels(ledger, {SKU: StockLevel(4, 3)}) == {SKU: 1}
