"""``lab up`` and ``lab down``."""

import os
import signal
import subprocess
import sys
import time
from typing import Annotated

import typer

from lab import interrupt
from lab.commands.options import DEFAULT_HOME, HomeOption, LaneChoice, LaneOption, err, find_lab, out
from lab.control.client import running_lab
from lab.errors import BadInput, LabError, NotReady, NotUp
from lab.home import Home, holder, wait_gone
from lab.processes.log_file import LogFile
from lab.topology import DEFAULT_PORT_BASE, LabConfig
from services.practices import Practices, parse_practices

# Retry waits of 0.3, 0.6 and 1.2 s instead of 3, 6 and 12: quick enough to watch, slow enough to follow by eye.
DEFAULT_TIME_SCALE = 0.1
DETACHED_UP_WITHIN_S = 120.0
DOWN_WITHIN_S = 30.0


def up(
    lane: LaneOption = LaneChoice.BOTH,
    practices: Annotated[
        str, typer.Option(help="hardened, naive, a comma-separated list, or a preset less some: hardened,-outbox.")
    ] = "hardened",
    time_scale: Annotated[
        float, typer.Option(help="Multiplies retry waits, deadlines and call timeouts; 1 is real life.")
    ] = DEFAULT_TIME_SCALE,
    port_base: Annotated[int, typer.Option(help="The lab listens on this port and the 39 after it.")] = (
        DEFAULT_PORT_BASE
    ),
    conductors: Annotated[int, typer.Option(help="How many conductor processes.")] = 2,
    tracker: Annotated[bool, typer.Option(help="Keep a read model of order status.")] = True,
    restart: Annotated[bool, typer.Option(help="Start a process again that ended by itself.")] = True,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background; output goes to logs/lab.log.")] = (
        False
    ),
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
    )
    if detach:
        _detach(
            Home(home.resolve()),
            f"--lane={lane.value}",
            f"--practices={practices}",
            f"--time-scale={time_scale}",
            f"--port-base={port_base}",
            f"--conductors={conductors}",
            "--tracker" if tracker else "--no-tracker",
            "--restart" if restart else "--no-restart",
        )
        return
    from lab.serving import serve  # brings aiohttp along, which other commands should not wait for

    try:
        interrupt.run(serve(config, out))
    except interrupt.Interrupted:
        out.print("stopped; nothing is left running")  # how a lab is meant to end


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


def _detach(home: Home, *options: str) -> None:
    """The same command without ``--detach``, in a session of its own; returns when the lab is up."""
    home.make()
    log = LogFile(home.lab_log)
    with log.open() as output:
        since = log.size()
        process = subprocess.Popen(
            [sys.executable, "-m", "lab", "up", *options, f"--home={home.path}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + DETACHED_UP_WITHIN_S
    with out.status("starting …"):
        while not _answers(home, process.pid):
            if process.poll() is not None:
                raise _Failed(log.tail(60, since), process.returncode)
            if time.monotonic() > deadline:
                process.terminate()
                raise NotReady(f"the lab was not up within {DETACHED_UP_WITHIN_S:g} s; see {log.path}")
            time.sleep(0.1)
    running = find_lab(home.path)
    for name in running.lanes:
        out.print(f"{name}: {running.url(name, 'door')}")
    out.print(f"up in the background (pid {process.pid}); output in {log.path}; stop it with: lab down")


def _answers(home: Home, pid: int) -> bool:
    """Not just that the socket is there: a lab that was killed leaves its own behind."""
    try:
        return bool(running_lab(home).status["pid"] == pid)
    except NotUp:
        return False


class _Failed(LabError):
    """The lab in the background said why itself, at the end of its log; its exit code is ours."""

    def __init__(self, lines: list[str], exit_code: int) -> None:
        said = next((place for place in reversed(range(len(lines))) if lines[place].startswith("lab: ")), 0)
        super().__init__("\n".join(lines[said:]).removeprefix("lab: ") or "it ended without a word")
        self.exit_code = exit_code or 1
