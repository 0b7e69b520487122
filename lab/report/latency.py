"""How long orders took: distributions from the planned moment, orders still open (Kaplan–Meier), and undoing. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.experiment.records import Experiment, OrderRow, Trial
from lab.report.lanes import Look, looks
from lab.report.plotting import Drawing, Palette, blank, drawing, legend, plain_ticks, stroke
from lab.statistics.resampling import Floats
from lab.statistics.survival import Survival, lifetimes, survival

POINTS: Final = 300
WARM_UP: Final = "warm-up"
LatencyOf = Callable[[OrderRow], float | None]


def fulfilled_s(row: OrderRow) -> float | None:
    return row.ended_s - row.planned_s if row.outcome == "fulfilled" and row.ended_s is not None else None


def rolled_back_s(row: OrderRow) -> float | None:
    return row.ended_s - row.planned_s if row.outcome == "rolled_back" and row.ended_s is not None else None


def undone_s(row: OrderRow) -> float | None:
    if row.failed_s is None or row.last_undo_s is None or row.outcome != "rolled_back":
        return None
    return max(0.0, row.last_undo_s - row.failed_s)


def distributions(experiment: Experiment) -> Drawing | None:
    """ECDF of orders fulfilled and of those rolled back, apart: one is speed, the other how retries went."""
    return _ecdfs(
        experiment,
        "latency",
        "Planned arrival until the outcome",
        "Share of the orders with that outcome which had it within so many seconds of their planned moment, all trials"
        " together, after the warm-up, without orders that need a manager. Orders without an outcome are not in here:"
        " see the next figure.",
        {"fulfilled": fulfilled_s, "rolled back": rolled_back_s},
    )


def compensation(experiment: Experiment) -> Drawing | None:
    """How long undoing took."""
    return _ecdfs(
        experiment,
        "compensation",
        "First failure until the last undo of an order",
        "Share of the orders rolled back whose last undo was durable within so many seconds of the first failure, after"
        " the warm-up, without orders that need a manager.",
        {"orders rolled back": undone_s},
    )


def _ecdfs(
    experiment: Experiment, name: str, title: str, caption: str, panels: Mapping[str, LatencyOf]
) -> Drawing | None:
    found = {
        panel: {arm.name: _latencies(experiment.of(arm.name), of) for arm in experiment.arms}
        for panel, of in panels.items()
    }
    told = {panel: arms for panel, arms in found.items() if any(len(each) for each in arms.values())}
    if not told:
        return None
    arms_looks = looks(experiment.arms)

    def draw(_: Palette) -> Figure:
        figure, axes = blank(1, len(told), sharey=True)
        for axis, (panel, arms) in zip(axes, told.items(), strict=True):
            for arm, seconds in arms.items():
                _ecdf(axis, seconds, arms_looks[arm])
            axis.set(title=panel, xlabel="seconds", xscale=_scale(arms.values()), ylim=(0, 1.02))
            plain_ticks(axis)
        axes[0].set_ylabel("share of these orders")
        legend(figure, arms_looks)
        return figure

    table = [("outcome", "arm", "share", "seconds")]
    rows = [
        (panel, arm, f"{share:.4f}", f"{value:.6f}")
        for panel, arms in told.items()
        for arm, seconds in arms.items()
        for share, value in _quantiles(seconds)
    ]
    return drawing(name, title, caption, [*table, *rows], draw)


def _latencies(trials: Sequence[Trial], of: LatencyOf) -> Floats:
    found = (of(row) for trial in trials for row in _timed(trial))
    return np.array([seconds for seconds in found if seconds is not None], dtype=np.float64)


def _timed(trial: Trial) -> Iterator[OrderRow]:
    """As for the measures: a manager's thinking and a cold start are not the lane's speed."""
    warm_s = max((window.to_s for window in trial.windows if window.label == WARM_UP), default=0.0)
    return (row for row in trial.orders if row.planned_s >= warm_s and not row.managed)


def _quantiles(seconds: Floats) -> list[tuple[float, float]]:
    if not len(seconds):
        return []
    shares = np.linspace(0, 1, min(POINTS, len(seconds) + 1))
    return list(zip(shares.tolist(), np.quantile(seconds, shares, method="inverted_cdf").tolist(), strict=True))


def _ecdf(axis: Axes, seconds: Floats, look: Look) -> None:
    if len(seconds):
        shares, values = zip(*_quantiles(seconds), strict=True)
        axis.plot(values, shares, drawstyle="steps-post", **stroke(look))


def _scale(arms: Iterable[Floats]) -> str:
    everything = np.concatenate(list(arms))
    return "log" if len(everything) and everything.min() > 0 and everything.max() > 10 * everything.min() else "linear"


def still_open(experiment: Experiment) -> Drawing | None:
    """Kaplan–Meier of accepted orders without an outcome."""
    found = {arm.name: survival([lifetimes(trial) for trial in experiment.of(arm.name)]) for arm in experiment.arms}
    told = {arm: each for arm, each in found.items() if each is not None}
    if not told:
        return None
    arms_looks = looks(experiment.arms)

    def draw(_: Palette) -> Figure:
        figure, axes = blank(1, 2)
        for axis in axes:
            for arm, each in told.items():
                _survival(axis, each, arms_looks[arm])
            axis.set(xlabel="seconds after the planned moment")
        axes[0].set(title="all orders", ylabel="share without an outcome", ylim=(-0.02, 1.02))
        axes[1].set(title="the slowest tenth, closer", ylim=(-0.002, 0.102))
        legend(figure, arms_looks)
        return figure

    unfinished = "; ".join(f"{arm}: {each.censored:,} of {each.orders:,} open to the end" for arm, each in told.items())
    return drawing(
        "open-orders",
        "Accepted orders still without an outcome (Kaplan–Meier)",
        f"Unfinished orders and orders with wrong books are kept as censored at the trial's end ({unfinished})."
        " Bands: 95 %, from resampling whole trials, as orders of one trial are not independent.",
        [("arm", "seconds", "open", "low", "high"), *_survival_rows(told)],
        draw,
    )


def _survival(axis: Axes, each: Survival, look: Look) -> None:
    at_s, left = np.concatenate([[0.0], each.at_s]), np.concatenate([[1.0], each.open])
    axis.step(at_s, left, where="post", **stroke(look))
    axis.fill_between(each.at_s, each.low, each.high, step="post", color=look.colour, alpha=0.18, linewidth=0)


def _survival_rows(told: Mapping[str, Survival]) -> list[tuple[object, ...]]:
    return [
        (arm, *(f"{value:.6g}" for value in row))
        for arm, each in told.items()
        for row in zip(each.at_s, each.open, each.low, each.high, strict=True)
    ]
