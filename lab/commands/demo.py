"""``lab demo``."""

from typing import Annotated

import typer

from lab import interrupt
from lab.commands.options import DEFAULT_HOME, HomeOption, has_console, out
from lab.topology import DEFAULT_PORT_BASE


def demo(
    scenario: Annotated[str, typer.Option(help="A name from lab scenarios, or the path of a TOML file.")] = (
        "printer-out-of-ink"
    ),
    seed: Annotated[int, typer.Option(help="Decides the orders, their faults and the stock.")] = 1,
    presets: Annotated[str, typer.Option(help="Which presets of practices, one after the other.")] = "hardened,naive",
    port_base: Annotated[int, typer.Option(help="The lab listens on this port and the 39 after it.")] = (
        DEFAULT_PORT_BASE
    ),
    console: Annotated[
        bool | None,
        typer.Option(help="Serve the console while it runs; by default where somebody looks: at a terminal."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Run the same orders through both lanes under the same faults, and judge. Exit code 1: not clean."""
    from lab.demo import DemoOptions, run_demo  # brings the whole lab along, which other commands should not wait for

    chosen = tuple(filter(None, (preset.strip() for preset in presets.split(","))))
    wanted = out.is_terminal if console is None else console
    options = DemoOptions(
        home=home,
        port_base=port_base,
        seed=seed,
        scenario=scenario,
        presets=chosen,
        console=wanted and has_console(),
    )
    raise typer.Exit(interrupt.run(run_demo(options, out)))
