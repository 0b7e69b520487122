"""``lab stepfunctions``: the conductor by itself, as a local AWS Step Functions."""

from pathlib import Path
from typing import Annotated, Final

import typer

from lab import interrupt
from lab.commands.detaching import detach_command, say_detached
from lab.commands.options import HomeOption, out
from lab.errors import BadInput
from lab.home import Home
from lab.topology import API, API_OFFSET, STEP_FUNCTIONS, LabConfig

DEFAULT_STEP_FUNCTIONS_HOME: Final = Path(".lab") / STEP_FUNCTIONS
# That of AWS's own local version, so that a set-up made for it need not change.
DEFAULT_PORT: Final = 8083


def stepfunctions(
    port: Annotated[int, typer.Option(help="Where boto3 and the AWS CLI find it.")] = DEFAULT_PORT,
    conductors: Annotated[int, typer.Option(help="How many conductor processes.")] = 1,
    time_scale: Annotated[float, typer.Option(help="Multiplies every wait and timeout; 1 is real life.")] = 1.0,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background; output goes to logs/lab.log.")] = (
        False
    ),
    home: HomeOption = DEFAULT_STEP_FUNCTIONS_HOME,
) -> None:
    """Run the conductor alone: a local, durable Step Functions for boto3, the AWS CLI and every SDK."""
    if not 1026 <= port <= 65_000:
        raise BadInput(f"the port must be 1026 to 65000, not {port}: the broker takes the two before it")
    if detach:
        options = (f"--port={port}", f"--conductors={conductors}", f"--time-scale={time_scale}")
        running = detach_command(Home(home.resolve()), "stepfunctions", *options)
        out.print(f"Step Functions: {running.url(STEP_FUNCTIONS, API)}")
        say_detached(running, Home(home.resolve()))
        return
    from lab.serving import serve  # brings aiohttp along, which other commands should not wait for

    config = LabConfig(
        home=home,
        port_base=port - API_OFFSET,
        lanes=(STEP_FUNCTIONS,),
        time_scale=time_scale,
        conductors=conductors,
    )
    try:
        interrupt.run(serve(config, out))
    except interrupt.Interrupted:
        out.print("stopped; nothing is left running")  # how it is meant to end
