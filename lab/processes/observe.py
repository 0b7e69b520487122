"""What the operating system knows of a process: is it still the same one, what does it cost, which port has it."""

import signal
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

# A start time is known to a clock tick; that of a reused pid differs by far more.
SAME_START_S = 1.0


@dataclass(frozen=True)
class Usage:
    cpu_s: float
    rss_bytes: int
    frozen: bool


def usage(pid: int) -> Usage | None:
    """None when it has ended."""
    try:
        seen = psutil.Process(pid)
        with seen.oneshot():
            times = seen.cpu_times()
            frozen = seen.status() == psutil.STATUS_STOPPED
            return Usage(times.user + times.system, seen.memory_info().rss, frozen)
    except psutil.NoSuchProcess:
        return None


def started_at(pid: int) -> float | None:
    """Epoch seconds; with the pid it names a process for good. None when it has ended."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def is_same(pid: int, started: float) -> bool:
    """Whether the process of that start still runs (one that only waits to be reaped does not)."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < SAME_START_S
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def kill_and_wait(pids: Iterable[int], timeout_s: float) -> list[int]:
    """SIGKILL for processes that are not our children; those that are still there after the time."""
    processes = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            process.send_signal(signal.SIGKILL)
            processes.append(process)
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(processes, timeout=timeout_s)
    return [process.pid for process in alive]


@dataclass(frozen=True)
class Listener:
    """Who listens on a port. ``parent_files``: what the process that started it holds open."""

    name: str
    pid: int
    parent_files: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def listener(port: int) -> Listener | None:
    """The process that listens on a TCP port, where the system lets us see it."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid is not None:
                found = psutil.Process(connection.pid)
                return Listener(found.name(), found.pid, _files_of(found.parent()))
    except psutil.Error:
        return None  # not ours to see
    return None


def _files_of(process: psutil.Process | None) -> tuple[str, ...]:
    try:
        return tuple(file.path for file in process.open_files()) if process is not None else ()
    except psutil.Error:
        return ()
