from dataclasses import replace

from lab.experiment.records import Experiment
from lab.report.arms import arm_rows, cell_text
from lab.report.tables import as_csv, bound_rows
from lab.report.threats import threats
from lab.report.together import together, together_csv
from lab.report.worst import worst_orders
from tests.unit.report.made_up import experiment

SMALL = experiment(blocks=4, orders=40)


def _seen(of: Experiment) -> str:
    return "\n".join(each.text for each in threats(of, ()) if each.kind == "seen")


def _with_measure(name: str, value: float | None) -> Experiment:
    first, *rest = SMALL.trials
    return replace(SMALL, trials=(replace(first, measures={**first.measures, name: value}), *rest))


def test_a_quiet_experiment_shows_only_what_always_holds() -> None:
    assert "departures" not in _seen(SMALL)
    assert any(each.kind == "always" for each in threats(SMALL, ()))


def test_late_departures_are_a_threat_that_was_seen() -> None:
    assert "Late departures: at most 2 %" in _seen(_with_measure("late_departures_share", 0.02))


def test_a_busy_generator_and_a_busy_machine_are_said() -> None:
    assert "load generator" in _seen(_with_measure("generator_cpu_share", 0.6))
    assert "Others were at work" in _seen(replace(SMALL, manifest={**SMALL.manifest, "load_average_before": [9.0]}))


def test_a_machine_that_did_something_else_meanwhile_is_said() -> None:
    assert "anything else: at most 30 %" in _seen(_with_measure("others_cpu_share", 0.3))


def test_a_trial_that_was_run_again_is_named() -> None:
    broken = {"broken_off": [{"trial": "0003-choreography", "why": "stopped", "at": "now"}]}
    assert "Trial 0003-choreography" in _seen(replace(SMALL, manifest={**SMALL.manifest, **broken}))


def test_a_trial_that_was_not_clean_is_said() -> None:
    first, *rest = SMALL.trials
    assert "1 of 4 trials were not clean" in _seen(replace(SMALL, trials=(replace(first, clean=False), *rest)))


def test_what_a_scenario_cannot_make_equal_is_said() -> None:
    scenario = {"machinery": [{"do": "kill", "target": "decider"}], "conditions": {"time_scale": 0.1}}
    text = _seen(replace(SMALL, manifest={**SMALL.manifest, "design": {"scenario": scenario}}))
    assert "one of two conductors" in text
    assert "Retry waits are shortened" in text


def test_every_arm_is_told_by_itself_even_alone() -> None:
    arm = SMALL.arms[0]
    alone = replace(SMALL, arms=(arm,), trials=SMALL.of(arm.name))
    assert {row.name for row in arm_rows(alone)} >= {"anomalies", "latency_p50_s"}
    assert {row.arm for row in bound_rows(alone)} == {arm.name}


def test_an_unfinished_experiment_is_said() -> None:
    assert "Not finished: 7 of 8 trials" in _seen(replace(SMALL, trials=SMALL.trials[:-1]))


def test_an_arm_that_always_went_first_is_said() -> None:
    trials = tuple(replace(trial, position=int(trial.arm == "choreography")) for trial in SMALL.trials)
    assert "orchestration ran before choreography in 4 of 4 blocks" in _seen(replace(SMALL, trials=trials))


def test_unpaired_faults_and_handicaps_are_said() -> None:
    assert "kept apart" in _seen(replace(SMALL, paired=False))
    slowed = replace(SMALL.arms[0], handicap=0.1)
    assert "slowed on purpose" in _seen(replace(SMALL, arms=(slowed, SMALL.arms[1])))


def test_worst_orders_are_told_by_every_arm_in_turn() -> None:
    found = worst_orders(experiment(blocks=6, orders=120), at_most=4)
    assert len(found) == 4
    for each in found:
        assert [telling.arm for telling in each.tellings] == ["orchestration", "choreography"]
        assert any(telling.story for telling in each.tellings)


def test_two_experiments_are_held_together_arm_by_arm() -> None:
    other = replace(experiment(blocks=4, orders=40, seed=9), name="other", manifest={**SMALL.manifest, "rate": 20})
    found = together(SMALL, other)
    lanes = ("orchestration", "choreography")
    assert [(each.experiment, each.arm) for each in found.columns] == [
        *(("made-up", lane) for lane in lanes),
        *(("other", lane) for lane in lanes),
    ]
    assert found.settings == (("rate", "–", "20"),)
    measure, cells = next(found.rows())
    assert measure.name == "anomalies"
    assert all("trials" in cell_text(cell, measure) for cell in cells)
    assert together_csv(found).startswith("measure,unit,experiment,arm,mean")


def test_a_spreadsheet_does_not_take_a_text_for_a_formula() -> None:
    assert as_csv([["=1+1", -1.0, "ok"]]) == "'=1+1,-1.0,ok\n"
