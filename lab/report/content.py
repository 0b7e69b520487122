"""What stands in a report, section by section, before it is a page. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

from lab.experiment.records import Arm, Experiment
from lab.report.arms import ArmRow, arm_rows
from lab.report.blocks import block_dots, ratios
from lab.report.lanes import Look, looks
from lab.report.latency import compensation, distributions, still_open
from lab.report.plotting import Drawing
from lab.report.tables import BoundRow, VerdictRow, bound_rows, verdict_row
from lab.report.threats import Threat, threats
from lab.report.timeline import timeline
from lab.report.worst import SideBySide, worst_orders
from lab.statistics.verdict import Verdict, verdicts


@dataclass(frozen=True)
class Comparison:
    """One pair of arms: the verdicts by criterion."""

    first: str
    second: str
    criteria: tuple[tuple[str, tuple[VerdictRow, ...]], ...]
    findings: int
    compared: int


@dataclass(frozen=True)
class Section:
    """The figures of one criterion."""

    title: str
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True)
class Report:
    """Everything that the page shows."""

    experiment: Experiment
    verdicts: tuple[Verdict, ...]
    looks: dict[str, Look]
    blocks: int
    comparisons: tuple[Comparison, ...]
    arms: tuple[ArmRow, ...]
    bounds: tuple[BoundRow, ...]
    sections: tuple[Section, ...]
    worst: tuple[SideBySide, ...]
    threats: tuple[Threat, ...]

    def drawings(self) -> Iterator[Drawing]:
        for section in self.sections:
            yield from section.drawings


def content(experiment: Experiment) -> Report:
    """An experiment's report."""
    found = verdicts(experiment)
    return Report(
        experiment=experiment,
        verdicts=found,
        looks=looks(experiment.arms),
        blocks=len({trial.block for trial in experiment.trials}),
        comparisons=tuple(_comparison(found, a, b) for a, b in combinations(experiment.arms, 2)),
        arms=arm_rows(experiment),
        bounds=bound_rows(experiment),
        sections=tuple(_sections(experiment, found)),
        worst=worst_orders(experiment),
        threats=threats(experiment, found),
    )


def _comparison(found: Sequence[Verdict], first: Arm, second: Arm) -> Comparison:
    pair = [each for each in found if (each.first, each.second) == (first.name, second.name)]
    told = [each for each in pair if each.status != "not measured"]
    return Comparison(
        first=first.name,
        second=second.name,
        criteria=tuple(
            (criterion, tuple(verdict_row(each) for each in group))
            for criterion, group in groupby(told, key=lambda each: each.measure.criterion)
        ),
        findings=sum(each.status == "different" for each in told),
        compared=sum(each.estimate is not None for each in told),
    )


def _sections(experiment: Experiment, found: Sequence[Verdict]) -> Iterator[Section]:
    pairs = [(a.name, b.name) for a, b in combinations(experiment.arms, 2)]
    yield _section("at a glance", *(ratios(found, first, second) for first, second in pairs))
    yield _section(
        "performance", distributions(experiment), still_open(experiment), block_dots(experiment, "performance")
    )
    yield _section("consistency", timeline(experiment), block_dots(experiment, "consistency"))
    yield _section("failure recovery", compensation(experiment), block_dots(experiment, "failure recovery"))
    for criterion in ("traceability", "cost", "load"):
        yield _section(criterion, block_dots(experiment, criterion))


def _section(title: str, *drawings: Drawing | None) -> Section:
    return Section(title, tuple(each for each in drawings if each is not None))
