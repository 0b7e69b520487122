"""The lab's folder: secrets that stay secret, a lock that is never stale, logs that stay bounded."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lab.control.address import reachable
from lab.credentials import load, load_or_create
from lab.errors import AlreadyUp, BadInput, PortInUse
from lab.home import Home, HomeLock, clear_orphans, holder, record_children
from lab.ports import require_free
from lab.processes.log_file import LogFile
from lab.processes.restarting import FIRST_BACKOFF_S, MAX_BACKOFF_S, backoff_s
from lab.processes.spec import ProcessSpec


def test_secrets_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    made = load_or_create(path, {"a": ["door"]})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = load_or_create(path, {"a": ["door"], "b": ["door"]})
    assert again.admin_token == made.admin_token
    assert again.broker_password("a", "door") == made.broker_password("a", "door")
    assert again.broker_password("b", "lab") != made.broker_password("a", "lab")
    assert load(path) == again
    assert made.admin_token not in repr(made)


@pytest.mark.parametrize("content", ["", "[]", '{"admin_token": "x"}'])
def test_unreadable_secrets_are_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=r"secrets\.json"):
        load_or_create(path, {})


def test_a_second_lab_in_a_home_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    assert holder(home) is None
    with HomeLock(home):
        assert holder(home) == os.getpid()
        with pytest.raises(AlreadyUp, match=str(os.getpid())), HomeLock(home):
            pass
    assert holder(home) is None


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="file"):
        Home(tmp_path / "file").make()


def test_orphans_of_an_earlier_lab_are_ended_and_strangers_are_not(tmp_path: Path) -> None:
    home = Home(tmp_path)
    orphan = subprocess.Popen(["sleep", "60"])
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        record_children(home, {"x-payment": orphan.pid, "x-door": stranger.pid})
        recorded = json.loads(home.pids.read_text())
        recorded["x-door"]["started"] -= 100  # the pid was given to somebody else since
        home.pids.write_text(json.dumps(recorded))
        assert clear_orphans(home) == ["x-payment"]
        assert orphan.poll() is not None  # reaped by whoever saw its end first
        assert stranger.poll() is None
        assert clear_orphans(home) == []
    finally:
        for process in (orphan, stranger):
            process.kill()
            process.wait()


def test_a_taken_port_is_named_with_its_holder_and_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"port {port} \(for x-door\) .*pid {os.getpid()}.*--port-base"):
            require_free([ProcessSpec("x-door", ("true",), ports=(port,))])


def test_a_log_stays_bounded_and_keeps_one_older_generation(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log")
    with log.open() as file:
        file.write(b"a\n" * 100)
        file.flush()
        assert log.bound(max_bytes=100)
        file.write(b"b\n")  # appended after the cut, not at the old place
        file.flush()
        assert log.size() == 2
    assert log.tail(5) == ["b"]
    assert (tmp_path / "x.log.1").stat().st_size == 200
    assert not log.bound(max_bytes=100)


def test_the_tail_begins_where_a_run_began(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log")
    assert log.tail(3) == []
    log.path.write_text("old\n")
    since = log.size()
    log.path.write_text("old\n1\n2\n3\n4\n")
    assert log.tail(3, since) == ["2", "3", "4"]
    assert log.tail(9, since) == ["1", "2", "3", "4"]


def test_backing_off_starts_small_grows_and_ends() -> None:
    waits = [backoff_s(failed) for failed in range(50)]
    assert waits[0] == FIRST_BACKOFF_S <= 0.1
    assert waits == sorted(waits)
    assert waits[-1] == MAX_BACKOFF_S


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a long path is refused")
def test_a_socket_deep_in_the_file_system_can_be_reached(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 100)
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        with reachable(folder / "control.sock") as address:
            server.bind(address)
        server.listen()
        with reachable(folder / "control.sock") as address:
            client.connect(address)
