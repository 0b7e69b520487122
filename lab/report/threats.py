"""Threats to validity: what a sceptic should know, read off the experiment where that can be done. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

from lab.experiment.records import Experiment, Trial
from lab.statistics.verdict import Verdict
from lab.statistics.wording import number

LATE_SHARE: Final = 0.005
GENERATOR_SHARE: Final = 0.40
LOAD_PER_PROCESSOR: Final = 1.0
OTHERS_SHARE: Final = 0.10


@dataclass(frozen=True)
class Threat:
    """``seen``: this experiment shows it. ``checked``: looked for, not seen. ``always``: of every such experiment."""

    kind: Literal["seen", "checked", "always"]
    text: str


def threats(experiment: Experiment, verdicts: Sequence[Verdict]) -> tuple[Threat, ...]:
    """Those that were seen first."""
    found = [*_measured(experiment), *_run(experiment), *_design(experiment, verdicts), *_always()]
    rank = {"seen": 0, "checked": 1, "always": 2}
    return tuple(sorted(found, key=lambda each: rank[each.kind]))


def _measured(experiment: Experiment) -> Iterator[Threat]:
    yield from _above(
        experiment, "late_departures_share", LATE_SHARE, "late departures", "the load was not the planned one"
    )
    yield from _above(
        experiment,
        "generator_cpu_share",
        GENERATOR_SHARE,
        "the load generator's share of one core",
        "it may have slowed what it measures",
    )
    yield from _above(
        experiment,
        "others_cpu_share",
        OTHERS_SHARE,
        "the processors' time for anything else",
        "the machine was not quiet, and the latencies of that trial are not the lane's alone",
    )
    yield from _load_average(experiment)
    yield from _not_clean(experiment)
    unanswered = sum(row.placed == "unanswered" for trial in experiment.trials for row in trial.orders)
    if unanswered:
        yield Threat("seen", f"{unanswered:,} orders were sent and never answered: accepted or not, nobody knows.")


def _not_clean(experiment: Experiment) -> Iterator[Threat]:
    for arm in experiment.arms:
        wrong = [trial.block for trial in experiment.of(arm.name) if not trial.clean]
        if wrong:
            blocks = ", ".join(map(str, wrong))
            yield Threat(
                "seen",
                f"{arm.name}: {len(wrong)} of {len(experiment.of(arm.name))} trials were not clean (blocks {blocks}):"
                " wrong books, orders without an end, or ends without a ground. Their logs are kept.",
            )


def _above(experiment: Experiment, measure: str, limit: float, what: str, so: str) -> Iterator[Threat]:
    told = [(value, trial) for trial in experiment.trials if (value := trial.measures.get(measure)) is not None]
    if not told:
        yield Threat("seen", f"{what.capitalize()}: not measured.")
        return
    most, where = max(told, key=lambda each: each[0])
    above = sum(value > limit for value, _ in told)
    text = f"at most {number(100 * most)} % ({where.arm}, block {where.block})"
    if above:
        yield Threat(
            "seen", f"{what.capitalize()}: {text}, above {100 * limit:g} % in {above} of {len(told)} trials: {so}."
        )
    else:
        yield Threat("checked", f"{what.capitalize()}: {text}; the limit is {100 * limit:g} %.")


def _load_average(experiment: Experiment) -> Iterator[Threat]:
    load, machine = experiment.manifest.get("load_average_before"), experiment.manifest.get("machine")
    processors = machine.get("usable_processors") if isinstance(machine, dict) else None
    if not load or not processors:
        return
    busy = load[0] > LOAD_PER_PROCESSOR * processors
    text = f"Load average when the experiment began: {number(load[0])}, on {processors} processors."
    yield Threat("seen", f"{text} Others were at work on the machine.") if busy else Threat("checked", text)


def _run(experiment: Experiment) -> Iterator[Threat]:
    """What the manifest tells of how it was run."""
    design, revision = experiment.manifest.get("design"), experiment.manifest.get("revision")
    planned = design.get("blocks") if isinstance(design, dict) else None
    if planned and len(experiment.trials) < planned * len(experiment.arms):
        yield Threat(
            "seen",
            f"Not finished: {len(experiment.trials)} of {planned * len(experiment.arms)} trials are here. Who stops"
            " when the figures please has no 5 % level.",
        )
    yield from _again(experiment)
    if isinstance(design, dict) and design.get("target") == "compose":
        yield Threat(
            "seen",
            "Run on containers that had been up before: no trial began with fresh state, and the lane that was not"
            " asked stood beside it.",
        )
    if isinstance(revision, dict) and revision.get("changed"):
        yield Threat("seen", "The code differed from the git revision in the manifest: no exact rerun from there.")


def _again(experiment: Experiment) -> Iterator[Threat]:
    """Trials that did not come to their end were run again; each of them is named."""
    broken = experiment.manifest.get("broken_off") or []
    for each in broken:
        yield Threat("seen", f"Trial {each['trial']} did not come to its end ({each['why']}) and was run again.")
    if not broken:
        yield Threat("checked", "Every trial came to its end when it was first run: none was repeated.")


def _design(experiment: Experiment, verdicts: Sequence[Verdict]) -> Iterator[Threat]:
    if not experiment.paired:
        yield Threat(
            "seen",
            "The faults of this scenario belong to one lane only: lanes are kept apart, not compared.",
        )
    few = sum(each.status == "cannot show" for each in verdicts)
    if few:
        yield Threat("seen", f"Few blocks: {few} of {len(verdicts)} comparisons could not show any difference.")
    dropped = sum(bool(each.blocks and each.blocks_without) for each in verdicts)
    if dropped:
        yield Threat(
            "seen",
            f"{dropped} comparisons lack some blocks, as an arm has no figure there. If it has none because it did"
            " badly, what is left flatters it.",
        )
    yield from _order(experiment)
    yield from _scenario(experiment)
    if any(arm.handicap for arm in experiment.arms):
        yield Threat("seen", "One arm was slowed on purpose: this is a test of the instrument.")


def _scenario(experiment: Experiment) -> Iterator[Threat]:
    """What this scenario cannot make equal (docs/decisions 13 and 17)."""
    design = experiment.manifest.get("design")
    scenario = design.get("scenario") if isinstance(design, dict) else None
    if not isinstance(scenario, dict):
        return
    done = [*scenario.get("machinery", ()), *scenario.get("links", ())]
    if experiment.paired and any(each.get("target") == "decider" for each in done):
        yield Threat(
            "seen",
            "The decider that was broken is one of two conductors, but the choreography's only warehouse: what remains"
            " meanwhile is not equal.",
        )
    if any(each.get("do") == "kill" for each in done) and scenario.get("conditions", {}).get("time_scale", 1.0) < 1:
        yield Threat(
            "seen",
            "Retry waits are shortened, starts of killed processes are not: a caller's retries are used up sooner than"
            " at full scale, while messages wait in the broker.",
        )


def _order(experiment: Experiment) -> Iterator[Threat]:
    """An arm that always went first had the cooler machine, or the colder caches."""
    blocks = len({trial.block for trial in experiment.trials})
    for first, second in combinations([arm.name for arm in experiment.arms], 2):
        earlier = sum(a.position < b.position for a, b in _together(experiment.of(first), experiment.of(second)))
        lopsided = blocks >= 4 and earlier in (0, blocks)
        text = f"{first} ran before {second} in {earlier} of {blocks} blocks"
        yield Threat("seen" if lopsided else "checked", f"Order within blocks: {text}.")


def _together(first: Sequence[Trial], second: Sequence[Trial]) -> list[tuple[Trial, Trial]]:
    by_block = {trial.block: trial for trial in second}
    return [(trial, by_block[trial.block]) for trial in first if trial.block in by_block]


def _always() -> Iterator[Threat]:
    for text in (
        "One machine, one size, one load: another may order the arms differently.",
        "Two implementations were measured, not two ideas: what one of them does badly may be mended.",
        "The services do little work of their own, so what the wirings add weighs more here than beside real ones.",
        "Trials are short: what takes days (growth of streams, of databases, of habits) does not show.",
    ):
        yield Threat("always", text)
