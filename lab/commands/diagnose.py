"""``lab diagnose``: what can be found out afterwards about the orders of a scenario, and at what cost."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from lab import interrupt
from lab.commands.options import DEFAULT_HOME, HomeOption, JsonOption, narrow_table, out
from lab.topology import DEFAULT_PORT_BASE


def diagnose(
    scenario: Annotated[str, typer.Argument(help="A name from lab scenarios, or the path of a TOML file.")],
    seed: Annotated[int, typer.Option(help="Decides the orders, their faults and the stock.")] = 1,
    port_base: Annotated[int, typer.Option(help="The lab listens on this port and the 42 after it.")] = (
        DEFAULT_PORT_BASE
    ),
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Run a scenario through both lanes with OpenTelemetry on, then look for what each order met and why it failed:
    in the lane's own trail, in the spans, and in both, with the same budget of queries; scored against what was done.
    """
    # Brings the whole lab along, which other commands should not wait for.
    from lab.diagnosis.session import diagnose as run
    from lab.scenario import load_scenario

    loaded = load_scenario(scenario)
    work = run(loaded, seed, home=home.resolve(), port_base=port_base, on_run=lambda _run: None)
    if as_json:
        found = interrupt.run(work)
        out.print_json(json.dumps({lane: asdict(each) for lane, each in found.items()}))
        return
    with out.status(f"running {loaded.name} through both lanes …"):
        found = interrupt.run(work)
    _print(found)


def _print(found: dict[str, Any]) -> None:
    columns = ("edges", "diagnosed", "service", "step", "reason", "input", "stores", "queries")
    table = narrow_table("lane", "asked", "failed", *columns, numbers=("failed", *columns))
    for lane, diagnosed in found.items():
        for source, score in diagnosed.scores.items():
            shares = [_percent(getattr(score, name)) for name in columns[:6]]
            costs = ["" if (mean := getattr(score, name)) is None else f"{mean:.1f}" for name in columns[6:]]
            table.add_row(lane, source, f"{score.failed} of {score.orders}", *shares, *costs)
    out.print(table)
    for lane, diagnosed in found.items():
        out.print(f"{lane}: {diagnosed.bytes_per_order:,.0f} bytes of telemetry for each accepted order")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
