"""Runs an experiment trial by trial, keeps each as soon as it is done, and goes on where an earlier run was stopped."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any, Final

from lab.experiment.design import Design, Slot
from lab.experiment.manifest import load_average, surroundings
from lab.experiment.records import Experiment, Trial
from lab.experiment.store import (
    FOLDER,
    LOGS,
    TRIALS,
    WORKLOADS,
    experiments,
    finished,
    load,
    load_manifest,
    save_manifest,
    save_trial,
)
from lab.experiment.trial_run import WORK, block_plan, run_trial
from lab.trial import Run

# What a trial takes beside its load: a start, a rest, an end. Only for the first forecast.
BESIDE_LOAD_S: Final = 15.0


@dataclass(frozen=True)
class Place:
    """Where an experiment runs: its results go to ``home``, its lanes listen from ``port_base`` on."""

    home: Path
    port_base: int


@dataclass(frozen=True)
class Progress:
    """``trial`` None: the slot begins now."""

    slot: Slot
    number: int
    of: int
    left_s: float
    trial: Trial | None = None
    took_s: float = 0.0


OnProgress = Callable[[Progress], None]


async def run_experiment(
    design: Design,
    place: Place,
    on_progress: OnProgress,
    on_run: Callable[[Run], None] = lambda _: None,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """The folder with the results. Raises ``LabError``; what is finished is kept then, also when it is cancelled.

    An unfinished experiment of the same design in this home is gone on with. ``more`` is added to the manifest.
    """
    home = place.home.resolve()
    folder = unfinished(home, design) or _begin(home, design, more or {})
    done = finished(folder)
    slots = list(design.slots())
    took: list[float] = []
    try:
        for number, slot in enumerate(slots, 1):
            if slot.name in done:
                continue
            open_slots = sum(each.name not in done for each in slots)
            on_progress(Progress(slot, number, len(slots), left_s(design, took, open_slots)))
            began = time.monotonic()
            trial = await _run_slot(design, slot, folder, place, on_run)
            took.append(time.monotonic() - began)
            done.add(slot.name)
            left = left_s(design, took, open_slots - 1)
            on_progress(Progress(slot, number, len(slots), left, trial, took[-1]))
    finally:
        shutil.rmtree(folder / WORK, ignore_errors=True)
    _end(folder)
    return folder


def left_s(design: Design, took: Sequence[float], slots: int) -> float:
    """How long the rest will take, by the trials so far."""
    each_s = mean(took) if took else design.scenario.load.seconds + BESIDE_LOAD_S
    return each_s * slots


def unfinished(home: Path, design: Design) -> Path | None:
    """The newest experiment of exactly this design that was stopped before its end."""
    wanted = design.to_json()
    for folder in reversed(experiments(home)):
        manifest = load_manifest(folder)
        if manifest.get("finished_at") is None and manifest.get("design") == wanted:
            return folder
    return None


def _begin(home: Path, design: Design, more: Mapping[str, Any]) -> Path:
    name = f"{design.scenario.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder, number = home / FOLDER / name, 1
    while folder.exists():
        number += 1
        folder = home / FOLDER / f"{name}-{number}"
    folder.mkdir(parents=True)
    about = {"design": design.to_json(), "started_at": _now(), "finished_at": None, **surroundings(folder), **more}
    seeds = [slot.seed for slot in design.slots() if slot.position == 0]
    save_manifest(folder, {**about, "seeds": seeds})
    return folder


def _end(folder: Path) -> None:
    manifest = load_manifest(folder)
    save_manifest(folder, {**manifest, "finished_at": _now(), "load_average_after": load_average()})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


async def _run_slot(design: Design, slot: Slot, folder: Path, place: Place, on_run: Callable[[Run], None]) -> Trial:
    path = folder / WORKLOADS / f"{slot.block:04d}.jsonl"
    block_plan(path, design.scenario, slot.seed)
    done = await run_trial(
        slot,
        design.scenario,
        path,
        work=folder / WORK,
        logs=folder / LOGS,
        port_base=place.port_base,
        on_run=on_run,
        also=_shown_before(folder, slot),
        traces=design.traces,
    )
    save_trial(folder, slot.name, done.trial, done.faults)
    return done.trial


def _shown_before(folder: Path, slot: Slot) -> list[str]:
    """The orders whose stories an earlier arm of this block told."""
    earlier = [trial for trial in load(folder).trials if trial.block == slot.block] if slot.position else []
    return [order.order_id for trial in earlier for order in trial.worst]


@dataclass(frozen=True)
class Sameness:
    """Whether two experiments of one design met the same, trial by trial."""

    workloads: bool
    faults: bool
    outcomes: bool


def compare(first: Path, second: Path) -> Sameness:
    """Timing aside. Raises ``BadInput`` where one of them is no experiment."""
    return Sameness(
        workloads=_files(first / WORKLOADS) == _files(second / WORKLOADS),
        faults=_files(first / TRIALS, "*/faults.csv") == _files(second / TRIALS, "*/faults.csv"),
        outcomes=_outcomes(load(first)) == _outcomes(load(second)),
    )


def _files(folder: Path, pattern: str = "*") -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob(pattern))}


def _outcomes(experiment: Experiment) -> dict[tuple[int, str, str], tuple[str, tuple[str, ...]]]:
    return {
        (trial.block, trial.arm, order.order_id): (order.outcome, order.anomalies)
        for trial in experiment.trials
        for order in trial.orders
    }
