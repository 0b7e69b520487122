from hypothesis import given
from hypothesis import strategies as st

from lab.statistics.family import correct, family_size


def test_holm_steps_down() -> None:
    found = correct([(p, 0.0001) for p in (0.01, 0.04, 0.03, 0.005)], 0.05)
    assert [each.found for each in found] == [True, False, False, True]
    assert [each.divisor for each in found] == [3, 2, 2, 4]


def test_those_that_cannot_show_anything_do_not_cost_the_others_power() -> None:
    found = correct([(0.02, 0.002), (1.0, 1.0), (1.0, 1.0), (0.8, 0.5)], 0.05)
    assert found[0].found
    assert [each.able for each in found] == [True, False, False, False]


def test_few_blocks_leave_none_able() -> None:
    found = correct([(2**-5, 2**-5)] * 24, 0.05)
    assert not any(each.found or each.able for each in found)


def test_no_comparison_is_no_family() -> None:
    assert correct([], 0.05) == ()


@given(st.lists(st.floats(0.0001, 1.0), min_size=1, max_size=30))
def test_a_finding_is_one_at_the_level_it_was_decided_at(p_values: list[float]) -> None:
    for p, each in zip(p_values, correct([(p, 0.00001) for p in p_values], 0.05), strict=True):
        assert each.found == (p <= 0.05 / each.divisor) or abs(p - 0.05 / each.divisor) < 1e-12


@given(st.lists(st.floats(0.0001, 1.0), max_size=30))
def test_no_more_are_able_than_the_family_is_large(smallest: list[float]) -> None:
    size = family_size(smallest, 0.05)
    assert sum(least <= 0.05 / size for least in smallest) <= size
