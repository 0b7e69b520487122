"""The dice: rates come out as asked, and an order's fault depends on nothing but the order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.faults.dice import outcome
from services.faults.plan import FaultKind, FaultPlan, FaultRule
from services.operations import Operation, Service

ROLLS = 2_000
seeds = st.integers(-(2**63), 2**63 - 1)


def error(probability: float) -> FaultRule:
    return FaultRule(kind=FaultKind.ERROR, service=Service.SHIPPING, probability=probability)


def hit(plan: FaultPlan, order_id: str, attempt: int = 1) -> bool:
    return outcome(plan, order_id, Service.SHIPPING, Operation.PRINT_LABEL, attempt) is not None


@given(seeds, st.sampled_from([0.03, 0.2, 0.5, 0.9]))
@settings(max_examples=30, deadline=None)
def test_rates_are_as_asked_over_orders_and_over_attempts(seed: int, probability: float) -> None:
    plan = FaultPlan(seed=seed, rules=(error(probability),))
    # Six standard deviations: among thousands of runs none goes wrong by chance.
    slack = 6 * (probability * (1 - probability) / ROLLS) ** 0.5
    for found in (
        [hit(plan, f"o-{n}") for n in range(ROLLS)],
        [hit(plan, "o-1", attempt) for attempt in range(1, ROLLS + 1)],
    ):
        assert abs(sum(found) / ROLLS - probability) < slack


@given(seeds, st.lists(st.text("abc123-_", min_size=1, max_size=8), max_size=20, unique=True), st.integers(1, 9))
def test_a_roll_does_not_depend_on_the_others(seed: int, others: list[str], attempt: int) -> None:
    plan = FaultPlan(seed=seed, rules=(error(0.5),))
    alone = hit(plan, "mine", attempt)
    for other in others:
        hit(plan, other, attempt)
    assert hit(plan, "mine", attempt) is alone


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_two_kinds_are_rolled_independently(seed: int) -> None:
    """Given that the first rule did not fire, the second fires as often as it should."""
    lost = FaultRule(kind=FaultKind.LOST_REPLY, service=Service.SHIPPING, probability=0.5)
    plan = FaultPlan(seed=seed, rules=(error(0.5), lost))
    kinds = [outcome(plan, f"o-{n}", Service.SHIPPING, Operation.PRINT_LABEL, 1) for n in range(ROLLS)]
    rest = [each for each in kinds if each is None or each.kind is FaultKind.LOST_REPLY]
    assert abs(sum(each is not None for each in rest) / len(rest) - 0.5) < 6 * (0.25 / len(rest)) ** 0.5
