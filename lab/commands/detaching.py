"""Running a lab in the background: the command starts itself again, and returns when that lab is up."""

import subprocess
import sys
import time
from typing import Final

from lab.commands.options import err, find_lab, out
from lab.control.client import RunningLab, running_lab
from lab.errors import LabError, NotReady, NotUp
from lab.hints import advised
from lab.home import Home
from lab.processes.log_file import LogFile

DETACHED_UP_WITHIN_S: Final = 120.0
STOPPED_WITHIN_S: Final = 30.0


def detach_command(home: Home, command: str, *options: str) -> RunningLab:
    """The same command without ``--detach``, in a session of its own; returns when it is up. Raises ``LabError``."""
    home.make()
    log = LogFile(home.lab_log)
    with log.open() as output:
        since = log.size()
        process = subprocess.Popen(
            [sys.executable, "-m", "lab", command, *options, f"--home={home.path}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with out.status("starting …"):
            _until_up(home, process, log, since)
    except KeyboardInterrupt:
        err.print("stopping what was starting in the background …")
        _stop(process)
        raise
    return find_lab(home.path)


def _until_up(home: Home, process: subprocess.Popen[bytes], log: LogFile, since: int) -> None:
    deadline = time.monotonic() + DETACHED_UP_WITHIN_S
    while not _answers(home, process.pid):
        if process.poll() is not None:
            raise _Failed(log.tail(60, since), process.returncode)
        if time.monotonic() > deadline:
            process.terminate()
            raise NotReady(f"the lab was not up within {DETACHED_UP_WITHIN_S:g} s; see {log.path}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()  # its children die with it
        process.wait()


def say_detached(running: RunningLab, home: Home) -> None:
    pid = running.status["pid"]
    stop = advised("lab down", home.path)
    out.print(f"up in the background (pid {pid}); output in {home.lab_log}; stop it with: {stop}", markup=False)


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
