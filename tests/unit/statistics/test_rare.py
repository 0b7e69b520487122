import pytest

from lab.statistics.rare import exact_share, rule_of_three


def test_clopper_and_pearsons_own_interval() -> None:
    share = exact_share(10, 100)
    assert (share.low, share.high) == (pytest.approx(0.0490, abs=1e-4), pytest.approx(0.1762, abs=1e-4))


@pytest.mark.parametrize("orders", [30, 1000, 100_000])
def test_no_case_is_bounded_by_three_in_n(orders: int) -> None:
    share = exact_share(0, orders)
    assert share.low == 0
    assert share.high == pytest.approx(1 - 0.05 ** (1 / orders))
    assert share.high <= rule_of_three(orders)


def test_none_of_none_may_be_anything() -> None:
    assert exact_share(0, 0).high == 1
