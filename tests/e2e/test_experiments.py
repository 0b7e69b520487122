"""Experiments on real lanes: a rerun meets the same, an interrupted one goes on, the load comes as planned."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.experiment.runner import compare
from lab.experiment.store import TRIALS, experiments, finished, load, load_manifest
from tests.free_ports import free_port_base

# Refusals and errors by the dice, no stock that runs out: nothing in it depends on timing.
SCENARIO = """
name = "short"
title = "refusals and errors"
asks = "Is a rerun the same?"
[conditions]
time_scale = 0.1
stock_scale = 50.0
[load]
rate_per_s = 10.0
seconds = 4.0
large_share = 0.2
manager_delay_s = [0.1, 0.3]
[phases]
warm_up_s = 1.0
[settle]
within_s = 40.0
quiet_s = 13.0
[[faults]]
service = "warehouse"
kind = "refusal"
operation = "reserve"
probability = 0.2
[[faults]]
service = "payment"
kind = "error"
operation = "charge"
probability = 0.2
"""
PROMPTLY_S = 120.0


def lab(home: Path, *arguments: str) -> list[str]:
    options = ["--home", str(home), "--port-base", str(free_port_base())]
    return [sys.executable, "-m", "lab", *arguments, *options]


def said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(SCENARIO)
    return path


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_rerun_meets_the_same_orders_faults_and_outcomes(tmp_path: Path, scenario: Path) -> None:
    home = tmp_path / "home"
    said(lab(home, "run", str(scenario), "--blocks", "1"))
    text = said(lab(home, "rerun", "latest"))
    assert text.count(": the same") == 3, text
    first, second = experiments(home)
    assert all(vars(compare(first, second)).values())
    for trial in load(second).trials:
        assert trial.clean
        assert trial.measures["anomalies"] == trial.measures["lost"] == 0
        assert (trial.measures["generator_cpu_share"] or 0) < 0.4
        assert {"warm-up", "steady", "audit"} <= {window.label for window in trial.windows}
        faults = second / TRIALS / f"{trial.block:04d}-{trial.arm}" / "faults.csv"
        assert len(faults.read_text().splitlines()) > 5
    by_arm = {trial.arm: {row.order_id: row.outcome for row in trial.orders} for trial in load(second).trials}
    assert by_arm["choreography"] == by_arm["orchestration"]  # the same dice: the same ends in both lanes


@pytest.mark.long
@pytest.mark.timeout(900)
def test_what_was_interrupted_goes_on(tmp_path: Path, scenario: Path) -> None:
    home = tmp_path / "home"
    command = lab(home, "run", str(scenario), "--blocks", "2", "--lanes", "choreography")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        until_one_is_done(home)
        os.kill(running.pid, signal.SIGINT)
        text, _ = running.communicate(timeout=PROMPTLY_S)
    assert running.returncode == 130, text
    assert "the same command goes on" in text
    (folder,) = experiments(home)
    assert len(finished(folder)) == 1
    assert not (folder / ".work").exists()
    assert "going on with" in said(command)
    assert experiments(home) == [folder]
    assert [trial.block for trial in load(folder).trials] == [0, 1]
    manifest = load_manifest(folder)
    assert len(manifest["resumed"]) == 1
    assert [each["why"] for each in manifest["broken_off"]] == ["stopped"]
    assert (folder / "report" / "report.html").is_file()


def until_one_is_done(home: Path) -> None:
    deadline = time.monotonic() + PROMPTLY_S
    while not any(finished(folder) for folder in experiments(home)):
        assert time.monotonic() < deadline, "no trial was finished"
        time.sleep(0.1)
