"""The products that the load may order, as the warehouse's ``GET /catalogue`` lists them."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Product(NamedTuple):
    sku: str
    unit_price_cents: int
    weight: float  # how often it is ordered, beside the others


def products_of(answer: Any) -> tuple[Product, ...]:
    """The products of a catalogue answer: a list of products, or an object that holds one under ``products``.

    A product without ``popularity`` gets the weight 1/rank (Zipf), by its place in the list. Raises ``ValueError`` for
    anything else.
    """
    listed = answer.get("products") if isinstance(answer, Mapping) else answer
    if not isinstance(listed, list) or not listed:
        raise ValueError("the catalogue lists no products")
    try:
        return tuple(
            Product(each["sku"], int(each["unit_price_cents"]), float(each.get("popularity") or 1 / rank))
            for rank, each in enumerate(listed, 1)
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a product of the catalogue lacks a field: {error}") from error
