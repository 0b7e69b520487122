"""``lab up`` once its options are read: a lab, its control API, and a console that tells what happens."""

import asyncio
from datetime import datetime

from rich.console import Console
from rich.markup import escape

from lab.continuing import continued
from lab.control.client import RunningLab
from lab.control.server import ControlServer, describe
from lab.embedded import Lab
from lab.errors import LabError
from lab.hints import advised
from lab.lane_client import lane_clients
from lab.processes.state import Event, State
from lab.topology import API, SERVICES, STEP_FUNCTIONS, LabConfig
from services.practices import format_practices

_STYLES = {State.READY: "green", State.BACKOFF: "yellow", State.DOWN: "red", State.FROZEN: "cyan"}


async def serve(config: LabConfig, console: Console, *, fresh: bool = False) -> None:
    """Until ``lab down``, a signal (as a cancellation), or a failure."""
    total = sum(1 + len(config.parts(lane)) for lane in config.lanes) + config.console
    ready: set[str] = set()
    with console.status(f"starting {total} processes …") as progress:

        def tell(event: Event) -> None:
            if event.state is State.READY:
                ready.add(event.name)
            progress.update(f"{len(ready)} of {total} processes have been ready …")
            # While the lab starts and stops, only the count is of interest at a terminal; a log wants every line.
            if serving or not console.is_terminal or event.state not in (State.STARTING, State.READY, State.STOPPED):
                _print(console, event)

        serving = False
        async with Lab(config, on_event=tell, fresh=fresh) as lab, ControlServer(lab) as control:
            progress.stop()
            serving = True
            _say_where(console, lab)
            await _say_what_goes_on(console, lab)
            _say_what_next(console, lab)
            await control.stop_asked.wait()
            serving = False
            console.print("stopping …")
    console.print("stopped; nothing is left running")


def _print(console: Console, event: Event) -> None:
    at = datetime.now().strftime("%H:%M:%S")
    style = _STYLES.get(event.state, "dim")
    console.print(f"[dim]{at}[/] {event.name} [{style}]{escape(event.text)}[/]")


def _say_where(console: Console, lab: Lab) -> None:
    config = lab.config
    if config.lanes == (STEP_FUNCTIONS,):
        console.print(f"Step Functions is up at {config.url(STEP_FUNCTIONS, API)}", markup=False)
        console.print(f"  time scale {config.time_scale:g} · home {config.home}", markup=False)
        return
    console.print(f"Saga Lab is up · time scale {config.time_scale:g} · home {config.home}", markup=False)
    if config.console:
        console.print(f"  the console: {config.console_url}", style="bold", markup=False)
    for lane in config.lanes:
        door = config.url(lane, "door")
        services = "  ".join(f"{name} :{config.port(lane, name)}" for name in SERVICES)
        console.print(f"[bold]{lane}[/] · practices {format_practices(config.practices_of(lane))}")
        console.print(f"  front door {door}   its API {door}/docs")
        console.print(f"  {services}  broker :{config.broker_port(lane)}")


async def _say_what_goes_on(console: Console, lab: Lab) -> None:
    if lab.config.lanes == (STEP_FUNCTIONS,):
        return
    try:
        clients = lane_clients(RunningLab(lab.home, describe(lab)), None)
        said = await asyncio.to_thread(continued, clients)
    except LabError as error:
        said = f"continuing with what an earlier lab left, but it cannot be counted now: {error}"
    if said is not None:
        console.print(said, style="yellow", markup=False)


def _say_what_next(console: Console, lab: Lab) -> None:
    if lab.config.lanes == (STEP_FUNCTIONS,):
        console.print(
            "Try in another terminal (any access key will do):\n"
            f"  export AWS_ENDPOINT_URL_SFN={lab.config.url(STEP_FUNCTIONS, API)} AWS_DEFAULT_REGION=us-east-1\n"
            "  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n"
            "  aws stepfunctions list-state-machines\n"
            f"Ctrl-C (or {advised('lab down', lab.config.home)}) stops everything.",
            markup=False,
        )
        return
    for line in what_next(lab.config):
        console.print(line, markup=False)


def what_next(config: LabConfig) -> list[str]:
    """Commands worth trying, each as it must be typed to reach this lab."""
    advice = (
        ("lab order --wait", "place an order and follow it to its end"),
        ("lab why ORDER", "its story, as each lane tells it"),
        ("lab fault shipping broken", "the label printer is out of ink"),
        ("lab repair shipping", "it has ink again"),
        (f"lab kill {config.lanes[0]}-payment", "it is started again; nothing may be lost"),
        ("lab status", "the processes"),
        ("lab audit", "what the books say"),
    )
    commands = [(advised(command, config.home), meaning) for command, meaning in advice]
    width = max(len(command) for command, _ in commands)
    stop = advised("lab down", config.home)
    return [
        "Try in another terminal:",
        *(f"  {command:<{width}}  {meaning}" for command, meaning in commands),
        f"Ctrl-C (or {stop}) stops everything; lab --help lists the rest.",
    ]
