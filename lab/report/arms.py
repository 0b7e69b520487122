"""Every arm by itself: the mean of a measure over its trials, with its interval. Pure; compares nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lab.experiment.measures import MEASURES, Measure
from lab.experiment.records import Experiment, Trial
from lab.statistics.paired import Interval, PairedMean
from lab.statistics.wording import number, quantity

NOTHING: Final = "–"


@dataclass(frozen=True)
class Cell:
    """An arm's figure: the mean over its trials, with its 95 % interval."""

    mean: float
    interval: Interval
    trials: int


def cell_of(trials: Sequence[Trial], measure: Measure) -> Cell | None:
    told = (trial.measures.get(measure.name) for trial in trials)
    figures = np.array([each for each in told if each is not None and math.isfinite(each)], dtype=np.float64)
    if not len(figures):
        return None
    mean = PairedMean(figures)
    return Cell(mean.mean, mean.interval(0.95), len(figures))


def cell_text(cell: Cell | None, measure: Measure) -> str:
    """As in: 1.2 s (1.1 to 1.4)."""
    if cell is None:
        return NOTHING
    if not cell.interval.bounded:
        return f"{quantity(cell.mean, measure)} ({cell.trials} {'trial' if cell.trials == 1 else 'trials'})"
    scale = 100 if measure.unit == "share" else 1000 if measure.unit == "s" and abs(cell.mean) < 1 else 1
    low, high = (number(scale * end) for end in (cell.interval.low, cell.interval.high))
    return f"{quantity(cell.mean, measure)} ({low} to {high})"


@dataclass(frozen=True)
class ArmRow:
    """One measure in every arm, each by itself: the mean over its trials, its interval, and how many have a figure."""

    name: str
    title: str
    cells: tuple[str, ...]


def arm_rows(experiment: Experiment) -> tuple[ArmRow, ...]:
    """Measures that any arm has."""
    rows = (
        ArmRow(
            measure.name,
            measure.title,
            tuple(cell_text(cell_of(experiment.of(arm.name), measure), measure) for arm in experiment.arms),
        )
        for measure in MEASURES
    )
    return tuple(row for row in rows if any(cell != NOTHING for cell in row.cells))
