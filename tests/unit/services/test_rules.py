"""The rules: plain calls, an order's state in, a decision out."""

import pytest

from services.commands import Refusal, Result
from services.guards import Guards
from services.operations import UNDOES, UNDONE_BY, Operation
from services.rules import Decision, Effect, OrderState, decide
from tests.services_orders import order

STOCK = {"MUG-1": 3}
ACTIONS = list(UNDONE_BY)
UNDOS = list(UNDOES)
NOTHING = OrderState()
ALL = Guards()
CARELESS = Guards(inbox=False, idempotency=False, tombstone=False)


def ask(
    operation: Operation,
    state: OrderState = NOTHING,
    *,
    quantity: int = 1,
    sku: str = "MUG-1",
    refusal: Refusal | None = None,
    guards: Guards = ALL,
) -> Decision:
    what = order(sku=sku, quantity=quantity)
    return decide(operation, what, state, available=STOCK, refusal=refusal, guards=guards)


def after(*operations: Operation, guards: Guards = CARELESS) -> OrderState:
    state = OrderState()
    for operation in operations:
        effect = ask(operation, state, guards=guards).effect
        assert effect is not None
        state = state.after(effect)
    return state


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_acts_once_and_then_gives_its_first_reference(action: Operation) -> None:
    first = ask(action)
    assert first.effect is not None
    again = ask(action, OrderState().after(first.effect))
    assert (again.effect, dict(again.stock)) == (None, {})
    assert again.answer == first.answer
    assert first.answer.result is Result.DONE


@pytest.mark.parametrize("undo", UNDOS)
def test_an_undo_before_its_action_leaves_a_tombstone_that_refuses_the_late_action(undo: Operation) -> None:
    decision = ask(undo)
    assert decision.answer.result is Result.NOTHING_TO_UNDO
    assert (decision.effect, decision.tombstone) == (None, True)
    late = ask(UNDOES[undo], OrderState().buried())
    assert (late.answer.refusal, late.effect) == (Refusal.ORDER_UNDONE, None)
    assert not ask(undo, OrderState().buried()).tombstone, "one tombstone is enough"


@pytest.mark.parametrize("undo", UNDOS)
def test_an_undo_acts_once_and_the_action_stays_refused(undo: Operation) -> None:
    undone = after(UNDOES[undo], undo)
    again = ask(undo, undone)
    assert (again.answer.result, again.effect) == (Result.DONE, None)
    assert ask(UNDOES[undo], undone).answer.refusal is Refusal.ORDER_UNDONE


def test_money_and_stock() -> None:
    charge, reserve, release = ask(Operation.CHARGE), ask(Operation.RESERVE, quantity=2), ask(Operation.RELEASE)
    assert charge.effect is not None
    assert (charge.effect.amount_cents, charge.effect.lines, dict(charge.stock)) == (500, (), {})
    assert reserve.effect is not None
    assert (reserve.effect.amount_cents, reserve.effect.lines, dict(reserve.stock)) == (
        0,
        (("MUG-1", 2),),
        {"MUG-1": -2},
    )
    assert dict(release.stock) == {}
    released = ask(Operation.RELEASE, OrderState().after(reserve.effect))
    assert dict(released.stock) == {"MUG-1": 2}, "what was reserved, not what the message claims"


def test_an_undo_gives_back_what_was_taken_not_what_the_message_claims() -> None:
    taken = Effect("o-1", Operation.CHARGE, "ch_1", amount_cents=123)
    refund = ask(Operation.REFUND, OrderState().after(taken)).effect
    assert refund is not None
    assert refund.amount_cents == 123


def test_a_reservation_takes_every_line_or_none() -> None:
    from services.order import Line

    two = order(sku="MUG-1", quantity=1).model_copy(
        update={"lines": tuple(Line(sku="MUG-1", quantity=2, unit_price_cents=1) for _ in range(2))}
    )
    decision = decide(Operation.RESERVE, two, OrderState(), available=STOCK, refusal=None, guards=Guards())
    assert decision.answer.refusal is Refusal.OUT_OF_STOCK, "two lines of one product are added up"
    assert decision.effect is None
    assert not decision.stock


def test_an_unknown_product_is_refused() -> None:
    assert ask(Operation.RESERVE, sku="NO-SUCH").answer.refusal is Refusal.UNKNOWN_PRODUCT


def test_an_injected_refusal_counts_only_where_it_is_the_answer() -> None:
    refused = ask(Operation.CHARGE, refusal=Refusal.CARD_DECLINED)
    assert (refused.answer.refusal, refused.by_fault, refused.effect) == (Refusal.CARD_DECLINED, True, None)
    done_before = ask(Operation.CHARGE, after(Operation.CHARGE), refusal=Refusal.CARD_DECLINED)
    assert (done_before.answer.result, done_before.by_fault) == (Result.DONE, False)


@pytest.mark.parametrize("operation", list(Operation))
def test_without_idempotency_every_call_acts(operation: Operation) -> None:
    first = ask(operation, guards=CARELESS)
    assert first.effect is not None
    second = ask(operation, OrderState().after(first.effect), guards=CARELESS)
    assert second.effect is not None
    assert second.effect.ref != first.effect.ref
    assert not ask(operation, guards=CARELESS).tombstone


def test_without_idempotency_stock_is_still_looked_at() -> None:
    assert ask(Operation.RESERVE, quantity=4, guards=CARELESS).answer.refusal is Refusal.OUT_OF_STOCK


def test_without_the_tombstone_guard_a_late_action_acts() -> None:
    lax = Guards(tombstone=False)
    assert not ask(Operation.REFUND, guards=lax).tombstone
    assert ask(Operation.CHARGE, OrderState().buried(), guards=lax).effect is not None
    assert ask(Operation.CHARGE, after(Operation.CHARGE, Operation.REFUND), guards=lax).effect is not None
