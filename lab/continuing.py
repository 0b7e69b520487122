"""What a lab goes on with that was started in a home used before: the lanes' orders, and fault rules still in force."""

from collections.abc import Sequence
from typing import Final

from lab.hints import counted
from lab.lane_client import LaneClient
from services.operations import Service

LISTED_AT_MOST: Final = 1000  # by a front door, at once


def continued(clients: Sequence[LaneClient]) -> str | None:
    """In words; None where there is nothing to go on with. Raises ``LabError``."""
    orders = max(len(client.orders(None, LISTED_AT_MOST)) for client in clients)
    rules = sum(len(client.faults(service)["plan"]["rules"]) for client in clients for service in Service)
    return said(orders, rules)


def said(orders: int, rules: int) -> str | None:
    """``orders``: of the lane that has most; ``rules``: of all lanes and services together."""
    some = f"{LISTED_AT_MOST} orders or more" if orders >= LISTED_AT_MOST else counted(orders, "order")
    told = [some] if orders else []
    told += [f"{counted(rules, 'fault rule')} in force"] if rules else []
    return f"continuing: {', '.join(told)} (--fresh starts with empty books)" if told else None
