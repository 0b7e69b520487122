"""The rules of the three services: given what was done for an order so far, what does one command do now?

A plain function; no await, clock, randomness, environment or logging. It must not know of keys, messages or databases:
the ledger replays the first answer of a repeated key before it asks here.

- An action is done once while it is not undone; asked for again, it says "done" with the first reference.
- An action that comes after its undo is refused: the undo leaves a tombstone when there was nothing to undo yet.
- An undo undoes what was done, not what the message claims; asked for again, it says "done" again.
- A reservation takes every line or none; an unknown product or too little stock is a refusal.
- With the guard ``idempotency`` away every call acts, whatever was done before; stock is still looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Final

from services.commands import Answer, Refusal, Result
from services.guards import Guards
from services.operations import UNDOES, UNDONE_BY, Operation
from services.order import Order

# What the reference of an effect is called in an answer, and what it begins with.
REFERENCES: Final[dict[Operation, tuple[str, str]]] = {
    Operation.CHARGE: ("charge_id", "ch"),
    Operation.REFUND: ("refund_id", "rf"),
    Operation.RESERVE: ("reservation_id", "rs"),
    Operation.RELEASE: ("release_id", "rl"),
    Operation.PRINT_LABEL: ("label_id", "lb"),
    Operation.VOID_LABEL: ("void_id", "vd"),
}
MONEY: Final = frozenset({Operation.CHARGE, Operation.REFUND})
STOCK_SIGN: Final[dict[Operation, int]] = {Operation.RESERVE: -1, Operation.RELEASE: 1}

Pieces = tuple[tuple[str, int], ...]  # sku, quantity


@dataclass(frozen=True)
class Effect:
    """What a service did to the world, once."""

    order_id: str
    operation: Operation
    ref: str
    amount_cents: int = 0
    lines: Pieces = ()


@dataclass(frozen=True)
class OrderState:
    """What one service did for one order so far. A service has one action and its undo, so two counts tell it all."""

    actions: int = 0
    undos: int = 0
    last_action: Effect | None = None
    last_undo: Effect | None = None
    tombstone: bool = False

    def after(self, effect: Effect) -> "OrderState":
        if effect.operation in UNDOES:
            return OrderState(self.actions, self.undos + 1, self.last_action, effect, self.tombstone)
        return OrderState(self.actions + 1, self.undos, effect, self.last_undo, self.tombstone)

    def buried(self) -> "OrderState":
        return OrderState(self.actions, self.undos, self.last_action, self.last_undo, tombstone=True)


@dataclass(frozen=True)
class Decision:
    """``effect`` and ``tombstone`` (of the order's action) are to be written, and ``stock`` added, all or nothing."""

    answer: Answer
    effect: Effect | None = None
    tombstone: bool = False
    stock: Mapping[str, int] = field(default_factory=dict)
    by_fault: bool = False  # the injected refusal is the answer; where something else was said, it had no part in it


def decide(
    operation: Operation,
    order: Order,
    state: OrderState,
    *,
    available: Mapping[str, int],
    refusal: Refusal | None,
    guards: Guards,
) -> Decision:
    """``available`` holds the products of the order that exist (warehouse only); ``refusal`` is an injected one."""
    if operation in UNDONE_BY:
        return _act(operation, order, state, available, refusal, guards)
    return _undo(operation, order, state, refusal, guards)


def _act(
    operation: Operation,
    order: Order,
    state: OrderState,
    available: Mapping[str, int],
    refusal: Refusal | None,
    guards: Guards,
) -> Decision:
    if guards.tombstone and (state.tombstone or state.undos):
        return _refused(operation, Refusal.ORDER_UNDONE, f"{UNDONE_BY[operation]} came first")
    if guards.idempotency and state.actions > state.undos and state.last_action is not None:
        return _done(state.last_action)
    if refusal is not None:
        return _refused_by_fault(operation, refusal)
    if operation is Operation.RESERVE and (problem := _stock_problem(order, available)):
        return _refused(operation, *problem)
    return _perform(_effect_of(operation, order, state.actions))


def _undo(operation: Operation, order: Order, state: OrderState, refusal: Refusal | None, guards: Guards) -> Decision:
    if guards.idempotency and state.actions <= state.undos and state.last_undo is not None:
        return _done(state.last_undo)
    if refusal is not None:
        return _refused_by_fault(operation, refusal)
    if guards.idempotency and state.actions <= state.undos:
        answer = Answer(operation, Result.NOTHING_TO_UNDO)
        return Decision(answer, tombstone=guards.tombstone and not state.tombstone)
    return _perform(_effect_of(operation, order, state.undos, undone=state.last_action))


def _stock_problem(order: Order, available: Mapping[str, int]) -> tuple[Refusal, str] | None:
    for sku, quantity in pieces_of(order):
        if sku not in available:
            return Refusal.UNKNOWN_PRODUCT, f"no such product: {sku}"
        if available[sku] < quantity:
            return Refusal.OUT_OF_STOCK, f"{sku}: {quantity} wanted, {max(0, available[sku])} left"
    return None


def _effect_of(operation: Operation, order: Order, before: int, undone: Effect | None = None) -> Effect:
    """``before``: how many effects of this operation the order has; it makes the reference unique, without chance."""
    if undone is not None:
        amount_cents, lines = undone.amount_cents, undone.lines
    else:
        amount_cents = order.total_cents if operation in MONEY else 0
        lines = pieces_of(order) if operation in STOCK_SIGN else ()
    digest = blake2b(f"{order.order_id}/{operation}/{before}".encode(), digest_size=8).hexdigest()
    return Effect(order.order_id, operation, f"{REFERENCES[operation][1]}_{digest}", amount_cents, lines)


def pieces_of(order: Order) -> Pieces:
    """The order's products, each once."""
    pieces: dict[str, int] = {}
    for line in order.lines:
        pieces[line.sku] = pieces.get(line.sku, 0) + line.quantity
    return tuple(pieces.items())


def _perform(effect: Effect) -> Decision:
    sign = STOCK_SIGN.get(effect.operation, 0)
    return Decision(
        _done(effect).answer, effect=effect, stock={sku: sign * n for sku, n in effect.lines} if sign else {}
    )


def _done(effect: Effect) -> Decision:
    detail: dict[str, Any] = {REFERENCES[effect.operation][0]: effect.ref}
    if effect.operation in MONEY:
        detail["amount_cents"] = effect.amount_cents
    return Decision(Answer(effect.operation, Result.DONE, detail=detail))


def _refused(operation: Operation, refusal: Refusal, cause: str) -> Decision:
    return Decision(Answer(operation, Result.REFUSED, refusal, {"cause": cause}))


def _refused_by_fault(operation: Operation, refusal: Refusal) -> Decision:
    return replace(_refused(operation, refusal, "refused by the fault plan"), by_fault=True)
