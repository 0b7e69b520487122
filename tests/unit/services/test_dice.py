"""The keyed dice: which fault an attempt meets."""

import pytest
from pydantic import ValidationError

from services.faults.dice import MAX_MEANS, delay_s, outcome
from services.faults.plan import CrashPoint, Delay, FaultKind, FaultPlan, FaultRule
from services.operations import Operation, Service

PAYMENT = {"service": Service.PAYMENT}


def rule(kind: FaultKind, **more: object) -> FaultRule:
    return FaultRule.model_validate({"kind": kind, **PAYMENT, **more})


def hits(plan: FaultPlan, orders: int = 200) -> set[str]:
    ids = (f"o-{n}" for n in range(orders))
    return {i for i in ids if outcome(plan, i, Service.PAYMENT, Operation.CHARGE, 1) is not None}


def test_no_rules_no_faults() -> None:
    assert outcome(FaultPlan(), "o-1", Service.PAYMENT, Operation.CHARGE, 1) is None


def test_a_rule_is_for_its_service_and_its_operation() -> None:
    plan = FaultPlan(rules=(rule(FaultKind.ERROR, operation=Operation.REFUND),))
    assert outcome(plan, "o-1", Service.PAYMENT, Operation.CHARGE, 1) is None
    assert outcome(plan, "o-1", Service.PAYMENT, Operation.REFUND, 1) is plan.rules[0]
    assert outcome(plan, "o-1", Service.SHIPPING, Operation.PRINT_LABEL, 1) is None


def test_the_first_rule_that_fires_wins() -> None:
    plan = FaultPlan(rules=(rule(FaultKind.HANG, probability=0), rule(FaultKind.ERROR), rule(FaultKind.LOST_REPLY)))
    assert outcome(plan, "o-1", Service.PAYMENT, Operation.CHARGE, 1) is plan.rules[1]


def test_attempts_bound_a_rule() -> None:
    plan = FaultPlan(rules=(rule(FaultKind.ERROR, attempts=2),))
    met = [outcome(plan, "o-1", Service.PAYMENT, Operation.CHARGE, n) is not None for n in (1, 2, 3)]
    assert met == [True, True, False]


def test_what_is_broken_comes_before_the_dice_until_it_is_repaired() -> None:
    plan = FaultPlan(rules=(rule(FaultKind.ERROR, probability=0.5), rule(FaultKind.BROKEN)))
    found = [outcome(plan, f"o-{n}", Service.PAYMENT, Operation.CHARGE, n) for n in range(1, 50)]
    assert {each.kind for each in found if each} == {FaultKind.BROKEN}
    assert all(found)
    assert {r.kind for r in plan.without_broken().rules} == {FaultKind.ERROR}


def test_a_repair_changes_no_other_roll() -> None:
    error = rule(FaultKind.ERROR, probability=0.3)
    broken_shipping = FaultRule(kind=FaultKind.BROKEN, service=Service.SHIPPING)
    with_it, without = FaultPlan(seed=4, rules=(broken_shipping, error)), FaultPlan(seed=4, rules=(error,))
    assert hits(with_it) == hits(without) != set()


def test_a_higher_probability_only_adds_faults() -> None:
    few, many = (FaultPlan(rules=(rule(FaultKind.ERROR, probability=p),)) for p in (0.1, 0.4))
    assert hits(few) < hits(many)


def test_another_seed_gives_other_faults() -> None:
    one, two = (FaultPlan(seed=s, rules=(rule(FaultKind.ERROR, probability=0.3),)) for s in (1, 2))
    assert hits(one) != hits(two)


def test_the_dice_are_fixed_for_all_time() -> None:
    """A changed dice would change every published experiment: this pins some rolls."""
    plan = FaultPlan(seed=7, rules=(rule(FaultKind.LOST_REPLY, probability=0.1),))
    assert sorted(hits(plan, 60)) == ["o-2", "o-23", "o-33", "o-55", "o-59"]


def test_delays() -> None:
    def waits(distribution: str) -> list[float]:
        slow = rule(FaultKind.SLOW, delay=Delay.model_validate({"distribution": distribution, "mean_s": 2}))
        plan = FaultPlan(rules=(slow,))
        return [delay_s(plan, slow, f"o-{n}", Operation.CHARGE, 1) for n in range(2_000)]

    assert set(waits("constant")) == {2.0}
    for name in ("uniform", "exponential"):
        found = waits(name)
        assert sum(found) / len(found) == pytest.approx(2, rel=0.1)
        assert 0 <= min(found) <= max(found) <= 2 * MAX_MEANS
    assert max(waits("uniform")) <= 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "crash", "service": "payment"},
        {"kind": "error", "service": "payment", "point": "before_ack"},
        {"kind": "slow", "service": "payment"},
        {"kind": "error", "service": "payment", "operation": "reserve"},
        {"kind": "error", "service": "payment", "refusal": "CardDeclined"},
        {"kind": "refusal", "service": "shipping"},
        {"kind": "broken", "service": "payment", "probability": 0.5},
        {"kind": "error", "service": "payment", "probability": 1.5},
        {"kind": "error", "service": "payment", "probability": float("nan")},
        {"kind": "error", "service": "payment", "often": True},
        {"kind": "error", "service": "billing"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FaultRule.model_validate(wrong)


def test_every_crash_point_makes_a_rule() -> None:
    for point in CrashPoint:
        assert rule(FaultKind.CRASH, point=point).point is point
