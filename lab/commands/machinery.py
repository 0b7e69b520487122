"""``lab kill``, ``freeze``, ``thaw``, ``restart``, ``status`` and ``logs``: the processes themselves."""

import json
import time
from typing import Annotated

import typer

from lab.commands.options import DEFAULT_HOME, HomeOption, JsonOption, find_lab, narrow_table, out
from lab.errors import BadInput
from lab.hints import advised
from lab.home import Home
from lab.processes.log_file import LogFile
from lab.processes.state import State

ProcessArgument = Annotated[str, typer.Argument(metavar="PROCESS", help="As listed by lab status.")]

_STYLES = {State.READY: "green", State.DOWN: "red", State.BACKOFF: "yellow", State.STARTING: "yellow"}
_FOLLOW_EVERY_S = 0.3


def kill(
    process: ProcessArgument,
    stay_down: Annotated[bool, typer.Option("--stay-down", help="Do not start it again.")] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """SIGKILL a process; it is started again unless restarts are off."""
    state = find_lab(home).act(process, "kill", stay_down=True if stay_down else None)
    out.print(f"{process}: killed; {'it stays down' if state == State.DOWN else 'it will be started again'}")


def freeze(process: ProcessArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """SIGSTOP a process: alive, and silent."""
    out.print(f"{process}: {find_lab(home).act(process, 'freeze')}")


def thaw(process: ProcessArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """SIGCONT a frozen process."""
    out.print(f"{process}: {find_lab(home).act(process, 'thaw')}")


def restart(process: ProcessArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """Stop a process gently and start it again; also one that stayed down."""
    out.print(f"{process}: {find_lab(home).act(process, 'restart', stay_down=False)}")


def status(as_json: JsonOption = False, home: HomeOption = DEFAULT_HOME) -> None:
    """Show the lab's processes. Exit code 1 when one is not ready."""
    lab = find_lab(home)
    if as_json:
        out.print_json(json.dumps(lab.status))
    else:
        who = f"project {lab.status['project']}" if lab.status.get("project") else f"pid {lab.status['pid']}"
        out.print(f"{who} · time scale {lab.status['time_scale']:g} · {lab.home.path}", markup=False)
        numbers = ("pid", "restarts", "cpu s", "MB", "port")
        table = narrow_table("process", "state", *numbers, "last end", numbers=numbers)
        for each in lab.status["processes"]:
            table.add_row(
                each["name"],
                f"[{_STYLES.get(each['state'], 'cyan')}]{each['state']}[/]",
                str(each["pid"] or ""),
                str(each["restarts"]),
                f"{each['cpu_s']:.1f}",
                f"{each['rss_bytes'] / 2**20:.0f}",
                str(each["ports"][0]) if each["ports"] else "",
                each["last_exit"] or "",
            )
        out.print(table)
    if any(each["state"] != State.READY for each in lab.status["processes"]):
        raise typer.Exit(1)


def logs(
    process: Annotated[str | None, typer.Argument(metavar="[PROCESS]", help="Default: every process.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 20,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show what the processes wrote; also after the lab has ended."""
    files = _log_files(Home(home.resolve()), process)
    for file in files:
        for line in file.tail(lines):
            _print(file, line, alone=len(files) == 1)
    ends = {file: file.size() for file in files}
    while follow:
        time.sleep(_FOLLOW_EVERY_S)
        for file in files:
            size = file.size()
            if size != ends[file]:
                for line in file.tail(1000, since=ends[file]):
                    _print(file, line, alone=len(files) == 1)
                ends[file] = size


def _log_files(home: Home, process: str | None) -> list[LogFile]:
    known = sorted(path.stem for path in home.logs.glob("*.log"))
    if not known:
        start = advised("lab up", home.path)
        raise BadInput(f"no logs in {home.logs}; start a lab with `{start}`, or name its folder by --home")
    if process is not None and process not in known:
        raise BadInput(f"no logs of a process {process!r}; there are: {', '.join(known)}")
    return [LogFile(home.logs / f"{name}.log") for name in known if process in (None, name)]


def _print(file: LogFile, line: str, *, alone: bool) -> None:
    prefix = "" if alone else f"{file.path.stem} | "
    out.print(f"{prefix}{line}", markup=False)
