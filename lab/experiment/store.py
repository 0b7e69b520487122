"""An experiment's folder: what it is, the plans that drove it, and every trial raw. Trials are whole or not there.

manifest.json            what an exact rerun needs; without it the folder is no experiment
workloads/0003.jsonl     the orders of block 3, as every arm of it met them
trials/0003-choreography/trial.json, orders.csv, samples.csv
"""

import csv
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from lab.errors import BadInput
from lab.experiment.records import Arm, Experiment, OrderRow, Sample, Trial, Window, WorstOrder

MANIFEST: Final = "manifest.json"
TRIALS: Final = "trials"
WORKLOADS: Final = "workloads"
TRIAL: Final = "trial.json"
ORDERS: Final = "orders.csv"
SAMPLES: Final = "samples.csv"
LOGS: Final = "logs"
FAULTS: Final = "faults.csv"
FOLDER: Final = "experiments"
FAULT_COLUMNS: Final = ("order_id", "operation", "attempt", "kind", "point")
PARTIAL: Final = ".partial"

Row = TypeVar("Row", OrderRow, Sample)


def save_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / MANIFEST, manifest)


def load_manifest(folder: Path) -> dict[str, Any]:
    """Raises ``BadInput`` where there is none."""
    path = folder / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise BadInput(f"no experiment in {folder}: it has no {MANIFEST}") from None
    except ValueError as error:
        raise BadInput(f"cannot read {path}: {error}") from None
    return content


def experiments(home: Path) -> list[Path]:
    """Every experiment of a home, oldest first."""
    return sorted(path.parent for path in (home / FOLDER).glob(f"*/{MANIFEST}"))


def find(home: Path, name_or_path: str) -> Path:
    """An experiment of this home by its name, the newest by ``latest``, or any by its path. Raises ``BadInput``."""
    known = experiments(home)
    if name_or_path == "latest" and known:
        return max(known, key=lambda path: (path / MANIFEST).stat().st_mtime)
    for path in (Path(name_or_path), home / FOLDER / name_or_path):
        if (path / MANIFEST).is_file():
            return path
    names = ", ".join(path.name for path in known) or "none; make one with `lab run SCENARIO`"
    raise BadInput(f"no experiment {name_or_path!r}; there are: {names}")


def save_trial(folder: Path, name: str, trial: Trial, faults: Iterable[Mapping[str, Any]]) -> None:
    """``name``: of its slot; ``faults``: the services' ground truth."""
    partial, whole = folder / TRIALS / f"{PARTIAL}-{name}", folder / TRIALS / name
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    told = {field.name: getattr(trial, field.name) for field in fields(trial)}
    told |= {"windows": [asdict(each) for each in trial.windows], "worst": [asdict(each) for each in trial.worst]}
    del told["orders"], told["samples"]
    _write_json(partial / TRIAL, told)
    _write_rows(partial / ORDERS, OrderRow, trial.orders)
    _write_rows(partial / SAMPLES, Sample, trial.samples)
    _write_faults(partial / FAULTS, faults)
    shutil.rmtree(whole, ignore_errors=True)
    partial.rename(whole)


def finished(folder: Path) -> set[str]:
    """The names of the slots whose trials are there."""
    return {path.parent.name for path in (folder / TRIALS).glob(f"[!.]*/{TRIAL}")}


def load(folder: Path) -> Experiment:
    """Raises ``BadInput`` for a folder that is no experiment."""
    manifest = load_manifest(folder)
    try:
        design = manifest["design"]
        scenario = design["scenario"]
        arms = tuple(Arm(**arm) for arm in design["arms"])
        trials = [_load_trial(folder / TRIALS / name) for name in sorted(finished(folder))]
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise BadInput(f"cannot read the experiment in {folder}: {type(error).__name__}: {error}") from error
    return Experiment(
        name=folder.name,
        scenario=scenario["name"],
        asks=scenario["asks"],
        arms=arms,
        manifest=manifest,
        trials=tuple(sorted(trials, key=lambda trial: (trial.block, trial.position))),
        paired=len(scenario["lanes"]) > 1,
    )


def _load_trial(folder: Path) -> Trial:
    told = json.loads((folder / TRIAL).read_text(encoding="utf-8"))
    told["windows"] = tuple(Window(**each) for each in told["windows"])
    told["worst"] = tuple(WorstOrder(**each) for each in told["worst"])
    orders = tuple(OrderRow(**_typed(row, ORDER_TYPES)) for row in _read_rows(folder / ORDERS))
    samples = tuple(Sample(**_typed(row, SAMPLE_TYPES)) for row in _read_rows(folder / SAMPLES))
    return Trial(**told, orders=orders, samples=samples)


# --- rows ------------------------------------------------------------------------------------------------------------


def _maybe(text: str) -> float | None:
    return float(text) if text else None


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ORDER_TYPES: Final[Mapping[str, Any]] = {
    "planned_s": float,
    "left_s": _maybe,
    "answered_s": _maybe,
    "ended_s": _maybe,
    "total_cents": int,
    "anomalies": _words,
    "faults_met": int,
    "first_undo_s": _maybe,
    "last_undo_s": _maybe,
    "failed_s": _maybe,
    "managed": lambda text: text == str(True),
}
SAMPLE_TYPES: Final[Mapping[str, Any]] = {
    "at_s": float,
    "accepted": int,
    "finished": int,
    "in_flight": int,
    "anomalous": int,
    "cents_at_risk": int,
}


def _typed(row: Mapping[str, str], types: Mapping[str, Any]) -> dict[str, Any]:
    return {name: types.get(name, str)(text) for name, text in row.items()}


def _read_rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _write_rows(path: Path, kind: type[Row], rows: Sequence[Row]) -> None:
    names = [field.name for field in fields(kind)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([_cell(getattr(row, name)) for name in names] for row in rows)


def _write_faults(path: Path, faults: Iterable[Mapping[str, Any]]) -> None:
    """By order, not by time: the same faults make the same file."""
    rows = sorted([str(each.get(name) or "") for name in FAULT_COLUMNS] for each in faults)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([FAULT_COLUMNS, *rows])


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    return " ".join(value) if isinstance(value, tuple) else value


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)
