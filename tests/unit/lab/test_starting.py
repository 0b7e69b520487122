"""Starting in the background, and being asked meanwhile."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lab.commands import detaching
from lab.control.client import running_lab
from lab.errors import NotUp, Starting
from lab.home import Home, HomeLock


def test_a_home_whose_lab_does_not_answer_yet_says_starting(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    with pytest.raises(NotUp, match="no lab is up"):
        running_lab(home)
    with HomeLock(home), pytest.raises(Starting, match=rf"starting .* \(pid {os.getpid()}\)"):
        running_lab(home)


def test_ctrl_c_while_it_starts_in_the_background_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def sleeping(_arguments: list[str], **options: object) -> subprocess.Popen[bytes]:
        process = real([sys.executable, "-c", "import time; time.sleep(60)"], **options)  # type: ignore[call-overload]
        started.append(process)
        threading.Thread(target=interrupt, args=(process,), daemon=True).start()
        return process

    def interrupt(process: subprocess.Popen[bytes]) -> None:
        """Again after a while, as a person would: an interrupt that falls into a finalizer is lost."""
        while process.poll() is None:
            time.sleep(0.2)
            signal.raise_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5.0)

    monkeypatch.setattr(detaching.subprocess, "Popen", sleeping)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a process of its own
    try:
        with pytest.raises(KeyboardInterrupt):
            detaching.detach_command(Home(tmp_path), "up")
    finally:
        signal.signal(signal.SIGINT, before)
    assert started[0].returncode == -signal.SIGTERM


def test_ctrl_c_while_the_command_is_being_imported_is_one_line() -> None:
    """Wherever the interpreter is by then: the import of everything but the thin entry is made to be interrupted."""
    script = (
        "import sys, builtins\n"
        "from lab.cli import main\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (130, "lab: stopped by SIGINT\n")
