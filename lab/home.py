"""The lab's home folder: its paths, the lock that keeps a second lab out, and the children of a lab that died.

Must not start anything.
"""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lab.errors import AlreadyUp, BadInput
from lab.processes.observe import is_same, kill_and_wait, started_at

ORPHANS_GONE_WITHIN_S = 5.0
# Somebody who only looks whether a lab is up holds the lock for a moment as well.
LOCK_WITHIN_S = 0.3
LOCK_NAME = "lab.lock"


@dataclass(frozen=True)
class Home:
    """Paths below one folder."""

    path: Path

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def lab_log(self) -> Path:
        return self.logs / "lab.log"

    @property
    def socket(self) -> Path:
        return self.path / "control.sock"

    @property
    def lock(self) -> Path:
        return self.path / LOCK_NAME

    @property
    def pids(self) -> Path:
        return self.path / "lab.pids.json"

    def make(self) -> None:
        """Raises ``BadInput`` when the folder cannot be made or written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise BadInput(f"cannot use {self.path} as the lab's home: {error.strerror or error}") from error
        if not os.access(self.path, os.W_OK):
            raise BadInput(f"cannot write in the lab's home {self.path}")


class HomeLock:
    """Held by the one lab of a home. The kernel lets go of it however the lab dies, so it is never stale."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._file: IO[str] | None = None

    def __enter__(self) -> "HomeLock":
        """Raises ``AlreadyUp``."""
        file = self._home.lock.open("a+")
        if not _locked_within(file, LOCK_WITHIN_S):
            file.close()
            raise AlreadyUp(
                f"a lab is up in {self._home.path} already (pid {holder(self._home)}); "
                f"stop it with `lab down --home {self._home.path}`, or choose another --home and --port-base"
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()


def holder(home: Home) -> int | None:
    """The pid of the lab that is up in this home."""
    if not home.lock.exists():
        return None
    with home.lock.open("r+") as file:
        if _lock(file):
            return None
        return int(file.read().strip() or 0) or None


def wait_gone(home: Home, pid: int, timeout_s: float) -> bool:
    """Whether the home's lab has let go of it, and the process itself has ended, within the time."""
    started = started_at(pid)
    deadline = time.monotonic() + timeout_s
    with home.lock.open("r+") as file:
        unlocked = _locked_within(file, timeout_s)
    while started is not None and is_same(pid, started):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return unlocked


def _locked_within(file: IO[str], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not _lock(file):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def record_children(home: Home, pids: Mapping[str, int]) -> None:
    """Remember the running children with their start times, for the lab that comes after a crash of this one."""
    entries = {name: {"pid": pid, "started": started_at(pid)} for name, pid in pids.items()}
    fresh = home.pids.with_name(home.pids.name + ".new")
    fresh.write_text(json.dumps(entries))
    fresh.replace(home.pids)


def clear_orphans(home: Home) -> list[str]:
    """End what an earlier lab of this home left running; the names. Only call it with the lock held."""
    orphans = _orphans(home)
    alive = kill_and_wait(orphans.values(), ORPHANS_GONE_WITHIN_S)
    if alive:
        raise AlreadyUp(f"processes of an earlier lab in {home.path} do not end: pids {', '.join(map(str, alive))}")
    home.pids.unlink(missing_ok=True)
    return list(orphans)


def _orphans(home: Home) -> dict[str, int]:
    try:
        recorded = json.loads(home.pids.read_text())
    except (FileNotFoundError, ValueError):
        return {}  # none, or cut off by a power failure, which leaves no processes either
    return {
        name: entry["pid"]
        for name, entry in recorded.items()
        if entry["started"] is not None and is_same(entry["pid"], entry["started"])
    }
