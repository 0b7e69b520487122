"""What must happen to an order, by the dice alone: every fault that it meets in a lane, and how it ends. Pure.

Made from the shared retry numbers and from what each lane undoes, without any of the lanes' code; a lane that rolls
other dice, tries more often or less, or undoes something else comes to another result.

Two differences between the lanes are theirs by design, and are forecast as such:

- After a failure the services of the choreography undo from the last step backwards (a step that never began leaves a
  tombstone); a conductor knows where it was, and undoes from there. So the choreography has undo calls more.
- An answer that gets lost is, to a caller, a failed call that uses up a retry. On a bus it is an acknowledgement that
  gets lost: what was done has been told already, and the order goes on while the message comes again.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from services.faults.dice import delay_s, outcome
from services.faults.plan import FaultKind, FaultPlan
from services.operations import SERVICE_OF, Operation, is_undo
from services.retry import ACTION_RETRY, UNDO_RETRY
from services.trail import OrderStatus

CHOREOGRAPHY = "choreography"
ACTIONS = (Operation.CHARGE, Operation.RESERVE, Operation.PRINT_LABEL)
UNDO_ORDER = (Operation.VOID_LABEL, Operation.RELEASE, Operation.REFUND)


class End(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    GAVE_UP = "gave_up"


@dataclass(frozen=True)
class Forecast:
    """``faults``: (operation, attempt) -> kind; ``ends``: of each operation that is called at all."""

    faults: dict[tuple[Operation, int], FaultKind]
    ends: dict[Operation, End]
    status: OrderStatus


def forecast(
    plan: FaultPlan, lane: str, order_id: str, *, approved: bool = True, call_timeout_s: float = math.inf
) -> Forecast:
    """``approved``: no manager says no to it.

    ``call_timeout_s``: who is slower gave no answer, and that uses up a retry in both lanes. When its late work is done
    is not forecast: keep such delays longer than all retries together, or let no refusal follow.
    """
    faults: dict[tuple[Operation, int], FaultKind] = {}
    ends: dict[Operation, End] = {}

    def call(operation: Operation) -> End:
        met, ends[operation] = _called(plan, lane, order_id, operation, call_timeout_s)
        faults.update({(operation, attempt): kind for attempt, kind in met.items()})
        return ends[operation]

    failed = next((action for action in ACTIONS if _stops(action, approved) or call(action) is not End.DONE), None)
    if failed is None:
        return Forecast(faults, ends, OrderStatus.FULFILLED)
    for undo in _undone(lane, failed, ends.get(failed)):
        call(undo)
    return Forecast(faults, ends, OrderStatus.ROLLED_BACK)


def _stops(action: Operation, approved: bool) -> bool:
    return action is Operation.PRINT_LABEL and not approved


def _undone(lane: str, failed: Operation, end: End | None) -> tuple[Operation, ...]:
    """``end`` None: it was not called, since a manager said no."""
    if end is End.REFUSED and failed is Operation.CHARGE:
        return ()
    if failed is Operation.PRINT_LABEL:
        return UNDO_ORDER if lane == CHOREOGRAPHY or end is not None else UNDO_ORDER[1:]
    if lane == CHOREOGRAPHY and end is End.GAVE_UP:
        return UNDO_ORDER
    return UNDO_ORDER[1:] if failed is Operation.RESERVE else UNDO_ORDER[2:]


def _called(
    plan: FaultPlan, lane: str, order_id: str, operation: Operation, call_timeout_s: float
) -> tuple[dict[int, FaultKind], End]:
    """One operation, tried until it is done, refused or given up."""
    policy = UNDO_RETRY if is_undo(operation) else ACTION_RETRY
    met: dict[int, FaultKind] = {}
    acted = False
    while True:
        attempt = len(met) + 1
        rule = outcome(plan, order_id, SERVICE_OF[operation], operation, attempt)
        if rule is None or (acted and rule.kind is FaultKind.REFUSAL):  # a repeated key gets its first answer
            return met, End.DONE
        met[attempt] = rule.kind
        if rule.kind is FaultKind.SLOW and delay_s(plan, rule, order_id, operation, attempt) <= call_timeout_s:
            return met, End.DONE
        if rule.kind is FaultKind.REFUSAL:
            return met, End.REFUSED
        acted = acted or rule.kind is FaultKind.LOST_REPLY
        if lane == CHOREOGRAPHY and rule.kind is FaultKind.LOST_REPLY:
            continue
        if not policy.may_retry(attempt - 1):
            return met, End.DONE if acted and lane == CHOREOGRAPHY else End.GAVE_UP
