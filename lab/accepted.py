"""The accepted orders of a lane, read from its stories: the auditor wants their bodies, not only their ids."""

from collections.abc import Iterable, Mapping
from typing import Any

from lab.auditor import AcceptedOrder, accepted_order


def order_body(trail: Mapping[str, Any]) -> dict[str, Any] | None:
    """The order as its trail recorded it: the first input or output that is one, or holds one."""
    for entry in trail.get("entries", ()):
        for value in (entry.get("input"), entry.get("output")):
            found = _order_in(value)
            if found is not None:
                return found
    return None


def _order_in(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    if {"order_id", "lines", "total_cents"} <= value.keys():
        return value
    return next((found for found in map(_order_in, value.values()) if found is not None), None)


def accepted_orders(trails: Mapping[str, Mapping[str, Any] | None]) -> tuple[list[AcceptedOrder], list[str]]:
    """The orders, and the ids of those whose trail holds no order."""
    orders: list[AcceptedOrder] = []
    untold: list[str] = []
    for order_id, trail in trails.items():
        body = order_body(trail) if trail is not None else None
        if body is None:
            untold.append(order_id)
        else:
            orders.append(accepted_order(body))
    return orders, untold


def known_ids(views: Iterable[Mapping[str, Any]], outcomes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every order that the front door knows of, each once, oldest first."""
    accepted_at = {str(each["order_id"]): str(each["accepted_at"]) for each in (*views, *outcomes)}
    return sorted(accepted_at, key=lambda order_id: accepted_at[order_id])
