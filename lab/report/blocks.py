"""Every trial's figure, block by block: what an average would hide. And all ratios at a glance. Pure."""

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lab.experiment.measures import MEASURES, Measure
from lab.experiment.records import Experiment
from lab.report.lanes import Look, looks
from lab.report.plotting import Drawing, Palette, blank, drawing, legend, marks
from lab.statistics.paired import Interval
from lab.statistics.verdict import Verdict

COLUMNS: Final = 3
DODGE: Final = 0.3  # of a block: equal figures must not hide one another


def block_dots(experiment: Experiment, criterion: str) -> Drawing | None:
    """One panel for each measure of a criterion: a dot for each trial, those of a block above one another."""
    measures = [each for each in MEASURES if each.criterion == criterion and _figures(experiment, each)]
    if not measures:
        return None
    arms_looks = looks(experiment.arms)
    rows = math.ceil(len(measures) / COLUMNS)

    def draw(palette: Palette) -> Figure:
        figure, axes = blank(rows, COLUMNS, height_in=0.5 + 2.0 * rows)
        for axis, measure in zip(axes, measures, strict=False):
            _dots(axis, experiment, measure, arms_looks, palette)
        for axis in axes[len(measures) :]:
            axis.set_visible(False)
        legend(figure, arms_looks, points=True)
        return figure

    slug = criterion.replace(" ", "-")
    table = [("measure", "unit", "block", "arm", "value")]
    lines = [
        (each.name, each.unit, block, arm, value)
        for each in measures
        for (block, arm), value in _figures(experiment, each).items()
    ]
    return drawing(
        f"blocks-{slug}",
        f"{criterion.capitalize()}, block by block",
        "One mark for each trial; the trials of one block, with the same seed, stand above one another.",
        [*table, *lines],
        draw,
    )


def _figures(experiment: Experiment, measure: Measure) -> dict[tuple[int, str], float]:
    values = (((trial.block, trial.arm), trial.measures.get(measure.name)) for trial in experiment.trials)
    return {key: value for key, value in values if value is not None and math.isfinite(value)}


def _dots(axis: Axes, experiment: Experiment, measure: Measure, arms: dict[str, Look], palette: Palette) -> None:
    found = _figures(experiment, measure)
    beside = {arm: DODGE * (place - (len(arms) - 1) / 2) for place, arm in enumerate(arms)}
    for block in {block for block, _ in found}:
        points = [(block + beside[arm], found[block, arm]) for arm in arms if (block, arm) in found]
        axis.plot(*zip(*points, strict=True), color=palette.ink, linewidth=0.5, alpha=0.5, zorder=1)
    for arm, look in arms.items():
        points = [(block + beside[arm], value) for (block, of), value in found.items() if of == arm]
        if points:
            axis.plot(*zip(*points, strict=True), **marks(look), zorder=2)
    axis.set_title(f"{measure.name}, {measure.unit}", fontsize=8)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_xlim(min(block for block, _ in found) - 0.7, max(block for block, _ in found) + 0.7)
    most = max(found.values())
    if min(found.values()) >= 0:  # from zero, with room for whole marks on either side
        axis.set_ylim(-0.06 * (most or 1.0), 1.12 * (most or 1.0))


def ratios(verdicts: Sequence[Verdict], first: str, second: str) -> Drawing | None:
    """Every measure that is compared as a ratio, of one pair of arms, with both intervals."""
    told = [each for each in verdicts if (each.first, each.second) == (first, second) and _drawable(each)]
    if not told:
        return None

    def draw(palette: Palette) -> Figure:
        figure, (axis,) = blank(height_in=0.9 + 0.3 * len(told))
        axis.axvline(1.0, color=palette.ink, linewidth=0.8)
        for place, each in enumerate(told):
            _whisker(axis, place, each, palette)
        axis.set(xscale="log", xlabel=f"{second} / {first}", ylim=(len(told) - 0.4, -0.6))
        axis.set_yticks(range(len(told)), [each.measure.name for each in told])
        ticks = _ticks(axis.get_xlim())
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_xticks([], minor=True)
        return figure

    table = [("measure", "estimate", "low", "high", "adjusted_low", "adjusted_high", "verdict")]
    rows = [
        (each.measure.name, each.estimate, *_ends(each.interval), *_ends(each.adjusted), each.status) for each in told
    ]
    return drawing(
        f"ratios-{_slug(first)}-{_slug(second)}",
        f"{second} against {first}, as ratios",
        "Thick: the 95 % interval of this comparison alone. Thin: at the level at which it was decided among all"
        " comparisons. Filled: a difference was found. Measures compared as differences are in the table only.",
        [*table, *rows],
        draw,
    )


def _drawable(verdict: Verdict) -> bool:
    return verdict.compare == "ratio" and verdict.interval is not None


def _whisker(axis: Axes, place: int, verdict: Verdict, palette: Palette) -> None:
    if verdict.estimate is None:
        return
    for interval, width in ((verdict.adjusted, 0.9), (verdict.interval, 3.0)):
        if interval is not None and interval.bounded and interval.low > 0:
            axis.plot([interval.low, interval.high], [place, place], color=palette.ink, linewidth=width, zorder=2)
    filled = palette.ink if verdict.status == "different" else palette.paper
    axis.plot(verdict.estimate, place, "D", color=palette.ink, markerfacecolor=filled, markersize=6, zorder=3)


def _ticks(limits: tuple[float, float]) -> list[float]:
    """Round numbers within the limits: evenly apart in a narrow range; in a wide one 1, 2, 5 of each power of ten."""
    low, high = limits
    if high / low < 3:
        evenly = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high)
        return [float(tick) for tick in evenly if low <= tick <= high]
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 300 else (1,)
    return [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)


def _slug(name: str) -> str:
    return "".join(each if each.isalnum() else "-" for each in name)
