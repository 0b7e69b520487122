"""Runs an experiment trial by trial, keeps each as soon as it is done, and goes on where an earlier run was stopped."""

import asyncio
import shutil
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any, Final

from lab.errors import BadInput, LabError
from lab.experiment.design import Design, Slot
from lab.experiment.manifest import fsync_ms, load_average, sources_digest, surroundings
from lab.experiment.on_containers import DURABILITY, run_on_containers
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
    folder = unfinished(home, design)
    if folder is None:
        folder = _begin(home, design, more or {})
    else:
        _note(folder, "resumed", at=_now(), load_average=load_average())
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
            trial = await _tried(_run_slot(design, slot, folder, place, on_run), folder, slot)
            took.append(time.monotonic() - began)
            done.add(slot.name)
            left = left_s(design, took, open_slots - 1)
            on_progress(Progress(slot, number, len(slots), left, trial, took[-1]))
    finally:
        shutil.rmtree(folder / WORK, ignore_errors=True)
    _end(folder)
    return folder


async def _tried(run: Coroutine[Any, Any, Trial], folder: Path, slot: Slot) -> Trial:
    """A trial that does not come to its end is noted: who leaves out what went wrong may choose what is left."""
    try:
        return await run
    except asyncio.CancelledError:
        _note(folder, "broken_off", trial=slot.name, at=_now(), why="stopped")
        raise
    except LabError as error:
        _note(folder, "broken_off", trial=slot.name, at=_now(), why=str(error))
        raise Unfinished(f"trial {slot.name}: {error}", error.exit_code) from error


class Unfinished(LabError):
    """A trial failed; what was finished before is kept."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def left_s(design: Design, took: Sequence[float], slots: int) -> float:
    """How long the rest will take, by the trials so far."""
    each_s = mean(took) if took else design.scenario.load.seconds + BESIDE_LOAD_S
    return each_s * slots


def unfinished(home: Path, design: Design) -> Path | None:
    """The newest experiment of exactly this design and this code that was stopped before its end."""
    wanted, code = design.to_json(), sources_digest()
    for folder in reversed(experiments(home)):
        manifest = load_manifest(folder)
        same = manifest.get("design") == wanted and manifest.get("sources") == code
        if same and manifest.get("finished_at") is None:
            return folder
    return None


def _begin(home: Path, design: Design, more: Mapping[str, Any]) -> Path:
    name = f"{design.scenario.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder, number = home / FOLDER / name, 1
    while folder.exists():
        number += 1
        folder = home / FOLDER / f"{name}-{number}"
    folder.mkdir(parents=True)
    around = surroundings(folder)
    if design.target == "compose":
        around["durability"] |= DURABILITY
    about = {"design": design.to_json(), "started_at": _now(), "finished_at": None, **around, **more}
    seeds = [slot.seed for slot in design.slots() if slot.position == 0]
    save_manifest(folder, {**about, "seeds": seeds})
    return folder


def _end(folder: Path) -> None:
    ended = {"finished_at": _now(), "load_average_after": load_average(), "fsync_ms_median_after": fsync_ms(folder)}
    save_manifest(folder, {**load_manifest(folder), **ended})


def _note(folder: Path, heading: str, **facts: Any) -> None:
    manifest = load_manifest(folder)
    save_manifest(folder, {**manifest, heading: [*manifest.get(heading, []), facts]})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


async def _run_slot(design: Design, slot: Slot, folder: Path, place: Place, on_run: Callable[[Run], None]) -> Trial:
    path = folder / WORKLOADS / f"{slot.block:04d}.jsonl"
    block_plan(path, design.scenario, slot.seed)
    also = _shown_before(folder, slot)
    if design.target == "compose":
        done = await run_on_containers(slot, design.scenario, path, on_run=on_run, also=also)
    else:
        done = await run_trial(
            slot,
            design.scenario,
            path,
            work=folder / WORK,
            logs=folder / LOGS,
            port_base=place.port_base,
            on_run=on_run,
            also=also,
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
    """Timing aside. Raises ``BadInput`` where one of them is no finished experiment."""
    must_be_finished(first)
    must_be_finished(second)
    return Sameness(
        workloads=_files(first / WORKLOADS) == _files(second / WORKLOADS),
        faults=_files(first / TRIALS, "*/faults.csv") == _files(second / TRIALS, "*/faults.csv"),
        outcomes=_outcomes(load(first)) == _outcomes(load(second)),
    )


def must_be_finished(folder: Path) -> None:
    """Raises ``BadInput``."""
    if load_manifest(folder).get("finished_at") is None:
        raise BadInput(f"{folder.name} is not finished: the command that began it goes on")


def _files(folder: Path, pattern: str = "*") -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob(pattern))}


def _outcomes(experiment: Experiment) -> dict[tuple[int, str, str], tuple[str, tuple[str, ...]]]:
    return {
        (trial.block, trial.arm, order.order_id): (order.outcome, order.anomalies)
        for trial in experiment.trials
        for order in trial.orders
    }
