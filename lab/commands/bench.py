"""``lab bench``."""

from typing import Annotated

import typer

from lab import interrupt
from lab.commands.options import DEFAULT_HOME, HomeOption, LaneChoice, LaneOption, out
from lab.topology import DEFAULT_PORT_BASE


def bench(
    lane: LaneOption = LaneChoice.BOTH,
    rounds: Annotated[int, typer.Option(help="Rounds at saturation; the floor and the lanes take turns.")] = 3,
    seconds: Annotated[float, typer.Option(help="Length of a round; its first quarter is not counted.")] = 8.0,
    clients: Annotated[int, typer.Option(help="How many orders are on their way at a time.")] = 256,
    profile: Annotated[bool, typer.Option("--profile", help="One more round, under py-spy.")] = False,
    port_base: Annotated[int, typer.Option(help="The lab listens on this port and the 39 after it.")] = (
        DEFAULT_PORT_BASE
    ),
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Measure orders per second to a final outcome, beside a floor without an engine."""
    # Brings the whole lab along, which other commands should not wait for.
    from lab.bench import BenchOptions, run_bench

    options = BenchOptions(
        home=home,
        port_base=port_base,
        lanes=lane.lanes(),
        rounds=rounds,
        round_s=seconds,
        warm_s=seconds / 4,
        half_s=seconds,
        clients=clients,
        profile=profile,
    )
    raise typer.Exit(interrupt.run(run_bench(options, out)))
