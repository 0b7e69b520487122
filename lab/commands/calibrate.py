"""``lab calibrate``: experiments whose answer is known, to see whether the instrument finds it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lab.commands.options import DEFAULT_HOME, HomeOption, out
from lab.commands.run import PortOption, run_design
from lab.topology import DEFAULT_PORT_BASE, LANES

if TYPE_CHECKING:
    from lab.experiment.design import Design
    from lab.scenario import Scenario


def calibrate(
    scenario: Annotated[str, typer.Argument(help="A name from lab scenarios, or the path of a TOML file.")] = "calm",
    blocks: Annotated[int, typer.Option(help="Of each experiment.")] = 20,
    lane: Annotated[list[str] | None, typer.Option(help="Which lane; may be given twice. Default: every one.")] = None,
    handicap: Annotated[
        float, typer.Option(help="By what share the second arm is slowed; 0: only each lane against itself.")
    ] = 0.1,
    seed: Annotated[int, typer.Option(help="Decides orders, faults, and the order of the arms.")] = 1,
    port_base: PortOption = DEFAULT_PORT_BASE,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Each lane against itself must show no difference, and against itself slowed on purpose one. Exit 1: not so."""
    from lab.experiment.runner import Place
    from lab.experiment.store import load
    from lab.scenario import load_scenario
    from lab.statistics.instrument import against_itself, slowed
    from lab.statistics.verdict import verdicts

    checks = []
    for design in _designs(load_scenario(scenario), lane or list(LANES), blocks, handicap, seed):
        folder = run_design(design, Place(home, port_base))
        found, last = verdicts(load(folder)), design.arms[-1]
        what = f"{last.lane} slowed by {100 * last.handicap:g} %" if last.handicap else f"{last.lane} against itself"
        checks.append((what, slowed(found, last.name) if last.handicap else against_itself(found)))
    for what, check in checks:
        out.print(Text(f"{'holds' if check.holds else 'DOES NOT HOLD'}: {what}, {blocks} blocks: {check.told}"))
    if not all(check.holds for _, check in checks):
        raise typer.Exit(1)


def _designs(scenario: "Scenario", lanes: list[str], blocks: int, handicap: float, seed: int) -> Iterator["Design"]:
    from lab.experiment.design import Design, arms_of

    for lane in lanes:
        for share in (0.0, handicap) if handicap else (0.0,):
            yield Design(scenario, arms_of(scenario, (lane, lane), handicap=share), blocks, seed)
