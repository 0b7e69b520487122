"""Arrivals follow the rate that they are made from, whatever its shape."""

import random
from itertools import islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadtests.arrivals import Kind, Piece, arrivals, profile_of
from loadtests.catalogue import Product
from loadtests.workload import Decision, Shape, plan

PRODUCTS = tuple(Product(f"SKU-{number}", 500 + 100 * number, 1 / number) for number in range(1, 101))
KINDS: list[Kind] = ["poisson", "constant", "ramp", "spike", "on_off"]


def times(kind: Kind, rate: float, peak: float, seconds: float, *, seed: int = 1) -> list[float]:
    profile = profile_of(kind, rate, peak, seconds, spike=(seconds / 4, seconds / 4), on_off=(1.0, 2.0))
    return list(
        takewhile(lambda at_s: at_s < seconds, arrivals(random.Random(seed), profile, regular=kind == "constant"))
    )


@pytest.mark.parametrize("kind", KINDS)
@given(rate=st.floats(0.5, 50), peak=st.floats(0.5, 200), seconds=st.floats(0.5, 30), seed=st.integers(0, 2**31))
def test_arrivals_come_in_order_and_never_before_the_start(
    kind: Kind, rate: float, peak: float, seconds: float, seed: int
) -> None:
    found = times(kind, rate, peak, seconds, seed=seed)
    assert found == sorted(found)
    assert all(at_s >= 0 for at_s in found)


def test_constant_arrivals_are_even() -> None:
    found = times("constant", 10, 10, 5)
    assert [round(at_s, 6) for at_s in found[:4]] == [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize(
    ("kind", "expected"), [("poisson", 2000), ("constant", 2000), ("ramp", 6000), ("spike", 4000), ("on_off", 4667)]
)
def test_as_many_come_as_the_rate_says(kind: Kind, expected: int) -> None:
    found = len(times(kind, 20, 100, 100))
    assert abs(found - expected) < 5 * expected**0.5 + 2  # five standard deviations of a Poisson count


def test_a_spike_is_where_it_was_planned() -> None:
    found = times("spike", 10, 200, 40)
    assert sum(10 <= at_s < 20 for at_s in found) > 1800
    assert sum(at_s < 10 or at_s >= 20 for at_s in found) < 400


def test_the_rate_goes_on_after_the_last_piece() -> None:
    profile = profile_of("ramp", 5, 50, 10)
    last = list(islice(arrivals(random.Random(3), profile), 2000))[-1]
    assert 10 + (2000 - 275) / 50 - 5 < last < 10 + (2000 - 275) / 50 + 5


@given(first=st.floats(0.1, 50), last=st.floats(0.1, 50), seconds=st.floats(0.1, 20), share=st.floats(0, 1))
def test_a_piece_holds_what_its_rate_makes(first: float, last: float, seconds: float, share: float) -> None:
    piece = Piece(seconds, first, last)
    at_s = piece.reached_after(share * piece.expected)
    reached = at_s * (first + (last - first) * at_s / seconds / 2)
    assert reached == pytest.approx(share * piece.expected, rel=1e-6, abs=1e-6)


def test_a_shape_with_a_peak_needs_its_rate() -> None:
    with pytest.raises(ValidationError, match="peak_rate_per_s"):
        Shape(arrivals="ramp")
    with pytest.raises(ValidationError, match="peak_for_s"):
        Shape(arrivals="spike", peak_rate_per_s=10)
    with pytest.raises(ValidationError, match="nothing else has one"):
        Shape(peak_rate_per_s=10)


def test_zipf_decides_how_popular_the_popular_are() -> None:
    def top_share(zipf: float) -> float:
        orders = list(plan(1, Shape(rate_per_s=50, seconds=10, zipf=zipf), PRODUCTS))
        lines = [line["sku"] for order in orders for line in order.body["lines"]]
        return lines.count("SKU-1") / len(lines)

    assert top_share(0.0) < 0.05 < 0.2 < top_share(2.0)


def test_what_the_manager_does_is_planned() -> None:
    orders = plan(1, Shape(large_share=1.0, manager="never"), PRODUCTS)
    decisions = [order.decision for order in orders]
    assert {decision.answers for decision in decisions if decision} == {"never"}
    assert Decision(approve=True, delay_s=1).answers == "once"
