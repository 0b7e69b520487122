"""What was really done to an order, and what must have led to what: from the services' ledgers, the faults that were
injected, and the order itself. Pure.

No story and no trace is read here: this is what they are measured by. Only what is so in every wiring is expected: an
attempt follows the one before it, an action the action before it, an undo the undo before it or the failure. What an
undo without a known failure followed from (a deadline, a manager's no) the services cannot know.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from services.faults.plan import FaultKind
from services.operations import SERVICE_OF, UNDONE_BY, Operation, is_undo
from services.retry import ACTION_RETRY


class Step(NamedTuple):
    """One attempt of an operation. ``attempt`` 0 and no operation: the order was placed."""

    operation: str
    attempt: int


PLACED: Final = Step("", 0)
Edge = tuple[Step, Step]


class Reason(StrEnum):
    """Why an attempt failed, as far as anybody outside of the service could know."""

    UNAVAILABLE = "unavailable"
    NO_ANSWER = "no answer"
    REFUSED = "refused"


# Each is done after the one before it, in whatever wiring.
DOING: Final = (Operation.CHARGE, Operation.RESERVE, Operation.PRINT_LABEL)
UNDOING: Final = tuple(UNDONE_BY[operation] for operation in reversed(DOING))
TRIES: Final = 1 + (ACTION_RETRY.max_retries or 0)

REASON_OF: Final = {
    FaultKind.ERROR: Reason.UNAVAILABLE,
    FaultKind.BROKEN: Reason.UNAVAILABLE,
    FaultKind.HANG: Reason.NO_ANSWER,
    FaultKind.SLOW: Reason.NO_ANSWER,
    FaultKind.LOST_REPLY: Reason.NO_ANSWER,
    FaultKind.CRASH: Reason.NO_ANSWER,
    FaultKind.REFUSAL: Reason.REFUSED,
}


@dataclass(frozen=True)
class Failure:
    """What a diagnosis must name."""

    service: str
    step: str
    reason: Reason
    input: str


@dataclass(frozen=True)
class OrderTruth:
    """``steps``: the attempts that the services know of, in the order of time; ``faults``: what they met.

    ``tries``: how often an action is tried.
    """

    order_id: str
    input: str
    steps: tuple[Step, ...]
    faults: Mapping[Step, FaultKind]
    tries: int = TRIES

    @property
    def edges(self) -> tuple[Edge, ...]:
        """What must have led to each attempt, where that is certain."""
        causes = [self._cause(step, self.steps[:at]) for at, step in enumerate(self.steps)]
        return tuple((cause, step) for cause, step in zip(causes, self.steps, strict=True) if cause is not None)

    @property
    def failure(self) -> Failure | None:
        """The action that was refused, or tried in vain as often as may be; None: it failed of something else."""
        failed = self._failed(self.steps)
        if failed is None:
            return None
        service = SERVICE_OF[Operation(failed.operation)].value
        return Failure(service, failed.operation, REASON_OF[self.faults[failed]], self.input)

    def _failed(self, steps: Sequence[Step]) -> Step | None:
        for step in reversed(steps):
            kind = self.faults.get(step)
            given_up = kind is not None and (kind is FaultKind.REFUSAL or step.attempt >= self.tries)
            if given_up and not is_undo(Operation(step.operation)):
                return step
        return None

    def _cause(self, step: Step, before: Sequence[Step]) -> Step | None:
        chain = UNDOING if is_undo(Operation(step.operation)) else DOING
        earlier = chain[: chain.index(Operation(step.operation)) + 1]
        for operation in reversed(earlier):
            told = [each for each in before if each.operation == operation]
            if told:
                return told[-1]
        return self._failed(before) if chain is UNDOING else PLACED


def input_text(order: Mapping[str, Any]) -> str:
    """An order's body in one line: what a step got."""
    lines = " ".join(f"{line['quantity']}x{line['sku']}" for line in order.get("lines", ()))
    return f"{order.get('total_cents')}: {lines}"


def truths_of(
    orders: Iterable[Mapping[str, Any]],
    ledgers: Iterable[Mapping[str, Any]],
    injected: Iterable[Mapping[str, Any]],
    tries: int = TRIES,
) -> dict[str, OrderTruth]:
    """By order. ``orders``: their bodies; ``ledgers`` and ``injected``: the services' rows, as their HTTP gives them.

    ``tries``: 1 where practice ``retries`` is off.
    """
    began: dict[str, dict[Step, str]] = {}
    faults: dict[str, dict[Step, FaultKind]] = {}
    for row in ledgers:
        _note(began, row)
    for row in injected:
        step = _note(began, row)
        faults.setdefault(row["order_id"], {})[step] = FaultKind(row["kind"])
    return {
        order["order_id"]: OrderTruth(
            order["order_id"],
            input_text(order),
            _in_time(began.get(order["order_id"], {})),
            faults.get(order["order_id"], {}),
            tries,
        )
        for order in orders
    }


def _note(began: dict[str, dict[Step, str]], row: Mapping[str, Any]) -> Step:
    step = Step(row["operation"], row["attempt"])
    of_order = began.setdefault(row["order_id"], {})
    of_order[step] = min(row["at"], of_order.get(step, row["at"]))
    return step


def _in_time(began: Mapping[Step, str]) -> tuple[Step, ...]:
    return tuple(sorted(began, key=lambda step: (began[step], step.attempt)))
