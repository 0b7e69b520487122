"""The catalogue: enough products, skewed popularity, short stock at the top."""

from random import Random

from services.catalogue import EXPECTED_PIECES, PRODUCTS, catalogue
from services.order import Line


def test_products_are_many_distinct_and_orderable() -> None:
    products = catalogue(1)
    assert len(products) == PRODUCTS >= 200
    assert len({p.sku for p in products}) == PRODUCTS
    for p in products:
        Line(sku=p.sku, quantity=1, unit_price_cents=p.unit_price_cents)
        assert p.stock >= 1


def test_popularity_is_skewed_and_adds_up() -> None:
    shares = [p.popularity for p in catalogue(1)]
    assert abs(sum(shares) - 1) < 1e-9
    assert shares == sorted(shares, reverse=True)
    assert sum(shares[:20]) > 0.5


def test_the_same_seed_gives_the_same_catalogue_and_another_seed_another() -> None:
    assert catalogue(3) == catalogue.__wrapped__(3, 1.0)
    assert {p.sku for p in catalogue(3)} != {p.sku for p in catalogue(4)}


def test_some_popular_products_run_out_and_most_products_do_not() -> None:
    for seed in range(5):
        products = catalogue(seed)
        dice = Random(seed)
        wanted = dict.fromkeys((p.sku for p in products), 0)
        for sku in dice.choices([p.sku for p in products], [p.popularity for p in products], k=EXPECTED_PIECES):
            wanted[sku] += 1
        gone = [p for p in products if wanted[p.sku] > p.stock]
        assert 3 <= len(gone) <= 30


def test_stock_scale_scales_stock_only() -> None:
    few, many = catalogue(1, 1.0), catalogue(1, 10.0)
    assert [p.unit_price_cents for p in few] == [p.unit_price_cents for p in many]
    assert all(8 * f.stock <= m.stock for f, m in zip(few, many, strict=True) if f.stock > 5)
