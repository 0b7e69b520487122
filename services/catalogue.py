"""The products on offer: a plain function of a seed. Popularity follows Zipf's law, and stock is short at the top.

The warehouse is seeded from it, and offers it over HTTP, so that a load can be planned without importing this code.
"""

from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Final

PRODUCTS: Final = 240
ZIPF_EXPONENT: Final = 1.1

# How many pieces a load of EXPECTED_PIECES wants of a product, on average, times a cover drawn per product, is what is
# in stock. The most popular products have less than that load wants, so that some of them run out; the tail has plenty.
EXPECTED_PIECES: Final = 1_500
POPULAR: Final = 12
POPULAR_COVER: Final = (0.3, 0.9)
TAIL_COVER: Final = (3.0, 8.0)
TAIL_LEAST: Final = 25

KINDS: Final = ("BOOK", "LAMP", "MUG", "CHAIR", "CABLE", "SHIRT", "PLANT", "CLOCK", "GAME", "PEN")
PRICES_CENTS: Final = (300, 12_000)


@dataclass(frozen=True)
class Product:
    """``popularity``: the share of all lines that ask for it; the shares add up to one."""

    sku: str
    unit_price_cents: int
    popularity: float
    stock: int


@lru_cache(maxsize=8)
def catalogue(seed: int, stock_scale: float = 1.0) -> tuple[Product, ...]:
    """The products, most popular first. Prices and popularity do not depend on ``stock_scale``."""
    dice = Random(seed)
    weights = [1 / rank**ZIPF_EXPONENT for rank in range(1, PRODUCTS + 1)]
    # Which product is the popular one differs from seed to seed.
    numbers = dice.sample(range(1000, 10_000), PRODUCTS)
    products = []
    for place, (weight, number) in enumerate(zip(weights, numbers, strict=True)):
        popularity = weight / sum(weights)
        price = round(dice.triangular(*PRICES_CENTS, PRICES_CENTS[0] * 4) / 5) * 5
        cover = dice.uniform(*(POPULAR_COVER if place < POPULAR else TAIL_COVER))
        wanted = popularity * EXPECTED_PIECES * cover * stock_scale
        stock = round(wanted) if place < POPULAR else max(round(wanted), round(TAIL_LEAST * stock_scale))
        sku = f"{KINDS[number % len(KINDS)]}-{number}"
        products.append(Product(sku, price, popularity, max(1, stock)))
    return tuple(products)
