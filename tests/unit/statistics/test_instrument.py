"""Known answers: an arm against itself, and one slowed on purpose."""

import numpy as np

from lab.statistics.instrument import against_itself, slowed
from lab.statistics.synthetic import Truth, experiment_of
from lab.statistics.verdict import Verdict, verdicts

COUNT = 2**11


def found(truth: Truth) -> tuple[Verdict, ...]:
    return verdicts(experiment_of(truth, np.random.default_rng(1)), count=COUNT)


def test_an_arm_against_itself_holds_where_nothing_is_found() -> None:
    assert against_itself(found(Truth(12))).holds
    wrong = against_itself(found(Truth(12, {"cpu_ms_per_order": 2.0})))
    assert not wrong.holds
    assert "cpu_ms_per_order" in wrong.told


def test_an_arm_that_was_never_compared_does_not_hold() -> None:
    assert not against_itself(found(Truth(1))).holds


def test_the_slowed_arm_must_be_the_slower_one() -> None:
    slower = found(Truth(12, {"latency_p50_s": 1.3}))
    assert slowed(slower, "second").holds
    assert not slowed(slower, "first").holds
    assert not slowed(found(Truth(12)), "second").holds
