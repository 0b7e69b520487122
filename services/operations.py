"""The three services and their six operations: names, paths, and which operation undoes which."""

from enum import StrEnum
from typing import Final


class Service(StrEnum):
    PAYMENT = "payment"
    WAREHOUSE = "warehouse"
    SHIPPING = "shipping"


class Operation(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"
    RESERVE = "reserve"
    RELEASE = "release"
    PRINT_LABEL = "print_label"
    VOID_LABEL = "void_label"


# What undoes what: a compensation and the action that it compensates.
UNDOES: Final[dict[Operation, Operation]] = {
    Operation.REFUND: Operation.CHARGE,
    Operation.RELEASE: Operation.RESERVE,
    Operation.VOID_LABEL: Operation.PRINT_LABEL,
}
UNDONE_BY: Final[dict[Operation, Operation]] = {action: undo for undo, action in UNDOES.items()}

SERVICE_OF: Final[dict[Operation, Service]] = {
    Operation.CHARGE: Service.PAYMENT,
    Operation.REFUND: Service.PAYMENT,
    Operation.RESERVE: Service.WAREHOUSE,
    Operation.RELEASE: Service.WAREHOUSE,
    Operation.PRINT_LABEL: Service.SHIPPING,
    Operation.VOID_LABEL: Service.SHIPPING,
}

# POST <path> on the operation's service; the body is the order.
PATH_OF: Final[dict[Operation, str]] = {
    Operation.CHARGE: "/charges",
    Operation.REFUND: "/refunds",
    Operation.RESERVE: "/reservations",
    Operation.RELEASE: "/releases",
    Operation.PRINT_LABEL: "/labels",
    Operation.VOID_LABEL: "/voids",
}


def is_undo(operation: Operation) -> bool:
    return operation in UNDOES
