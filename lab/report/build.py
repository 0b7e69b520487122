"""Writes a report into a folder: report.html, figures/*.svg, *.png and *.csv, verdicts.csv, trials.csv.

Only writes: what stands in them comes from ``content``.
"""

import shutil
from pathlib import Path
from typing import Final

from lab.errors import BadInput
from lab.experiment.records import Experiment
from lab.report.content import Report, content
from lab.report.page import render
from lab.report.tables import as_csv, trials_csv, verdicts_csv

PAGE: Final = "report.html"
FIGURES: Final = "figures"


def build(experiment: Experiment, folder: Path) -> Report:
    """The old report goes only when the new one is whole."""
    if not experiment.trials:
        raise BadInput(f"{experiment.name} has no finished trial yet: nothing to report")
    if folder.exists() and not _may_go(folder):
        raise BadInput(f"{folder} holds something else than a report: choose an empty or a new folder")
    report = content(experiment)
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _write(report, fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return report


def _may_go(folder: Path) -> bool:
    return folder.is_dir() and ((folder / PAGE).is_file() or not any(folder.iterdir()))


def _write(report: Report, folder: Path) -> None:
    figures = folder / FIGURES
    figures.mkdir(parents=True)
    (folder / PAGE).write_text(render(report), encoding="utf-8")
    (folder / "verdicts.csv").write_text(verdicts_csv(report.verdicts), encoding="utf-8")
    (folder / "trials.csv").write_text(trials_csv(report.experiment), encoding="utf-8")
    for drawing in report.drawings():
        (figures / f"{drawing.name}.svg").write_text(drawing.svg, encoding="utf-8")
        (figures / f"{drawing.name}.png").write_bytes(drawing.png)
        (figures / f"{drawing.name}.csv").write_text(as_csv(drawing.table), encoding="utf-8")
