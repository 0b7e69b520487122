"""The figures page's charts as plain ECharts options: one for each figure, every lane on the same axes. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lab.console.feed import Sample
from lab.console.theme import stroke, symbol

WINDOW_S: Final = 180
# Readable on light and on dark paper.
GREY: Final = "#7b848d"
DIGITS: Final = 4


@dataclass(frozen=True)
class Figure:
    name: str
    unit: str
    says: str
    of: Callable[[Sample], float | None]


FIGURES: Final = (
    Figure("finished", "orders/s", "Orders with an outcome, a second", lambda s: s.finished_per_s),
    Figure("in flight", "orders", "Accepted orders without an outcome", lambda s: s.in_flight),
    Figure("latency, median", "s", "From accepted to outcome, by the lane's durable timestamps", lambda s: s.p50_s),
    Figure("latency, p99", "s", "From accepted to outcome, by the lane's durable timestamps", lambda s: s.p99_s),
    Figure("inconsistent now", "orders", "Orders whose books are wrong at this moment", lambda s: float(s.wrong)),
    Figure(
        "violation-seconds",
        "order·s",
        "Time that orders' books were wrong, summed since the console started",
        lambda s: s.violation_s,
    ),
    Figure("retries", "tries", "Tries after the first, since the processes started", lambda s: s.retries),
    Figure("dead letters", "messages", "Set apart for a person, since the processes started", lambda s: s.dead_letters),
)


def points(samples: Sequence[Sample], figure: Figure, now: float) -> list[list[float | None]]:
    """(seconds ago, value) of the window; where nothing ended there is a gap."""
    found: list[list[float | None]] = []
    for sample in samples:
        ago = sample.at - now
        if ago >= -WINDOW_S:
            value = figure.of(sample)
            found.append([round(ago, 1), None if value is None else round(value, DIGITS)])
    return found


def options(figure: Figure, lanes: Sequence[str]) -> dict[str, Any]:
    """An empty chart."""
    label = {"color": GREY}
    return {
        "animation": False,
        "aria": {"enabled": True},
        "grid": {"left": 56, "right": 12, "top": 14, "bottom": 28},
        "xAxis": {
            "type": "value",
            "min": -WINDOW_S,
            "max": 0,
            "axisLabel": {**label, "formatter": "{value} s"},
            "splitLine": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "axisLabel": label,
            "axisLine": {"show": False},
            "axisTick": {"show": False},
            "splitLine": {"lineStyle": {"color": GREY, "opacity": 0.3}},
        },
        "series": [
            {
                "name": lane,
                "type": "line",
                "symbol": symbol(lane),
                "symbolSize": 4,  # a value with none beside it is a point
                "lineStyle": stroke(lane),
                "color": stroke(lane)["color"],
                "data": [],
            }
            for lane in lanes
        ],
    }


def latest(samples: Sequence[Sample], figure: Figure) -> str:
    """The newest value that there is, in words."""
    value = next((found for sample in reversed(samples) if (found := figure.of(sample)) is not None), None)
    return "–" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def filled(chart: dict[str, Any], figure: Figure, samples: Mapping[str, Sequence[Sample]], now: float) -> None:
    """Put the newest points into a chart's options."""
    for series in chart["series"]:
        series["data"] = points(samples.get(series["name"], ()), figure, now)
