import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.statistics.calibration import coverage
from lab.statistics.paired import Interval, PairedMean

COUNT = 512
differences = st.lists(st.floats(-5, 5, allow_subnormal=False).map(lambda x: round(x, 3)), min_size=2, max_size=16)


@given(differences, st.sampled_from([0.05, 0.01, 0.05 / 24]))
def test_p_and_interval_agree_at_every_level(figures: list[float], alpha: float) -> None:
    mean = PairedMean(np.array(figures), COUNT)
    interval = mean.interval(1 - alpha)
    near = 1e-9
    if not any(abs(end) < near for end in (interval.low, interval.high)):
        assert (mean.p_value <= alpha) == (not interval.contains(0.0))


@given(differences)
def test_signs_turned_turn_the_interval(figures: list[float]) -> None:
    one, other = PairedMean(np.array(figures), COUNT), PairedMean(-np.array(figures), COUNT)
    assert one.mean == pytest.approx(-other.mean)
    assert min(one.smallest_p, other.smallest_p) <= one.p_value <= 1
    if one.blocks <= 14:  # all subsets are taken: nothing but the bootstrap is drawn
        assert one.smallest_p == other.smallest_p


def test_five_blocks_bound_nothing_at_95_percent() -> None:
    assert PairedMean(np.array([1.0, 1.1, 0.9, 1.2, 1.0])).interval(0.95) == Interval(-math.inf, math.inf)


def test_the_smallest_p_is_that_of_the_sign_test() -> None:
    assert PairedMean(np.arange(1.0, 11.0)).smallest_p == 2**-9
    assert PairedMean(np.array([0.0] * 7 + [1.0] * 3)).smallest_p == 0.25


def test_blocks_without_any_difference_are_no_finding() -> None:
    assert PairedMean(np.zeros(20)).p_value == 1.0


def test_a_constant_difference_is_found_by_its_signs_alone() -> None:
    assert PairedMean(np.full(10, 3.0)).p_value == pytest.approx(2**-9)


def test_one_block_says_nothing() -> None:
    alone = PairedMean(np.array([3.0]))
    assert (alone.p_value, alone.interval(0.95)) == (1.0, Interval(-math.inf, math.inf))


@pytest.mark.long
@pytest.mark.parametrize("blocks", [10, 20])
@pytest.mark.parametrize(
    "name",
    [
        "normal",
        "log ratio of skewed latencies",
        "difference of skewed latencies",
        "skewed, one arm only (log-normal, 0.5)",
        "exponential, one arm only",
        "heavy tails (t, 3 degrees)",
    ],
)
def test_the_95_percent_interval_covers_between_93_and_97(name: str, blocks: int) -> None:
    assert 0.93 <= coverage(name, blocks, experiments=2000).share <= 0.97


@pytest.mark.parametrize("name", ["log ratio of skewed latencies", "difference of skewed latencies"])
def test_few_simulated_experiments_cover_about_as_often(name: str) -> None:
    found = coverage(name, 10, experiments=150)
    assert 0.89 <= found.share <= 1.0
