"""``lab run``, ``lab rerun``, ``lab ablation`` and ``lab scenarios``: experiments."""

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from lab import interrupt
from lab.commands.options import DEFAULT_HOME, HomeOption, narrow_table, out
from lab.commands.report import write_report
from lab.errors import LabError
from lab.target.chosen import CHOSEN, Where
from lab.topology import DEFAULT_PORT_BASE

if TYPE_CHECKING:
    from lab.experiment.design import Design, Target
    from lab.experiment.records import Experiment
    from lab.experiment.runner import Place, Progress

PortOption = Annotated[int, typer.Option(help="The lanes listen on this port and those after it.")]
SHOWN = ("anomalies", "stuck", "fulfilled_share", "latency_p50_s", "latency_p99_s", "recovery_s", "cpu_ms_per_order")


def run(
    scenario: Annotated[str, typer.Argument(help="A name from lab scenarios, or the path of a TOML file.")],
    blocks: Annotated[int | None, typer.Option(help="How often every arm is run. Default: 10.")] = None,
    lanes: Annotated[str, typer.Option(help="Which lanes; one named twice is compared with itself.")] = "",
    practices: Annotated[str, typer.Option(help="A preset: hardened or naive.")] = "hardened",
    without: Annotated[str | None, typer.Option(help="Switch one practice off.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two blocks: a look, not a result.")] = False,
    seed: Annotated[int, typer.Option(help="Decides orders, faults, and the order of the arms.")] = 1,
    traces: Annotated[bool, typer.Option("--traces", help="Make spans, and measure what they tell.")] = False,
    handicap: Annotated[float, typer.Option(hidden=True)] = 0.0,
    port_base: PortOption = DEFAULT_PORT_BASE,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Run a scenario through each lane, one at a time, in interleaved blocks; the same command goes on after Ctrl-C."""
    from lab.experiment.design import DEFAULT_BLOCKS, QUICK_BLOCKS, Design, arms_of
    from lab.experiment.runner import Place
    from lab.scenario import load_scenario

    found = load_scenario(scenario)
    chosen = [lane for lane in (part.strip() for part in lanes.split(",")) if lane]
    count = blocks if blocks is not None else QUICK_BLOCKS if quick else DEFAULT_BLOCKS
    arms = arms_of(found, chosen, practices, without, handicap)
    folder = run_design(Design(found, arms, count, seed, traces, _target()), Place(home, port_base))
    write_report(folder, folder / "report")


def rerun(
    result: Annotated[str, typer.Argument(help="An experiment's name or folder, or latest.")],
    port_base: PortOption = DEFAULT_PORT_BASE,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Run an experiment again exactly, from its manifest, and say what was the same. Exit code 1: not the same."""
    from lab.experiment.design import Design
    from lab.experiment.runner import Place, compare, must_be_finished
    from lab.experiment.store import find, load_manifest

    first = find(home.resolve(), result)
    must_be_finished(first)
    design = Design.from_json(load_manifest(first)["design"])
    second = run_design(design, Place(home, port_base), {"rerun_of": first.name})
    same = compare(first, second)
    for name, holds in vars(same).items():
        out.print(f"{name}: {'the same' if holds else 'NOT the same'}")
    if not all(vars(same).values()):
        raise typer.Exit(1)


def ablation(
    scenario: Annotated[list[str], typer.Argument(help="Names from lab scenarios.")],
    write: Annotated[
        Path | None, typer.Option(help="Write the table of every finished ablation of this home to this file.")
    ] = None,
    blocks: Annotated[int, typer.Option(help="How often.")] = 1,
    seed: Annotated[int, typer.Option(help="Decides orders, faults, and the order of the arms.")] = 1,
    port_base: PortOption = DEFAULT_PORT_BASE,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Switch each practice off alone, in each lane, and show which anomalies appear: practice × scenario × lane."""
    from lab.experiment.ablation import markdown, newest
    from lab.experiment.design import Design, ablation_arms
    from lab.experiment.runner import Place
    from lab.experiment.store import experiments, load
    from lab.scenario import load_scenario

    for found in map(load_scenario, scenario):
        run_design(Design(found, ablation_arms(found), blocks, seed, target=_target()), Place(home, port_base))
    if write is not None:
        write.write_text(markdown(newest(map(load, experiments(home.resolve())))), encoding="utf-8")
        out.print(f"written: {write}", markup=False)


def scenarios(
    name: Annotated[str | None, typer.Argument(help="One scenario: everything about it.")] = None,
) -> None:
    """List the scenarios, or explain one: what it asks, which criterion it speaks to, what it does and when."""
    from lab.scenario import known_scenarios, load_scenario
    from lab.scenario_words import explained, pairing

    if name is not None:
        for heading, text in explained(load_scenario(name)):
            out.print(f"[bold]{heading}[/]  {escape(text)}", soft_wrap=True)
        return
    table = narrow_table("scenario", "criterion", "lanes", "what happens", wrap=("what happens",))
    for each in map(load_scenario, known_scenarios()):
        table.add_row(each.name, each.criterion, pairing(each), each.title)
    out.print(table)


def _target() -> "Target":
    """Trials make their own processes, unless the containers are asked for."""
    return "compose" if CHOSEN.get() is Where.COMPOSE else "embedded"


def run_design(design: "Design", place: "Place", more: dict[str, Any] | None = None) -> Path:
    """Says how it goes; the folder with the results. Raises ``LabError``."""
    from lab.experiment.runner import run_experiment, unfinished
    from lab.experiment.store import load

    scenario = design.scenario
    out.print(f"{scenario.name}: {scenario.asks or scenario.title}", markup=False)
    if design.target == "compose":
        out.print("on the containers that are up; what they did before is set aside")
    earlier = unfinished(place.home.resolve(), design)
    if earlier is not None:
        out.print(f"going on with {earlier}", markup=False)
    try:
        folder = interrupt.run(run_experiment(design, place, _say, more=more))
    except interrupt.Interrupted as stopped:
        kept = unfinished(place.home.resolve(), design)
        raise Stopped(f"{stopped}; finished trials are kept in {kept}: the same command goes on", stopped) from None
    _show(load(folder))
    out.print(f"written: {folder}", markup=False)
    return folder


class Stopped(LabError):
    """Give the same command again to go on."""

    def __init__(self, text: str, by: LabError) -> None:
        super().__init__(text)
        self.exit_code = by.exit_code


def _say(progress: "Progress") -> None:
    trial, slot = progress.trial, progress.slot
    if trial is None:
        return
    found = trial.measures
    facts = [f"{name.replace('_', ' ')} {count}" for name, count in trial.outcomes.items() if count]
    facts.append(f"orders with anomalies {found['anomalies'] or 0:g}")
    facts += [] if trial.clean else ["NOT clean"]
    facts += [
        f"{name} {found[key]:.3f} s" for name, key in (("p50", "latency_p50_s"), ("p99", "latency_p99_s")) if found[key]
    ]
    line = f"[{progress.number:>3}/{progress.of}] block {slot.block + 1} {slot.arm.name}: {', '.join(facts)}"
    out.print(f"{line}; took {progress.took_s:.0f} s, {_minutes(progress.left_s)} left", markup=False)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def _show(experiment: "Experiment") -> None:
    """Medians over the trials of an arm: a glance, no verdict."""
    arms = [arm.name for arm in experiment.arms]
    table = narrow_table("median of the trials", *arms, numbers=tuple(arms))
    for name in SHOWN:
        values = ([trial.measures[name] for trial in experiment.of(arm)] for arm in arms)
        table.add_row(name, *(_median([value for value in found if value is not None]) for found in values))
    out.print(table)


def _median(values: list[float]) -> str:
    return f"{median(values):.4g}" if values else "–"
