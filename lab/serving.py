"""``lab up`` once its options are read: a lab, its control API, and a console that tells what happens."""

from datetime import datetime

from rich.console import Console
from rich.markup import escape

from lab.control.server import ControlServer
from lab.embedded import Lab
from lab.processes.state import Event, State
from lab.topology import SERVICES, LabConfig
from services.practices import format_practices

_STYLES = {State.READY: "green", State.BACKOFF: "yellow", State.DOWN: "red", State.FROZEN: "cyan"}


async def serve(config: LabConfig, console: Console) -> None:
    """Until ``lab down``, a signal (as a cancellation), or a failure."""
    total = sum(1 + len(config.parts(lane)) for lane in config.lanes)
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
        async with Lab(config, on_event=tell) as lab, ControlServer(lab) as control:
            progress.stop()
            serving = True
            _say_where(console, lab)
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
    console.print(f"Saga Lab is up · time scale {config.time_scale:g} · home {config.home}", markup=False)
    for lane in config.lanes:
        door = config.url(lane, "door")
        services = "  ".join(f"{name} :{config.port(lane, name)}" for name in SERVICES)
        console.print(f"[bold]{lane}[/] · practices {format_practices(config.practices_of(lane))}")
        console.print(f"  front door {door}   its API {door}/docs")
        console.print(f"  {services}  broker :{config.broker_port(lane)}")


def _say_what_next(console: Console, lab: Lab) -> None:
    lane = lab.config.lanes[0]
    console.print(
        "Try in another terminal:\n"
        "  lab order --wait                      place an order and follow it to its end\n"
        "  lab why ORDER                         its story, as each lane tells it\n"
        "  lab fault shipping broken             the label printer is out of ink; then: lab repair shipping\n"
        f"  lab kill {lane + '-payment':<28} it is started again; nothing may be lost\n"
        "  lab status · lab audit · lab --help\n"
        "Ctrl-C (or lab down) stops everything.",
        markup=False,
    )
