"""The plan of a load: which order leaves when, and what a manager will say to it. Pure and seeded.

The same seed, shape and catalogue make the same plan, order ids included, so that two lanes meet the same orders and
a rerun meets them again.
"""

import json
import random
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from loadtests.arrivals import Profile, arrivals, profile_of
from loadtests.catalogue import Product

MAX_LINES = 5
MAX_QUANTITY = 4
# An order of this many pieces of one product is a mistake, whatever the plan wants.
MAX_TOPPED_UP_QUANTITY = 500
STREETS = ("Quay", "Mill Lane", "High Street", "Orchard Road", "Station Square", "Harbour Walk")
COMMENTS = {True: "within budget", False: "not this quarter"}


class Shape(BaseModel):
    """What the load looks like: arrivals for ``seconds``, what is ordered, and what the manager does.

    ``arrivals``: ``poisson`` and ``constant`` at ``rate_per_s``; ``ramp`` from it to ``peak_rate_per_s``; ``spike``:
    at the peak rate from ``peak_from_s`` for ``peak_for_s``; ``on_off``: ``on_s`` at the peak rate and ``off_s`` at
    ``rate_per_s``, in turn. All but ``constant`` are random (Poisson) at that rate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate_per_s: float = Field(default=15.0, gt=0, le=10_000)
    seconds: float = Field(default=15.0, gt=0)
    arrivals: Literal["poisson", "constant", "ramp", "spike", "on_off"] = "poisson"
    peak_rate_per_s: float | None = Field(default=None, gt=0, le=10_000)
    peak_from_s: float = Field(default=0.0, ge=0)
    peak_for_s: float | None = Field(default=None, gt=0)
    on_s: float = Field(default=1.0, gt=0)
    off_s: float = Field(default=1.0, gt=0)
    zipf: float | None = Field(default=None, ge=0, le=5)  # exponent of the products' popularity; None: the catalogue's
    large_share: float = Field(default=0.1, ge=0, le=1)  # orders that need a manager's approval
    large_from_cents: int = Field(default=50_000, ge=1)
    reject_share: float = Field(default=0.2, ge=0, le=1)  # of the large orders
    manager: Literal["once", "never", "twice"] = "once"  # how often an order is answered
    manager_delay_s: tuple[float, float] = (0.2, 1.0)  # the manager's thinking time: uniform between the two

    @model_validator(mode="after")
    def _fits_its_arrivals(self) -> Self:
        if (self.arrivals in ("ramp", "spike", "on_off")) != (self.peak_rate_per_s is not None):
            raise ValueError("ramp, spike and on_off need peak_rate_per_s, and nothing else has one")
        if (self.arrivals == "spike") != (self.peak_for_s is not None):
            raise ValueError("a spike needs peak_for_s, and nothing else has one")
        return self

    def profile(self) -> Profile:
        """The rate as it changes with time."""
        return profile_of(
            self.arrivals,
            self.rate_per_s,
            self.peak_rate_per_s or self.rate_per_s,
            self.seconds,
            spike=(self.peak_from_s, self.peak_for_s or 0.0),
            on_off=(self.on_s, self.off_s),
        )


class Decision(BaseModel):
    """What the manager says to a large order, ``delay_s`` after it is asked.

    ``answers``: who answers ``twice`` says the same again, and then the contrary.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    approve: bool
    delay_s: float = Field(ge=0)
    answers: Literal["once", "never", "twice"] = "once"

    @property
    def comment(self) -> str:
        return COMMENTS[self.approve]


class PlannedOrder(BaseModel):
    """One order: it leaves ``at_s`` seconds after the start, however slow the answers to the others are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_s: float = Field(ge=0)
    body: dict[str, Any]
    decision: Decision | None = None

    @property
    def order_id(self) -> str:
        return str(self.body["order_id"])


class UnreadablePlan(Exception):
    """The workload file cannot be used; the text names the file and the line."""


def plan(seed: int, shape: Shape, products: Sequence[Product], *, prefix: str = "o") -> Iterator[PlannedOrder]:
    """The orders of a load, by the time that they leave."""
    dice = random.Random(f"workload:{seed}")
    cumulative = _cumulative(shape, products)
    times = arrivals(dice, shape.profile(), regular=shape.arrivals == "constant")
    for number, at_s in enumerate(times, 1):
        if at_s >= shape.seconds:
            return
        yield _order(dice, f"{prefix}{seed}-{number:05d}", at_s, shape, products, cumulative)


def plan_count(
    seed: int, count: int, shape: Shape, products: Sequence[Product], *, prefix: str = "o"
) -> Iterator[PlannedOrder]:
    """Exactly ``count`` orders at the shape's rate, however long that takes."""
    dice = random.Random(f"workload:{seed}")
    cumulative = _cumulative(shape, products)
    times = arrivals(dice, shape.profile(), regular=shape.arrivals == "constant")
    for number, at_s in zip(range(1, count + 1), times, strict=False):
        yield _order(dice, f"{prefix}{seed}-{number:05d}", at_s, shape, products, cumulative)


def _cumulative(shape: Shape, products: Sequence[Product]) -> list[float]:
    """Weights summed up; by Zipf's law the weight of the product of rank r is 1 / r ** exponent."""
    if shape.zipf is None:
        return list(accumulate(product.weight for product in products))
    exponent = shape.zipf
    return list(accumulate(1 / rank**exponent for rank in range(1, len(products) + 1)))


def _order(
    dice: random.Random,
    order_id: str,
    at_s: float,
    shape: Shape,
    products: Sequence[Product],
    cumulative: list[float],
) -> PlannedOrder:
    chosen: dict[str, Product] = {}
    for _ in range(dice.randint(1, MAX_LINES)):
        product = products[min(bisect(cumulative, dice.random() * cumulative[-1]), len(products) - 1)]
        chosen.setdefault(product.sku, product)
    quantities = {sku: dice.randint(1, MAX_QUANTITY) for sku in chosen}
    large = dice.random() < shape.large_share
    _fit(chosen, quantities, shape.large_from_cents, large)
    lines = [
        {"sku": sku, "quantity": quantities[sku], "unit_price_cents": product.unit_price_cents}
        for sku, product in chosen.items()
    ]
    total = sum(quantities[sku] * product.unit_price_cents for sku, product in chosen.items())
    body = {
        "order_id": order_id,
        "customer_id": f"c{dice.randint(1, 500):03d}",
        "lines": lines,
        "total_cents": total,
        "currency": "EUR",
        "ship_to": f"{dice.choice(STREETS)} {dice.randint(1, 120)}",
    }
    decision = Decision(
        approve=dice.random() >= shape.reject_share,
        delay_s=dice.uniform(*shape.manager_delay_s),
        answers=shape.manager,
    )
    return PlannedOrder(at_s=round(at_s, 6), body=body, decision=decision if total >= shape.large_from_cents else None)


def _fit(chosen: dict[str, Product], quantities: dict[str, int], threshold_cents: int, large: bool) -> None:
    """Bring the order over the threshold with more of its dearest product, or under it with fewer pieces and lines."""

    def total() -> int:
        return sum(quantities[sku] * product.unit_price_cents for sku, product in chosen.items())

    dearest = max(chosen, key=lambda sku: (chosen[sku].unit_price_cents, sku))
    if large:
        missing = threshold_cents - total()
        if missing > 0:
            more = -(-missing // chosen[dearest].unit_price_cents)
            quantities[dearest] = min(quantities[dearest] + more, MAX_TOPPED_UP_QUANTITY)
        return
    while total() >= threshold_cents and (len(chosen) > 1 or quantities[dearest] > 1):
        dearest = max(chosen, key=lambda sku: (chosen[sku].unit_price_cents, sku))
        if quantities[dearest] > 1:
            quantities[dearest] -= 1
        elif len(chosen) > 1:
            del chosen[dearest], quantities[dearest]


def write_plan(path: Path, orders: Iterable[PlannedOrder]) -> int:
    """One order per line; answers with how many. The file is complete or not there."""
    partial = path.with_name(path.name + ".partial")
    count = 0
    with partial.open("w", encoding="utf-8") as file:
        for order in orders:
            file.write(order.model_dump_json(exclude_none=True) + "\n")
            count += 1
    partial.replace(path)
    return count


def read_plan(path: Path) -> list[PlannedOrder]:
    """Raises ``UnreadablePlan``."""
    orders = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    orders.append(PlannedOrder.model_validate(json.loads(line)))
                except (json.JSONDecodeError, ValidationError) as error:
                    raise UnreadablePlan(f"{path}, line {number}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadablePlan(f"{path}: {error}") from error
    return orders
