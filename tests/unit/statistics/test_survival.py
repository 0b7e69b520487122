import numpy as np
import pytest
from scipy import stats

from lab.experiment.records import OrderRow, Trial, Window
from lab.statistics.survival import Lifetimes, lifetimes, survival

# Freireich et al. 1963, weeks in remission under 6-mercaptopurine; + is censored. In every textbook on survival.
WEEKS = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
ENDED = [1] * 9 + [0] * 12


def _lives(weeks: list[int], ended: list[int]) -> Lifetimes:
    return Lifetimes(np.array(weeks, dtype=np.float64), np.array(ended, dtype=np.float64))


def test_the_textbook_example() -> None:
    found = survival([_lives(WEEKS, ENDED)])
    assert found is not None
    at = dict(zip(found.at_s.tolist(), found.open.tolist(), strict=True))
    assert [round(at[week], 4) for week in (6, 7, 10, 13, 16, 22, 23)] == [
        0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482,
    ]  # fmt: skip
    assert found.median_s() == 23
    assert (found.orders, found.censored) == (21, 12)


def test_pooled_over_trials_it_is_scipys() -> None:
    rng = np.random.default_rng(1)
    trials = [_lives(rng.integers(1, 30, 40).tolist(), rng.integers(0, 2, 40).tolist()) for _ in range(5)]
    found = survival(trials)
    assert found is not None
    seconds, ended = (np.concatenate([getattr(trial, name) for trial in trials]) for name in ("seconds", "ended"))
    theirs = stats.ecdf(stats.CensoredData.right_censored(seconds, ended == 0)).sf
    assert found.open == pytest.approx(theirs.evaluate(found.at_s))


def test_the_band_is_of_trials_not_of_orders() -> None:
    """Ten trials whose orders all end together say ten things, however many orders each has."""
    alike = [_lives([5] * 1000 if index % 2 else [15] * 1000, [1] * 1000) for index in range(10)]
    found = survival(alike)
    assert found is not None
    assert found.high[0] - found.low[0] > 0.4


def test_an_order_without_a_right_outcome_is_open_to_the_horizon() -> None:
    rows = (
        OrderRow("a", 1, 1, 1, "accepted", 3.0, "fulfilled", 100),
        OrderRow("b", 2, 2, 2, "accepted", 4.0, "inconsistent", 100),
        OrderRow("c", 3, 3, 3, "accepted", None, "open", 100),
        OrderRow("d", 4, 4, 4, "refused", None, "none", 100),
    )
    lives = lifetimes(Trial(0, 0, "a", 1, 0.0, {}, orders=rows, windows=(Window("phase", "drain", 0, 20),)))
    assert lives.seconds.tolist() == [2, 18, 17]
    assert lives.ended.tolist() == [1, 0, 0]


def test_no_orders_no_curve() -> None:
    assert survival([]) is None
