"""What a spectator of the demo reads, in the order in which it happened."""

import io

from rich.console import Console

from lab.demo_progress import Progress
from lab.processes.state import Event, State
from lab.trial import Run


def test_what_was_done_is_told_before_what_came_of_it() -> None:
    written = io.StringIO()
    progress = Progress(Console(file=written, width=100), "hardened", None)
    run = Run()
    progress.on_run(run)
    run.actions.append((1.0, "kill choreography-payment"))
    progress.on_event(Event("choreography-payment", State.BACKOFF, "ended (SIGKILL)"))
    progress.on_run(run)
    lines = written.getvalue().splitlines()
    told = [line.split("] ")[1] for line in lines if "payment" in line]
    assert told == ["kill choreography-payment", "choreography-payment ended (SIGKILL)"]
