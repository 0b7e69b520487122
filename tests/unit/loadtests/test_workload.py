"""The plan of a load: the same from the same seed, and shaped as asked."""

from pathlib import Path

import pytest

from loadtests.catalogue import Product, products_of
from loadtests.workload import MAX_LINES, Shape, UnreadablePlan, plan, plan_count, read_plan, write_plan
from services.order import Order

PRODUCTS = tuple(Product(f"SKU-{number}", 500 + 100 * number, 1 / number) for number in range(1, 101))
SHAPE = Shape(rate_per_s=50, seconds=20, large_share=0.2, reject_share=0.25, large_from_cents=50_000)


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    assert list(plan(7, SHAPE, PRODUCTS)) == list(plan(7, SHAPE, PRODUCTS))
    assert list(plan(7, SHAPE, PRODUCTS)) != list(plan(8, SHAPE, PRODUCTS))


def test_every_body_is_an_order_that_the_services_take() -> None:
    for planned in plan(1, SHAPE, PRODUCTS):
        order = Order.model_validate_json(planned.model_dump_json(include={"body"})[len('{"body":') : -1])
        assert 1 <= len(order.lines) <= MAX_LINES
        assert len({line.sku for line in order.lines}) == len(order.lines)


def test_ids_are_unique_and_departures_are_in_order_and_in_time() -> None:
    orders = list(plan(1, SHAPE, PRODUCTS))
    assert len({order.order_id for order in orders}) == len(orders)
    times = [order.at_s for order in orders]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < SHAPE.seconds


def test_the_shape_is_kept() -> None:
    orders = list(plan(3, Shape(rate_per_s=100, seconds=40, large_share=0.2, reject_share=0.25), PRODUCTS))
    assert 3600 < len(orders) < 4400  # Poisson: 4000, its standard deviation 63
    large = [order for order in orders if order.body["total_cents"] >= 50_000]
    assert 0.17 < len(large) / len(orders) < 0.23
    assert all((order.decision is not None) == (order.body["total_cents"] >= 50_000) for order in orders)
    rejected = sum(not order.decision.approve for order in large if order.decision is not None)
    assert 0.2 < rejected / len(large) < 0.3


def test_popular_products_are_ordered_more() -> None:
    ordered = [line["sku"] for order in plan(3, SHAPE, PRODUCTS) for line in order.body["lines"]]
    assert ordered.count("SKU-1") > 5 * ordered.count("SKU-50")


def test_a_count_may_be_asked_for() -> None:
    assert len(list(plan_count(1, 123, SHAPE, PRODUCTS))) == 123


def test_a_plan_is_written_and_read(tmp_path: Path) -> None:
    orders = list(plan(1, SHAPE, PRODUCTS))
    assert write_plan(tmp_path / "plan.jsonl", orders) == len(orders)
    assert read_plan(tmp_path / "plan.jsonl") == orders
    assert [path.name for path in tmp_path.iterdir()] == ["plan.jsonl"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"at_s": -1, "body": {}}', '{"body": {}}', '{"at_s": 1, "body": {}, "x": 1}']
)
def test_an_unreadable_plan_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.jsonl"
    path.write_text('{"at_s": 1, "body": {"order_id": "a"}}\n' + text + "\n")
    with pytest.raises(UnreadablePlan, match=r"plan\.jsonl, line 2"):
        read_plan(path)


def test_a_missing_plan_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePlan, match=r"nothing\.jsonl"):
        read_plan(tmp_path / "nothing.jsonl")


def test_a_catalogue_is_read_as_a_list_or_under_products() -> None:
    listed = [{"sku": "A", "unit_price_cents": 5, "popularity": 0.5}, {"sku": "B", "unit_price_cents": 7}]
    assert products_of(listed) == (Product("A", 5, 0.5), Product("B", 7, 0.5))
    assert products_of({"products": listed}) == products_of(listed)


@pytest.mark.parametrize("answer", [None, [], {}, {"products": []}, ["x"], [{"sku": "A"}], [{"unit_price_cents": 1}]])
def test_what_is_no_catalogue_is_refused(answer: object) -> None:
    with pytest.raises(ValueError, match="catalogue"):
        products_of(answer)
