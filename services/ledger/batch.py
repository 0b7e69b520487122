"""All commands that are pending at one moment, decided in order in memory: what each comes to, and the rows to write.

A plain function over what was loaded; the result is the same as deciding them one by one, each in its own transaction.
A command that fails on its own (a reused key) leaves nothing behind and does not touch the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from services.commands import Answer, Command, Outgoing, Refusal, Result
from services.faults.dice import outcome as roll_dice
from services.faults.plan import CrashPoint, FaultKind, FaultPlan, FaultRule, refusal_of
from services.guards import Guards
from services.operations import UNDOES, Operation, Service
from services.rules import Effect, OrderState, decide

# These faults strike before the command is looked at: nothing but the injection is written now.
STRIKE_FIRST: Final = frozenset({FaultKind.ERROR, FaultKind.BROKEN, FaultKind.HANG, FaultKind.SLOW})

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A command in the queue.

    ``attempt`` given: the dice were rolled for it already (it was slow, or is about to crash) and are left alone.
    ``doomed``: the process dies with this command's transaction open.
    """

    command: Command
    body_hash: str
    attempt: int | None = None
    doomed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request. ``answer`` None: nothing was done, since ``fault`` struck first or ``error`` says why."""

    attempt: int
    answer: Answer | None = None
    fault: FaultRule | None = None
    acted: bool = False  # a new effect was written
    error: Exception | None = None


@dataclass(slots=True)
class Loaded:
    """What the ledger says about the orders, keys, messages and products of a batch; kept up while it is decided."""

    answers: dict[str, tuple[str, str]] = field(default_factory=dict)  # key -> body hash, answer
    inbox: dict[tuple[str, str], str] = field(default_factory=dict)  # consumer, message id -> answer
    orders: dict[str, OrderState] = field(default_factory=dict)
    faults: dict[tuple[str, str], int] = field(default_factory=dict)  # order id, operation -> faults injected so far
    stock: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Written:
    """The rows that a batch adds; ``stock`` holds changes, not new levels."""

    effects: list[Row] = field(default_factory=list)
    idempotency: list[Row] = field(default_factory=list)
    inbox: list[Row] = field(default_factory=list)
    outbox: list[Row] = field(default_factory=list)
    tombstones: list[Row] = field(default_factory=list)
    injected: list[Row] = field(default_factory=list)
    stock: dict[str, int] = field(default_factory=dict)
    outgoing: list[Outgoing] = field(default_factory=list)


@dataclass(frozen=True)
class Terms:
    """Under which a batch is decided. ``reused`` makes the error for a key that came back with another body."""

    service: Service
    plan: FaultPlan
    guards: Guards
    at: str
    reused: Callable[[str], Exception]


def decide_batch(requests: Sequence[Request], loaded: Loaded, terms: Terms) -> tuple[list[Outcome], Written]:
    written = Written()
    return [_decide_one(request, loaded, written, terms) for request in requests], written


def _decide_one(request: Request, loaded: Loaded, written: Written, terms: Terms) -> Outcome:
    command = request.command
    attempt, fault = _roll(request, loaded, written, terms)
    struck = None if fault is None or fault.kind is FaultKind.REFUSAL else fault
    if fault is not None and (fault.kind in STRIKE_FIRST or fault.point is CrashPoint.BEFORE_COMMIT):
        return Outcome(attempt, fault=fault)
    guards = terms.guards
    if guards.inbox and command.inbox is not None:
        seen = loaded.inbox.get((command.inbox.consumer, command.inbox.message_id))
        if seen is not None:
            return Outcome(attempt, _answer_of(seen), struck)
    if guards.idempotency:
        record = loaded.answers.get(command.key)
        if record is not None:
            if record[0] != request.body_hash:
                return Outcome(attempt, error=terms.reused(command.key))
            _remember_message(command, record[1], loaded, written, terms)
            return Outcome(attempt, _answer_of(record[1]), struck)
    return _apply(request, attempt, fault, loaded, written, terms)


def _roll(request: Request, loaded: Loaded, written: Written, terms: Terms) -> tuple[int, FaultRule | None]:
    if request.attempt is not None:
        return request.attempt, None
    order_id, operation = request.command.order.order_id, request.command.operation
    attempt = loaded.faults.get((order_id, operation), 0) + 1
    if not terms.plan.rules:
        return attempt, None
    fault = roll_dice(terms.plan, order_id, terms.service, operation, attempt)
    # A refusal is only a fault where it is what is answered: a repeated key gets its first answer all the same.
    if fault is not None and fault.kind is not FaultKind.REFUSAL:
        _record_fault(request.command, fault, attempt, loaded, written, terms)
    return attempt, fault


def _record_fault(
    command: Command, fault: FaultRule, attempt: int, loaded: Loaded, written: Written, terms: Terms
) -> None:
    loaded.faults[command.order.order_id, command.operation] = attempt
    written.injected.append(
        {
            "order_id": command.order.order_id,
            "operation": command.operation.value,
            "attempt": attempt,
            "kind": fault.kind.value,
            "point": fault.point.value if fault.point else None,
            "key": command.key,
            "at": terms.at,
        }
    )


def _apply(
    request: Request, attempt: int, fault: FaultRule | None, loaded: Loaded, written: Written, terms: Terms
) -> Outcome:
    command = request.command
    order_id = command.order.order_id
    state = loaded.orders.get(order_id, OrderState())
    decision = decide(
        command.operation,
        command.order,
        state,
        available=loaded.stock,
        refusal=refusal_of(fault) if fault is not None else None,
        guards=terms.guards,
    )
    answer = decision.answer
    if fault is not None and fault.kind is FaultKind.REFUSAL:
        if decision.by_fault:
            _record_fault(command, fault, attempt, loaded, written, terms)
        else:
            fault = None
    outgoing: tuple[Outgoing, ...] = ()
    if command.outgoing is not None and terms.guards.outbox:
        try:
            outgoing = command.outgoing(answer)
        except Exception as error:  # noqa: BLE001 - a caller's fault is returned to that caller, and spoils no other
            return Outcome(attempt, error=error)
    if decision.effect is not None:
        loaded.orders[order_id] = state.after(decision.effect)
        written.effects.append(_effect_row(decision.effect, command.key, attempt, terms.at))
    for sku, change in decision.stock.items():
        if sku in loaded.stock:
            loaded.stock[sku] += change
            written.stock[sku] = written.stock.get(sku, 0) + change
    if decision.tombstone:
        loaded.orders[order_id] = state.buried()
        action = UNDOES[command.operation]
        written.tombstones.append({"order_id": order_id, "operation": action.value, "at": terms.at})
    written.outgoing.extend(outgoing)
    written.outbox.extend(_outbox_row(message) for message in outgoing)
    _remember(request, answer, loaded, written, terms)
    return Outcome(attempt, answer, fault, acted=decision.effect is not None)


def _remember(request: Request, answer: Answer, loaded: Loaded, written: Written, terms: Terms) -> None:
    command = request.command
    if command.operation in UNDOES and answer.result is Result.REFUSED:
        return  # a person mends what stands in the way, and the same undo is asked for again
    guards = terms.guards
    if not guards.idempotency and not (guards.inbox and command.inbox):
        return
    text = _answer_text(answer)
    if guards.idempotency:
        loaded.answers[command.key] = (request.body_hash, text)
        written.idempotency.append({"key": command.key, "body_hash": request.body_hash, "answer": text, "at": terms.at})
    _remember_message(command, text, loaded, written, terms)


def _remember_message(command: Command, answer: str, loaded: Loaded, written: Written, terms: Terms) -> None:
    if command.inbox is None or not terms.guards.inbox:
        return
    consumer, message_id = command.inbox.consumer, command.inbox.message_id
    loaded.inbox[consumer, message_id] = answer
    written.inbox.append({"consumer": consumer, "message_id": message_id, "answer": answer, "at": terms.at})


def _effect_row(effect: Effect, key: str, attempt: int, at: str) -> Row:
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in effect.lines]
    return {
        "order_id": effect.order_id,
        "operation": effect.operation.value,
        "amount_cents": effect.amount_cents,
        "lines": orjson.dumps(lines).decode() if lines else "[]",
        "ref": effect.ref,
        "key": key,
        "at": at,
        "attempt": attempt,
    }


def _outbox_row(message: Outgoing) -> Row:
    headers = orjson.dumps(message.headers).decode()
    return {"id": message.id, "subject": message.subject, "headers": headers, "body": message.body, "sent": False}


def _answer_text(answer: Answer) -> str:
    return orjson.dumps([answer.operation, answer.result, answer.refusal, answer.detail]).decode()


def _answer_of(text: str) -> Answer:
    operation, result, refusal, detail = orjson.loads(text)
    return Answer(Operation(operation), Result(result), Refusal(refusal) if refusal else None, detail, replayed=True)
