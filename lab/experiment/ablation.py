"""The table practice × scenario × lane: what appears when one practice is switched off. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from lab.experiment.records import Experiment, Trial
from lab.hints import counted
from lab.topology import LANES
from services.practices import Practice

NOTHING: Final = "–"
ROWS: Final = (None, *(practice.value for practice in Practice))

INTRODUCTION: Final = """# Each practice switched off alone

Made by `lab ablation SCENARIO … --write docs/ablation.md`. One practice is off, the other four are on; every lane meets
the same orders and the same faults. A cell counts the orders with each [kind of anomaly](anomalies.md) over all trials;
*clean* means none, with work done and nothing undone without a cause; *not clean* that the books are right but that an
order was refused, undone without a cause, or ended as failed. One trial shows that something can happen, never that it
cannot: for that, see the experiments.

The practices stand behind each other: where one is off, another may catch what comes through. In choreography an order
whose failed message is dropped (no `dead_letters`) goes quiet, and the watch (`deadlines`) finds and undoes it; in
orchestration nothing is sent by an outbox, so what is lost without one is lost only when a conductor dies."""


def is_ablation(experiment: Experiment) -> bool:
    return {arm.without for arm in experiment.arms} == set(ROWS)


def newest(experiments: Iterable[Experiment]) -> list[Experiment]:
    """Of the finished ablations the latest of each scenario, by the scenario's name."""
    found: dict[str, Experiment] = {}
    for each in experiments:
        if is_ablation(each) and each.manifest.get("finished_at"):
            older = found.get(each.scenario)
            if older is None or older.manifest["started_at"] <= each.manifest["started_at"]:
                found[each.scenario] = each
    return [found[name] for name in sorted(found)]


def markdown(experiments: Sequence[Experiment]) -> str:
    sections = (line for each in experiments for line in _section(each))
    return "\n".join([INTRODUCTION, *_overview(experiments), *sections, ""])


def _overview(experiments: Sequence[Experiment]) -> Iterator[str]:
    """For each practice and lane the scenarios in which it is missed."""
    yield "\n## Where each is missed\n"
    yield f"| switched off | {' | '.join(LANES)} |"
    yield f"| --- |{' --- |' * len(LANES)}"
    for practice in Practice:
        cells = (_missed(experiments, lane, practice.value) for lane in LANES)
        yield f"| `{practice}` | {' | '.join(cells)} |"


def _missed(experiments: Sequence[Experiment], lane: str, practice: str) -> str:
    found: list[str] = []
    for each in experiments:
        more = _counts(_trials(each, lane, practice)) - _counts(_trials(each, lane, None))
        if more:
            found.append(f"[{each.scenario}](#{each.scenario}): {', '.join(sorted(more))}")
    return "; ".join(found) or "in none of these scenarios"


def _section(experiment: Experiment) -> Iterator[str]:
    lanes = [lane for lane in LANES if any(arm.lane == lane for arm in experiment.arms)]
    orders = sum(len(trial.orders) for trial in experiment.trials) // max(1, len(experiment.trials))
    blocks = len({trial.block for trial in experiment.trials})
    commit = (experiment.manifest["revision"]["commit"] or "unknown")[:10]
    yield f"\n## {experiment.scenario}\n"
    yield f"{experiment.asks} {counted(blocks, 'trial')} a cell, {orders} orders each; revision {commit}.\n"
    yield f"| switched off | {' | '.join(lanes)} |"
    yield f"| --- |{' --- |' * len(lanes)}"
    for practice in ROWS:
        cells = (_cell(experiment, lane, practice) for lane in lanes)
        yield f"| {'nothing' if practice is None else f'`{practice}`'} | {' | '.join(cells)} |"


def _cell(experiment: Experiment, lane: str, practice: str | None) -> str:
    trials = _trials(experiment, lane, practice)
    return in_words(trials) if trials else NOTHING


def _trials(experiment: Experiment, lane: str, practice: str | None) -> list[Trial]:
    arms = [arm.name for arm in experiment.arms if arm.lane == lane and arm.without == practice]
    return [trial for name in arms for trial in experiment.of(name)]


def _counts(trials: Sequence[Trial]) -> Counter[str]:
    """Orders by kind of anomaly."""
    counts: Counter[str] = Counter()
    for trial in trials:
        counts.update(trial.anomalies)
    return counts


def in_words(trials: Sequence[Trial]) -> str:
    counts = _counts(trials)
    if counts:
        return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    return "clean" if all(trial.clean for trial in trials) else "not clean"
