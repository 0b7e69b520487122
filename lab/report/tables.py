"""The report's tables: verdicts for the page, and everything as CSV. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.experiment.measures import MEASURES
from lab.experiment.records import Experiment
from lab.statistics.effect import Effect
from lab.statistics.rare import Rare, Share, rare
from lab.statistics.verdict import Verdict
from lab.statistics.wording import estimate_text, interval_text, number, quantity, sentence


@dataclass(frozen=True)
class VerdictRow:
    """One verdict in words."""

    name: str
    title: str
    first: str
    second: str
    estimate: str
    interval: str
    adjusted: str
    p: str
    effect: tuple[str, ...]
    status: str
    short: str
    sentence: str


def verdict_row(verdict: Verdict) -> VerdictRow:
    """``short``: the arm, or that there is none."""
    effect = verdict.effect
    return VerdictRow(
        name=verdict.measure.name,
        title=verdict.measure.title,
        first=quantity(verdict.first_typical, verdict.measure),
        second=quantity(verdict.second_typical, verdict.measure),
        estimate=estimate_text(verdict, verdict.estimate),
        interval=interval_text(verdict, verdict.interval),
        adjusted=interval_text(verdict, verdict.adjusted),
        p="–" if verdict.p_adjusted is None else _p(verdict.p_adjusted),
        effect=() if effect is None else _effect(effect),
        status=verdict.status,
        short=_short(verdict),
        sentence=sentence(verdict),
    )


def _effect(effect: Effect) -> tuple[str, ...]:
    figures = {"δ": effect.dominance, "g": effect.standardized}
    return tuple(f"{name} = {value:+.2f}".replace("-", "−") for name, value in figures.items() if value is not None)


def _short(verdict: Verdict) -> str:
    if verdict.status == "different":
        return verdict.better or "different"
    blocks = "1 block" if verdict.blocks == 1 else f"{verdict.blocks} blocks"
    return f"{blocks} cannot show it" if verdict.status == "cannot show" else verdict.status


def _p(value: float) -> str:
    return "1" if value >= 1 else "< 0.001" if value < 0.001 else f"{value:.3f}"


@dataclass(frozen=True)
class BoundRow:
    """How rare something is at most, in one arm."""

    measure: str
    arm: str
    orders: str
    trials: str


def bound_rows(experiment: Experiment) -> tuple[BoundRow, ...]:
    """Each measure that counts orders, and each arm."""
    return tuple(
        _bound(measure.name, arm.name, found)
        for measure in MEASURES
        for arm in experiment.arms
        if (found := rare(experiment.of(arm.name), measure)) is not None
    )


def _bound(measure: str, arm: str, found: Rare) -> BoundRow:
    return BoundRow(measure, arm, _share(found.orders), _share(found.trials))


def _share(share: Share) -> str:
    low, high = number(100 * share.low), number(100 * share.high)
    bounds = f"{low} % to {high} %" if share.cases else f"under {high} %"
    return f"{share.cases:,} of {share.of:,}: {bounds}"


VERDICT_COLUMNS = (
    "measure", "criterion", "unit", "better_is", "first", "second", "status", "better_arm", "compare", "first_typical",
    "second_typical", "estimate", "low_95", "high_95", "low_adjusted", "high_adjusted", "p_adjusted", "blocks",
    "blocks_without", "higher_in", "lower_in", "cliffs_delta", "standardized", "sentence",
)  # fmt: skip


def verdicts_csv(verdicts: Sequence[Verdict]) -> str:
    return as_csv([VERDICT_COLUMNS, *(_verdict_cells(each) for each in verdicts)])


def _verdict_cells(each: Verdict) -> tuple[object, ...]:
    effect, interval, adjusted = each.effect, each.interval, each.adjusted
    return (
        each.measure.name, each.measure.criterion, each.measure.unit, each.measure.better, each.first, each.second,
        each.status, each.better, each.compare, each.first_typical, each.second_typical, each.estimate,
        interval and interval.low, interval and interval.high, adjusted and adjusted.low, adjusted and adjusted.high,
        each.p_adjusted, each.blocks, each.blocks_without, effect and effect.higher_in, effect and effect.lower_in,
        effect and effect.dominance, effect and effect.standardized, sentence(each),
    )  # fmt: skip


def trials_csv(experiment: Experiment) -> str:
    """One row for each trial: what every verdict is made from."""
    names = [measure.name for measure in MEASURES]
    anomalies = sorted({kind for trial in experiment.trials for kind in trial.anomalies})
    return as_csv(
        [
            ("block", "position", "arm", "seed", "started_at", *names, *(f"anomaly_{kind}" for kind in anomalies)),
            *(
                (
                    *(trial.block, trial.position, trial.arm, trial.seed, trial.started_at),
                    *(trial.measures.get(name) for name in names),
                    *(trial.anomalies.get(kind, 0) for kind in anomalies),
                )
                for trial in experiment.trials
            ),
        ]
    )


def as_csv(rows: Iterable[Sequence[object]]) -> str:
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows(_safe(rows))
    return target.getvalue()


def _safe(rows: Iterable[Sequence[object]]) -> Iterator[list[object]]:
    """A text that a spreadsheet would take for a formula is kept a text."""
    for row in rows:
        yield [f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+@\t" and cell else cell for cell in row]
