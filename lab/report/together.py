"""Two experiments held together: the same measures, arm by arm, and in what their settings differ. Pure.

No verdict is given across experiments: they ran at different times, perhaps on different machines, and are not paired.
Compare the findings that each made within its own blocks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.experiment.measures import MEASURES, Measure
from lab.experiment.records import Experiment
from lab.report.arms import Cell, cell_of
from lab.report.tables import as_csv
from lab.statistics.verdict import Verdict, verdicts


@dataclass(frozen=True)
class Column:
    """One arm of one experiment."""

    experiment: str
    arm: str


@dataclass(frozen=True)
class Together:
    """``cells``: by measure and column. ``within``: each experiment's own verdicts."""

    columns: tuple[Column, ...]
    cells: Mapping[tuple[str, Column], Cell]
    within: tuple[tuple[str, tuple[Verdict, ...]], ...]
    settings: tuple[tuple[str, str, str], ...]

    def rows(self) -> Iterator[tuple[Measure, tuple[Cell | None, ...]]]:
        """Measures that any arm has."""
        for measure in MEASURES:
            cells = tuple(self.cells.get((measure.name, column)) for column in self.columns)
            if any(cells):
                yield measure, cells


def together(first: Experiment, second: Experiment) -> Together:
    """Both need a name of their own: the folder's, as a rule."""
    named = [(each, Column(each.name, arm.name)) for each in (first, second) for arm in each.arms]
    cells = {
        (measure.name, column): cell
        for experiment, column in named
        for measure in MEASURES
        if (cell := cell_of(experiment.of(column.arm), measure)) is not None
    }
    return Together(
        columns=tuple(column for _, column in named),
        cells=cells,
        within=tuple((each.name, verdicts(each)) for each in (first, second)),
        settings=tuple(_differing(first.manifest, second.manifest)),
    )


def together_csv(found: Together) -> str:
    """One row for each measure and column."""
    rows = [
        (measure.name, measure.unit, column.experiment, column.arm, cell.mean, cell.interval.low, cell.interval.high)
        for measure, cells in found.rows()
        for column, cell in zip(found.columns, cells, strict=True)
        if cell is not None
    ]
    return as_csv([("measure", "unit", "experiment", "arm", "mean", "low_95", "high_95"), *rows])


def findings(found: Together) -> Iterator[tuple[str, Verdict]]:
    """Each experiment's own, in the order of the measures."""
    for name, each in found.within:
        yield from ((name, verdict) for verdict in each if verdict.status == "different")


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    flat = [dict(_flat("", each)) for each in (first, second)]
    for name in sorted(flat[0].keys() | flat[1].keys()):
        values = [each.get(name, "–") for each in flat]
        if values[0] != values[1]:
            yield name, values[0], values[1]


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), part)
    else:
        yield prefix, str(value)
