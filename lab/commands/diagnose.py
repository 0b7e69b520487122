"""``lab diagnose``: what can be found out afterwards about the orders of scenarios, and at what cost."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab import interrupt
from lab.commands.options import DEFAULT_HOME, HomeOption, JsonOption, narrow_table, out
from lab.errors import BadInput
from lab.topology import DEFAULT_PORT_BASE

if TYPE_CHECKING:
    from lab.diagnosis.account import Diagnosed


def diagnose(
    scenario: Annotated[list[str], typer.Argument(help="Names from lab scenarios, or paths of TOML files.")],
    seed: Annotated[int, typer.Option(help="Decides the orders, their faults and the stock.")] = 1,
    write: Annotated[Path | None, typer.Option(help="Write the tables to this file, as Markdown.")] = None,
    port_base: Annotated[int, typer.Option(help="The lab listens on this port and the 42 after it.")] = (
        DEFAULT_PORT_BASE
    ),
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Run scenarios through both lanes with OpenTelemetry on, then look for what each order met and why it failed:
    in the lane's own trail, in the spans, and in both, with the same budget of queries; scored against what was done.
    """
    # Brings the whole lab along, which other commands should not wait for.
    from lab.diagnosis.session import diagnose as run
    from lab.scenario import load_scenario

    found: dict[str, dict[str, Diagnosed]] = {}
    for loaded in [load_scenario(each) for each in scenario]:
        work = run(loaded, seed, home=home.resolve(), port_base=port_base, on_run=lambda _run: None)
        if as_json:
            found[loaded.name] = interrupt.run(work)
            continue
        with out.status(f"running {loaded.name} through both lanes …"):
            found[loaded.name] = interrupt.run(work)
        out.print(loaded.name, markup=False)
        _print(found[loaded.name])
    if as_json:
        told = {name: {lane: asdict(each) for lane, each in lanes.items()} for name, lanes in found.items()}
        out.print_json(json.dumps(told))
    if write is not None:
        _write(write, found, seed)


def _write(path: Path, found: Mapping[str, Mapping[str, "Diagnosed"]], seed: int) -> None:
    from lab.diagnosis.account import markdown
    from lab.experiment.manifest import revision

    try:
        path.write_text(markdown(found, seed, (revision()["commit"] or "unknown")[:10]), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error


def _print(found: Mapping[str, "Diagnosed"]) -> None:
    from lab.diagnosis.account import COSTS, SHARES, cells

    numbers = ("failed", *SHARES, *COSTS)
    table = narrow_table("lane", "asked", *numbers, numbers=numbers)
    for lane, diagnosed in found.items():
        for source, score in diagnosed.scores.items():
            table.add_row(lane, source, *cells(score))
    out.print(table)
    for lane, diagnosed in found.items():
        out.print(f"{lane}: {diagnosed.bytes_per_order:,.0f} bytes of telemetry for each accepted order")
