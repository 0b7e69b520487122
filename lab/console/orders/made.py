"""The order that a button places: one that is usually in stock, small or so dear that a manager is asked. Pure."""

import random
from collections.abc import Sequence
from typing import Any, Final

# Over every usual threshold.
DEAR_CENTS: Final = 60_000
DEAR_ONES: Final = 20


def make_order(catalogue: Sequence[dict[str, Any]], order_id: str, *, dear: bool) -> dict[str, Any]:
    """``catalogue`` is in the order of popularity; the popular half may have run out. The same id, the same order."""
    offered = list(catalogue)[len(catalogue) // 2 :] or list(catalogue)
    if dear:
        offered = sorted(offered, key=lambda each: int(each["unit_price_cents"]))[-DEAR_ONES:]
    product = random.Random(order_id).choice(offered)
    price = int(product["unit_price_cents"])
    quantity = max(1, -(-DEAR_CENTS // max(1, price))) if dear else 1
    return {
        "order_id": order_id,
        "customer_id": "console",
        "lines": [{"sku": product["sku"], "quantity": quantity, "unit_price_cents": price}],
        "total_cents": quantity * price,
        "currency": "EUR",
        "ship_to": "1 Long Street, Springfield",
    }
