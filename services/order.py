"""The order: what a customer asks for, and the only thing that commands carry.

Amounts are integer cents, quantities whole pieces. See ``docs/glossary.md``.
"""

import hashlib
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

# An order id is a token of a NATS subject and a part of URLs, so its alphabet is narrow.
OrderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Sku = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9-]{1,32}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]

MAX_LINES = 100
MAX_QUANTITY = 10_000
MAX_UNIT_PRICE_CENTS = 100_000_000


class Line(BaseModel):
    """One product of an order: ``quantity`` pieces at ``unit_price_cents`` each."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sku: Sku
    quantity: int = Field(ge=1, le=MAX_QUANTITY)
    unit_price_cents: int = Field(ge=1, le=MAX_UNIT_PRICE_CENTS)


class Order(BaseModel):
    """One order. Raises ``pydantic.ValidationError`` when the lines do not add up to ``total_cents``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    order_id: OrderId
    customer_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    lines: tuple[Line, ...] = Field(min_length=1, max_length=MAX_LINES, strict=False)
    total_cents: int = Field(ge=1)
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    ship_to: Text

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        added = sum(line.quantity * line.unit_price_cents for line in self.lines)
        if added != self.total_cents:
            raise ValueError(f"total_cents is {self.total_cents}, but the lines add up to {added}")
        return self

    def fingerprint(self) -> str:
        """A hash of the whole body: two orders are the same order when id and fingerprint agree."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]
