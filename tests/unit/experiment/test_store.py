"""What is written can be read again, and half a trial is none."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import BadInput
from lab.experiment.design import Design, arms_of
from lab.experiment.manifest import sources_digest
from lab.experiment.records import OrderRow, Sample, Trial, Window, WorstOrder
from lab.experiment.runner import compare, unfinished
from lab.experiment.store import FOLDER, TRIALS, find, finished, load, load_manifest, save_manifest, save_trial
from lab.scenario import load_scenario

CALM = load_scenario("calm")
DESIGN = Design(CALM, arms_of(CALM, ()), 2, 1)
ORDER = OrderRow(
    order_id="o1",
    planned_s=0.25,
    left_s=0.26,
    answered_s=None,
    placed="accepted",
    ended_s=1.5,
    outcome="fulfilled",
    total_cents=1234,
    anomalies=("stuck", "lost"),
    faults_met=2,
    managed=True,
    failed_s=0.75,
)
TRIAL = Trial(
    block=1,
    position=0,
    arm="orchestration",
    seed=5,
    started_at=1000.5,
    measures={"anomalies": 0.0, "recovery_s": None},
    anomalies={"stuck": 1},
    outcomes={"fulfilled": 1},
    orders=(ORDER, replace(ORDER, order_id="o2", anomalies=(), ended_s=None, outcome="open")),
    windows=(Window("phase", "steady", 2.0, 10.0),),
    samples=(Sample(0.0, 1, 0, 1, 0), Sample(1.0, 0, 1, 0, 2, 1234)),
    worst=(WorstOrder("o1", "stuck", "a story\nof <b>two</b> lines"),),
    load_average=1.5,
    clean=False,
)
FAULT = {"order_id": "o1", "operation": "charge", "attempt": 1, "kind": "error", "point": None, "at": "now"}


def begun(folder: Path, design: Design = DESIGN, finished_at: str | None = None) -> Path:
    manifest = {"design": design.to_json(), "sources": sources_digest(), "finished_at": finished_at}
    save_manifest(folder, manifest)
    return folder


def test_a_trial_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = begun(tmp_path / "x")
    save_trial(folder, "0001-orchestration", TRIAL, [FAULT])
    experiment = load(folder)
    assert experiment.trials == (TRIAL,)
    assert experiment.of("orchestration") == (TRIAL,)
    assert (experiment.scenario, experiment.paired) == ("calm", True)
    assert [arm.name for arm in experiment.arms] == ["choreography", "orchestration"]


def test_half_a_trial_is_none(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    save_trial(folder, "0001-orchestration", TRIAL, [])
    (folder / TRIALS / "0001-orchestration").rename(folder / TRIALS / ".partial-0001-orchestration")
    assert finished(folder) == set()
    save_trial(folder, "0001-orchestration", TRIAL, [])
    assert finished(folder) == {"0001-orchestration"}


def test_trials_are_in_order_whatever_they_are_called(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    for number, position in ((1, 1), (1, 0), (0, 0)):
        save_trial(folder, f"{number:04d}-{'ab'[1 - position]}", replace(TRIAL, block=number, position=position), [])
    assert [(trial.block, trial.position) for trial in load(folder).trials] == [(0, 0), (1, 0), (1, 1)]


def test_an_unfinished_experiment_of_the_same_design_is_gone_on_with(tmp_path: Path) -> None:
    mine = begun(tmp_path / FOLDER / "calm-1")
    begun(tmp_path / FOLDER / "calm-2", replace(DESIGN, seed=2))
    begun(tmp_path / FOLDER / "calm-3", finished_at="then")
    assert unfinished(tmp_path, DESIGN) == mine
    assert unfinished(tmp_path, replace(DESIGN, blocks=3)) is None


def test_other_code_does_not_go_on_with_it(tmp_path: Path) -> None:
    folder = begun(tmp_path / FOLDER / "calm-1")
    save_manifest(folder, {**load_manifest(folder), "sources": "of yesterday"})
    assert unfinished(tmp_path, DESIGN) is None


def test_what_is_not_finished_is_compared_with_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="calm-1 is not finished"):
        compare(begun(tmp_path / "calm-1"), begun(tmp_path / "calm-2", finished_at="then"))


def test_an_experiment_is_found_by_name_path_or_as_the_latest(tmp_path: Path) -> None:
    folder = begun(tmp_path / FOLDER / "calm-1")
    assert find(tmp_path, "calm-1") == find(tmp_path, str(folder)) == find(tmp_path, "latest") == folder
    with pytest.raises(BadInput, match="there are: calm-1"):
        find(tmp_path, "calm-2")


def test_what_is_no_experiment_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no experiment in"):
        load(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(BadInput, match="cannot read"):
        load_manifest(tmp_path)


def test_two_runs_are_the_same_only_where_nothing_but_time_differs(tmp_path: Path) -> None:
    first, second = (begun(tmp_path / name, finished_at="then") for name in "ab")
    save_trial(first, "0001-orchestration", TRIAL, [FAULT, {**FAULT, "order_id": "o2"}])
    later = replace(TRIAL, started_at=9.0, orders=tuple(replace(row, left_s=0.5) for row in TRIAL.orders))
    save_trial(second, "0001-orchestration", later, [{**FAULT, "order_id": "o2", "at": "later"}, FAULT])
    assert all(vars(compare(first, second)).values())
    save_trial(second, "0001-orchestration", replace(later, orders=later.orders[:1]), [FAULT])
    same = compare(first, second)
    assert (same.workloads, same.faults, same.outcomes) == (True, False, False)
