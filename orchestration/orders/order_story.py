"""What an execution of the order machine means for the order: its status, and which service does what. Pure.

The one place that reads an order's fate off a history; view, trail and read model all ask here.
"""

from typing import Final

from orchestration.asl.interpreter import Status
from orchestration.orders.definition import OPERATION_OF_RESOURCE
from orchestration.runtime.records import Outline
from services.operations import SERVICE_OF, Operation, Service, is_undo
from services.trail import OrderStatus

MACHINE: Final = "order_fulfilment"
# The Fail state that says: the books are clean again. Any other way to fail left something undone.
ROLLED_BACK: Final = "RolledBack"
# Whom a callback state asks, by the scheme of its resource: a manager to decide, or a person to put something right.
ASKS_A_MANAGER: Final = "approval:"
ASKS_FOR_REPAIR: Final = "person:"


def operation_of(resource: str) -> tuple[Service, Operation] | None:
    """``http://payment/charges`` is payment's charge; None for what is no service's operation."""
    operation = OPERATION_OF_RESOURCE.get(resource)
    return None if operation is None else (SERVICE_OF[operation], operation)


def undoes(resource: str) -> bool:
    found = operation_of(resource)
    return found is not None and is_undo(found[1])


def status_of(last: Outline | None) -> OrderStatus:
    """The order's status after this append (``last``); None: there is only the start yet."""
    if last is None:
        return OrderStatus.IN_PROGRESS
    match last.status:
        case Status.SUCCEEDED:
            return OrderStatus.FULFILLED
        case Status.FAILED if last.summary.get("failed_in") == ROLLED_BACK:
            return OrderStatus.ROLLED_BACK
        case Status.RUNNING if last.waiting:
            manager = all(waiting.resource.startswith(ASKS_A_MANAGER) for waiting in last.waiting)
            return OrderStatus.WAITING_FOR_APPROVAL if manager else OrderStatus.PARKED
        case Status.RUNNING:
            undoing = any(undoes(resource) for resource in last.asked)
            return OrderStatus.UNDOING if undoing else OrderStatus.IN_PROGRESS
        case _:
            return OrderStatus.FAILED


def reason_of(last: Outline | None) -> str | None:
    """Why it was not fulfilled, or why it is parked, in the machine's own words."""
    if last is None:
        return None
    return ": ".join(str(last.summary[name]) for name in ("error", "cause") if last.summary.get(name)) or None
