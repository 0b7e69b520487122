"""What a page of the docs says of experiments: the report's tables, as Markdown. Pure."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from lab.experiment.records import Arm, Experiment
from lab.report.tables import bound_rows, verdict_row
from lab.report.threats import threats
from lab.statistics.verdict import Verdict, verdicts

GIB: Final = 2**30


def account(experiments: Sequence[Experiment]) -> str:
    """A section for each, in their order."""
    return "\n\n".join("\n".join(_section(each)) for each in experiments)


def _section(experiment: Experiment) -> Iterator[str]:
    found = verdicts(experiment)
    yield f"### {experiment.scenario}"
    yield ""
    yield experiment.asks
    yield ""
    yield _run(experiment)
    for first, second in combinations(experiment.arms, 2):
        yield ""
        yield from _compared(found, first, second)
    if bounds := bound_rows(experiment):
        yield ""
        yield from _table("counted orders", "arm", "orders (95 %, as if independent)", "trials with any (95 %)")
        for row in bounds:
            yield _row(f"`{row.measure}`", row.arm, row.orders, row.trials)
    if seen := [each.text for each in threats(experiment, found) if each.kind == "seen"]:
        yield ""
        yield "Seen in this experiment, and against it:"
        yield ""
        yield from (f"- {each}" for each in seen)


def _run(experiment: Experiment) -> str:
    manifest = experiment.manifest
    machine, durability = manifest.get("machine", {}), manifest.get("durability", {})
    blocks = len({trial.block for trial in experiment.trials})
    orders = sorted({len(trial.orders) for trial in experiment.trials})
    dirty = " (changed)" if manifest.get("revision", {}).get("changed") else ""
    facts = {
        f"{blocks} blocks": True,
        f"{len(experiment.trials)} trials": True,
        f"{'–'.join(map(str, dict.fromkeys((*orders[:1], *orders[-1:]))))} orders in each": any(orders),
        f"seed {manifest.get('design', {}).get('seed')}": "design" in manifest,
        f"revision {(manifest.get('revision', {}).get('commit') or 'unknown')[:10]}{dirty}": True,
        f"{machine.get('usable_processors')} processors ({machine.get('processor')})": "processor" in machine,
        f"{machine.get('memory_bytes', 0) / GIB:.0f} GiB of memory": "memory_bytes" in machine,
        f"a synced write takes {durability.get('fsync_ms_median')} ms": "fsync_ms_median" in durability,
    }
    return f"{', '.join(text for text, known in facts.items() if known)}."


def _compared(found: Sequence[Verdict], first: Arm, second: Arm) -> Iterator[str]:
    pair = [each for each in found if (each.first, each.second) == (first.name, second.name)]
    yield from _table(
        "measure",
        first.name,
        second.name,
        f"{second.name} against {first.name}",
        "95 % interval",
        "p, adjusted",
        "verdict",
    )
    for verdict in pair:
        if verdict.status != "not measured":
            row = verdict_row(verdict)
            short = f"**{row.short}**" if verdict.status == "different" else row.short
            yield _row(f"{row.title} `{row.name}`", row.first, row.second, row.estimate, row.interval, row.p, short)


def _table(*heading: str) -> Iterator[str]:
    yield _row(*heading)
    yield _row(*("---" for _ in heading))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
