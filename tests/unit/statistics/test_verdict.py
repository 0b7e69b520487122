import math
from dataclasses import replace

import numpy as np
import pytest

from lab.experiment.measures import MEASURES
from lab.experiment.records import Arm, Experiment
from lab.statistics.calibration import any_finding, finding_of
from lab.statistics.synthetic import Truth, experiment_of
from lab.statistics.verdict import Verdict, verdicts
from lab.statistics.wording import sentence

COUNT = 2**11


def made(truth: Truth, seed: int = 1) -> Experiment:
    return experiment_of(truth, np.random.default_rng(seed))


def of(experiment: Experiment, measure: str) -> Verdict:
    return next(each for each in verdicts(experiment, count=COUNT) if each.measure.name == measure)


def test_one_for_each_measure_and_pair_of_arms() -> None:
    experiment = made(Truth(6))
    third = [replace(trial, arm="third") for trial in experiment.of("first")]
    three = replace(
        experiment, arms=(*experiment.arms, Arm("third", "orchestration")), trials=(*experiment.trials, *third)
    )
    found = verdicts(three, count=COUNT)
    assert len(found) == 3 * len(MEASURES)
    assert {(each.first, each.second) for each in found} == {
        ("first", "second"), ("first", "third"), ("second", "third"),
    }  # fmt: skip


def test_a_slower_arm_is_found_and_the_other_named() -> None:
    verdict = of(made(Truth(20, {"latency_p50_s": 1.3})), "latency_p50_s")
    assert (verdict.status, verdict.better) == ("different", "first")
    assert verdict.interval is not None
    assert verdict.interval.contains(1.3)
    assert sentence(verdict).startswith("first: ")
    assert "lower than second" in sentence(verdict)


def test_higher_is_better_where_the_measure_says_so() -> None:
    assert of(made(Truth(20, {"finished_per_s": 1.3})), "finished_per_s").better == "second"


def test_what_tells_of_the_instrument_is_shown_and_not_compared() -> None:
    verdict = of(made(Truth(20, {"generator_cpu_share": 0.5})), "generator_cpu_share")
    assert (verdict.status, verdict.better, verdict.p_adjusted) == ("not compared", None, None)
    assert "tells of the instrument" in sentence(verdict)


@pytest.mark.parametrize("blocks", [2, 6])
def test_few_blocks_say_that_they_cannot_show_it(blocks: int) -> None:
    verdict = of(made(Truth(blocks, {"latency_p50_s": 3.0})), "latency_p50_s")
    assert verdict.status == "cannot show"
    assert f"{blocks} blocks cannot show" in sentence(verdict)
    assert verdict.blocks_needed > blocks


def test_turning_the_arms_turns_the_verdict() -> None:
    experiment = made(Truth(20, {"latency_p50_s": 1.3}))
    turned = replace(experiment, arms=experiment.arms[::-1])
    one, other = (of(each, "latency_p50_s") for each in (experiment, turned))
    assert one.estimate == pytest.approx(1 / (other.estimate or 0))
    assert one.better == other.better == "first"


def test_the_adjusted_interval_agrees_with_the_verdict() -> None:
    for seed in range(2):
        factors = {"latency_p50_s": 1.06, "latency_p99_s": 1.2, "cpu_ms_per_order": 0.9, "anomalies": 3.0}
        for each in verdicts(made(Truth(12, factors), seed), count=COUNT):
            if each.adjusted is not None and each.interval is not None:
                assert (each.status == "different") == (not each.adjusted.contains(each.neutral))
                assert each.adjusted.low <= each.interval.low
                assert each.adjusted.high >= each.interval.high


def test_lanes_whose_faults_are_not_paired_are_kept_apart() -> None:
    experiment = replace(made(Truth(20, {"latency_p50_s": 2.0})), paired=False)
    assert {each.status for each in verdicts(experiment, count=COUNT)} == {"kept apart", "not compared"}


def test_arms_of_one_lane_are_compared_whatever_the_faults() -> None:
    truth = Truth(20, {"latency_p50_s": 2.0}, lanes=("orchestration", "orchestration"))
    assert of(replace(made(truth), paired=False), "latency_p50_s").status == "different"


def test_blocks_without_a_figure_are_left_out_and_counted() -> None:
    experiment = made(Truth(12))
    first, *rest = experiment.trials
    holed = replace(experiment, trials=(replace(first, measures={**first.measures, "recovery_s": None}), *rest))
    verdict = of(holed, "recovery_s")
    assert (verdict.blocks, verdict.blocks_without) == (11, 1)
    assert "1 block has no figure" in sentence(verdict)


def test_blocks_alike_but_for_one_leave_a_ratio_unbounded() -> None:
    """Samples without that block have next to no scatter, and the studentized mean has no end."""
    experiment = made(Truth(12))
    rates = {("first", block): 10.0 for block in range(12)}
    rates |= {("second", block): 10.0 * (1 + 1e-9 * block) for block in range(12)}
    rates["second", 5] = 11.0
    alike = [
        replace(each, measures={**each.measures, "finished_per_s": rates[each.arm, each.block]})
        for each in experiment.trials
    ]
    verdict = of(replace(experiment, trials=tuple(alike)), "finished_per_s")
    assert verdict.status == "no detectable difference"
    assert verdict.adjusted is not None
    assert verdict.adjusted.high == math.inf


def test_nothing_lost_in_either_arm_is_an_upper_bound() -> None:
    experiment = made(Truth(10))
    clean = [
        replace(trial, measures={**trial.measures, "lost": 0.0}, outcomes={"fulfilled": 300})
        for trial in experiment.trials
    ]
    verdict = of(replace(experiment, trials=tuple(clean)), "lost")
    assert verdict.status == "no detectable difference"
    assert "None of 3,000 orders" in sentence(verdict)
    assert verdict.interval is None


def test_an_order_of_arms_is_all_that_names_do() -> None:
    """The same figures under other names and lanes give the same verdicts."""
    experiment = made(Truth(10, {"latency_p50_s": 1.2}))
    names = {"first": "choreography", "second": "orchestration"}
    renamed = replace(
        experiment,
        arms=tuple(Arm(names[arm.name], names[arm.name]) for arm in experiment.arms),
        trials=tuple(replace(trial, arm=names[trial.arm]) for trial in experiment.trials),
    )
    pairs = zip(verdicts(experiment, count=COUNT), verdicts(renamed, count=COUNT), strict=True)
    for one, other in pairs:
        assert sentence(other) == sentence(one).replace("first", "choreography").replace("second", "orchestration")


@pytest.mark.long
@pytest.mark.parametrize("blocks", [10, 20])
def test_a_against_a_finds_nothing_at_the_family_wise_level(blocks: int) -> None:
    assert any_finding(Truth(blocks), experiments=600).share <= 0.05


@pytest.mark.long
def test_ten_percent_slower_is_found_at_twenty_blocks() -> None:
    assert finding_of("latency_p50_s", Truth(20, {"latency_p50_s": 1.1}), experiments=200).share >= 0.9


def test_a_few_experiments_a_against_a_find_next_to_nothing() -> None:
    assert any_finding(Truth(10), experiments=6).share <= 0.25
