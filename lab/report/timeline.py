"""What happened when: orders accepted, finished, in flight and with wrong books, second by second. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lab.experiment.records import Experiment, Sample, Trial, Window
from lab.report.lanes import Look, looks
from lab.report.plotting import Drawing, Palette, blank, drawing, legend, stroke
from lab.statistics.resampling import Floats

FIGURES: Final = (
    ("accepted", "accepted in the second"),
    ("finished", "finished in the second"),
    ("in_flight", "in flight"),
    ("anomalous", "books wrong at that moment"),
)


@dataclass(frozen=True)
class Course:
    """One figure of one arm over its trials: median and the middle half."""

    at_s: Floats
    median: Floats
    low: Floats
    high: Floats


def timeline(experiment: Experiment) -> Drawing | None:
    """All arms under one another, one panel for each figure, faults shaded."""
    courses = {
        (arm.name, figure): course
        for arm in experiment.arms
        for figure, _ in FIGURES
        if (course := course_of(experiment.of(arm.name), figure)) is not None
    }
    if not courses:
        return None
    arms_looks, faults, phases = looks(experiment.arms), _faults(experiment), _phases(experiment)

    def draw(palette: Palette) -> Figure:
        figure, axes = blank(len(FIGURES), 1, height_in=7.2, sharex=True)
        for axis, (name, label) in zip(axes, FIGURES, strict=True):
            _shade(axis, faults, phases, palette)
            for arm, look in arms_looks.items():
                if (arm, name) in courses:
                    _course(axis, courses[arm, name], look)
            axis.set(title=label, ylim=(0, None))
        _name_phases(axes[0], phases)
        axes[-1].set_xlabel("seconds after the first planned moment")
        legend(figure, arms_looks, also=[Patch(color=palette.shade, label="fault on")] if faults else [])
        return figure

    table = [("arm", "figure", "second", "median", "quarter", "three_quarters")]
    rows = [
        (arm, name, *(f"{value:g}" for value in row))
        for (arm, name), course in courses.items()
        for row in zip(course.at_s, course.median, course.low, course.high, strict=True)
    ]
    return drawing(
        "timeline",
        "Second by second",
        "Median over the trials of an arm; band: the middle half of the trials. Shaded: a fault is on"
        f"{_told(faults)}. Dotted: the phases' limits.",
        [*table, *rows],
        draw,
    )


def course_of(trials: Sequence[Trial], figure: str) -> Course | None:
    """Trials may differ in length: each second counts those that lasted so long."""
    sampled = [{round(sample.at_s): _figure(sample, figure) for sample in trial.samples} for trial in trials]
    seconds = sorted({second for trial in sampled for second in trial})
    if not seconds:
        return None
    columns = [[trial[second] for trial in sampled if second in trial] for second in seconds]
    low, median, high = (np.array([np.quantile(each, q) for each in columns]) for q in (0.25, 0.5, 0.75))
    return Course(np.array(seconds, dtype=np.float64), median, low, high)


def _figure(sample: Sample, name: str) -> float:
    return float(getattr(sample, name))


def _course(axis: Axes, course: Course, look: Look) -> None:
    axis.plot(course.at_s, course.median, **stroke(look))
    axis.fill_between(course.at_s, course.low, course.high, color=look.colour, alpha=0.18, linewidth=0)


def _faults(experiment: Experiment) -> list[Window]:
    """Planned, so the same in every trial: those of the first that has any."""
    return next((found for trial in experiment.trials if (found := _of_kind(trial, "fault", "machinery"))), [])


def _phases(experiment: Experiment) -> list[Window]:
    return next((found for trial in experiment.trials if (found := _of_kind(trial, "phase"))), [])


def _of_kind(trial: Trial, *kinds: str) -> list[Window]:
    return [window for window in trial.windows if window.kind in kinds]


def _shade(axis: Axes, faults: Sequence[Window], phases: Sequence[Window], palette: Palette) -> None:
    for fault in faults:
        if fault.to_s > fault.from_s:
            axis.axvspan(fault.from_s, fault.to_s, color=palette.shade, linewidth=0, zorder=0)
        else:
            axis.axvline(fault.from_s, color=palette.ink, linewidth=1, linestyle=(0, (1, 1)), zorder=0)
    for phase in phases:
        axis.axvline(phase.from_s, color=palette.ink, linewidth=0.5, linestyle=(0, (1, 3)), zorder=0)


def _name_phases(axis: Axes, phases: Sequence[Window]) -> None:
    """Above the first panel, where there is room for the word."""
    if not phases:
        return
    span = phases[-1].to_s - phases[0].from_s
    axis.set_title("")
    axis.set_ylabel(FIGURES[0][1])
    for phase in phases:
        if span and (phase.to_s - phase.from_s) / span > 0.011 * len(phase.label):
            axis.text(
                phase.from_s, 1.02, f" {phase.label}", transform=axis.get_xaxis_transform(), fontsize=7.5, va="bottom"
            )


def _told(faults: Sequence[Window]) -> str:
    labels = list(dict.fromkeys(fault.label for fault in faults))
    return f" ({', '.join(labels[:6])}{', …' if len(labels) > 6 else ''})" if labels else ""
