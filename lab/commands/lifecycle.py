"""``lab up`` and ``lab down``."""

import os
import signal
from typing import Annotated

import typer

from lab import interrupt
from lab.commands.detaching import detach_command, say_detached
from lab.commands.options import DEFAULT_HOME, HomeOption, LaneChoice, LaneOption, err, has_console, out
from lab.continuing import continued
from lab.errors import BadInput, NotUp
from lab.home import Home, holder, wait_gone
from lab.lane_client import lane_clients
from lab.topology import DEFAULT_PORT_BASE, HOST, LabConfig
from services.practices import Practices, parse_practices

# Retry waits of 0.3, 0.6 and 1.2 s instead of 3, 6 and 12: quick enough to watch, slow enough to follow by eye.
DEFAULT_TIME_SCALE = 0.1
DOWN_WITHIN_S = 30.0


def up(
    lane: LaneOption = LaneChoice.BOTH,
    practices: Annotated[
        str, typer.Option(help="hardened, naive, a comma-separated list, or a preset less some: hardened,-outbox.")
    ] = "hardened",
    time_scale: Annotated[
        float, typer.Option(help="Multiplies retry waits, deadlines and call timeouts; 1 is real life.")
    ] = DEFAULT_TIME_SCALE,
    port_base: Annotated[
        int, typer.Option(envvar="LAB_PORT_BASE", help="The lab listens on this port and the 42 after it.")
    ] = DEFAULT_PORT_BASE,
    conductors: Annotated[int, typer.Option(help="How many conductor processes.")] = 2,
    tracker: Annotated[bool, typer.Option(help="Keep a read model of order status.")] = True,
    restart: Annotated[bool, typer.Option(help="Start a process again that ended by itself.")] = True,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background; output goes to logs/lab.log.")] = (
        False
    ),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Remove what an earlier lab of this home left: orders, books, fault rules.")
    ] = False,
    console: Annotated[bool, typer.Option(help="Serve the console: the lab as a web page.")] = True,
    host: Annotated[
        str, typer.Option(help="Where the console listens; beyond this machine only with LAB_PASSWORD set.")
    ] = HOST,
    traces: Annotated[
        bool,
        typer.Option("--traces", help="Make OpenTelemetry spans in every process, and keep them: lab trace ORDER."),
    ] = False,
    trace_sample: Annotated[float, typer.Option(help="The share of traces that are recorded.", min=0, max=1)] = 1.0,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Start the lab, and run it until Ctrl-C or [bold]lab down[/]."""
    config = LabConfig(
        home=home,
        port_base=port_base,
        lanes=lane.lanes(),
        practices=dict.fromkeys(lane.lanes(), _practices(practices)),
        time_scale=time_scale,
        conductors=conductors,
        tracker=tracker,
        restart=restart,
        traces=traces,
        trace_sample=trace_sample,
        console=console and has_console(),
        console_host=host,
        console_password=os.environ.get("LAB_PASSWORD", ""),
        grafana_url=os.environ.get("LAB_GRAFANA_URL", ""),
    )
    if detach:
        _up_detached(config, lane, practices, fresh=fresh)
        return
    from lab.serving import serve  # brings aiohttp along, which other commands should not wait for

    try:
        interrupt.run(serve(config, out, fresh=fresh))
    except interrupt.Interrupted:
        out.print("stopped; nothing is left running")  # how a lab is meant to end


def _up_detached(config: LabConfig, lane: LaneChoice, practices: str, *, fresh: bool) -> None:
    place = Home(config.home.resolve())
    running = detach_command(
        place,
        "up",
        f"--lane={lane.value}",
        f"--practices={practices}",
        f"--time-scale={config.time_scale}",
        f"--port-base={config.port_base}",
        f"--conductors={config.conductors}",
        "--tracker" if config.tracker else "--no-tracker",
        "--restart" if config.restart else "--no-restart",
        "--console" if config.console else "--no-console",
        f"--host={config.console_host}",
        *(["--fresh"] if fresh else []),
        *(["--traces", f"--trace-sample={config.trace_sample}"] if config.traces else []),
    )
    for name in running.lanes:
        out.print(f"{name}: {running.url(name, 'door')}")
    if config.console:
        out.print(f"the console: {config.console_url}", style="bold", markup=False)
    told = continued(lane_clients(running, None))
    if told is not None:
        out.print(told, style="yellow", markup=False)
    say_detached(running, place)


def down(home: HomeOption = DEFAULT_HOME) -> None:
    """Stop the lab: gently, then by force."""
    place = Home(home.resolve())
    pid = holder(place)
    if pid is None:
        raise NotUp(f"no lab is up in {place.path}")
    os.kill(pid, signal.SIGTERM)
    with out.status("stopping …"):
        gone = wait_gone(place, pid, DOWN_WITHIN_S)
    if not gone:
        os.kill(pid, signal.SIGKILL)  # its children die with it
        err.print(f"lab: it did not stop within {DOWN_WITHIN_S:g} s and was killed (pid {pid})")
        raise typer.Exit(1)
    out.print("stopped; nothing is left running")


def _practices(text: str) -> Practices:
    try:
        return parse_practices(text)
    except ValueError as error:
        raise BadInput(str(error)) from None
