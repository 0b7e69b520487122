"""``lab up`` and its companions on real parts, as a user types them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab.embedded import Lab
from lab.errors import PortInUse
from lab.topology import LabConfig
from tests.free_ports import free_port_base

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

UP_WITHIN_S = 90.0


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def lab(home: Path, *arguments: str, expect: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lab", *arguments, "--home", str(home)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def status(home: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(lab(home, "status", "--json"))
    return answer


def pids(home: Path) -> list[int]:
    seen = status(home)
    return [seen["pid"], *(each["pid"] for each in seen["processes"])]


def none_left(all_pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in all_pids)


def until(holds: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)


@contextmanager
def lab_up(home: Path, *options: str) -> Iterator[None]:
    try:
        lab(home, "up", "--detach", "--no-console", *options)
        yield
    finally:
        subprocess.run(
            [sys.executable, "-m", "lab", "down", "--home", str(home)], capture_output=True, timeout=60, check=False
        )


def test_both_lanes_from_up_to_down(tmp_path: Path) -> None:
    home, base = tmp_path / "lab", free_port_base()
    with lab_up(home, f"--port-base={base}"):
        said = lab(home, "order", "--wait", "--id=order-1")
        assert said.count("fulfilled") == 2
        lab(home, "order", "--wait", "--id=order-1")  # the same again, and so no other order
        lab(home, "order", "--wait", "--id=order-1", "--quantity=7", expect=1)  # the id belongs to another body

        story = lab(home, "why", "order-1")
        for told in ("choreography: order-1 is fulfilled", "orchestration: order-1 is fulfilled", "input:", "output:"):
            assert told in story
        trails = json.loads(lab(home, "why", "order-1", "--json"))
        assert set(trails) == {"choreography", "orchestration"}

        lab(home, "order", "--id=order-2", "--large")
        until(lambda: len(json.loads(lab(home, "approvals", "--json"))) == 2, 10.0)
        for pending in json.loads(lab(home, "approvals", "--json")):
            lab(home, "approve" if pending["lane"] == "choreography" else "reject", pending["token"])
        lab(home, "approve", "forged", expect=2)

        lab(home, "fault", "payment", "error", "--attempts=1")
        assert lab(home, "fault", "--show").count("payment error in the first attempt") == 2
        lab(home, "order", "--wait", "--id=order-3")
        lab(home, "repair")
        assert "payment error" not in lab(home, "fault", "--show")

        lab(home, "kill", "orchestration-conductor-1")
        lab(home, "freeze", "choreography-payment")
        lab(home, "thaw", "choreography-payment")
        lab(home, "restart", "choreography-door")
        assert "there are: choreography-broker" in lab(home, "kill", "printer", expect=2)
        until(lambda: all(each["state"] == "ready" for each in json.loads(_status_text(home))["processes"]), 30.0)

        ended = {("choreography", "order-2"): "fulfilled", ("orchestration", "order-2"): "rolled_back"}
        until(lambda: ended.items() <= _statuses(home).items(), 20.0)
        audit = json.loads(lab(home, "audit", "--wait", "--json"))
        assert {lane: (found["orders"], found["clean"]) for lane, found in audit.items()} == {
            "choreography": (3, True),
            "orchestration": (3, True),
        }
        assert "nothing was set apart" in lab(home, "dead-letters")
        assert lab(home, "logs", "choreography-broker", "-n", "5")
        running = pids(home)
        assert lab(home, "up", expect=2).startswith("lab: a lab is up in")
        lab(home, "down")
        assert none_left(running)
        lab(home, "status", expect=2)


def _status_text(home: Path) -> str:
    """Exit code 1 while a process is not ready; here only what it says counts."""
    argv = [sys.executable, "-m", "lab", "status", "--json", "--home", str(home)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout


def _statuses(home: Path) -> dict[tuple[str, str], str]:
    return {(each["lane"], each["order_id"]): each["status"] for each in json.loads(lab(home, "orders", "--json"))}


def test_a_lab_that_is_killed_leaves_nothing_and_starts_again_on_its_data_beside_another(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    base = free_port_base(80)
    options = ("--lane=orchestration", "--conductors=1")
    with lab_up(first, *options, f"--port-base={base}"), lab_up(second, *options, f"--port-base={base + 40}"):
        lab(first, "order", "--wait", "--id=order-1")
        assert json.loads(lab(second, "orders", "--json")) == []
        killed = pids(first)
        os.kill(killed[0], signal.SIGKILL)
        if sys.platform == "linux":
            until(lambda: none_left(killed), 5.0)
        lab(first, "status", expect=2)
        lab(first, "up", "--detach", "--no-console", *options, f"--port-base={base}")
        until(lambda: _statuses(first) == {("orchestration", "order-1"): "fulfilled"}, 20.0)
        assert status(second)["port_base"] == base + 40


def test_breaking_and_repairing_as_the_readme_does_ends_clean_and_goes_on_later(tmp_path: Path) -> None:
    home, base = tmp_path / "lab", free_port_base()
    with lab_up(home, f"--port-base={base}"):
        lab(home, "fault", "shipping", "broken")
        assert f"lab why order-1 --home {home}" in lab(home, "order", "--id=order-1")
        lab(home, "repair")
        lab(home, "fault", "payment", "crash", "--point", "before_commit", "--attempts=1", "--lane=orchestration")
        lab(home, "order", "--id=order-2")
        assert "every service follows no fault rule now" in lab(home, "repair")  # payment may just have died
        lab(home, "kill", "orchestration-conductor-1")
        assert "not clean" not in lab(home, "audit")  # at once: what is still on its way is not judged
        assert lab(home, "audit", "--wait").count(": clean\n") == 2
        lab(home, "fault", "shipping", "broken", "--lane=choreography")
        lab(home, "down")
    assert "never retrieved" not in (home / "logs" / "choreography-door.log").read_text()

    up = ("up", "--detach", "--no-console", "--lane=choreography", f"--port-base={base}")
    try:
        assert "continuing: 2 orders, 1 fault rule in force" in lab(home, *up)
        lab(home, "down")
        assert "continuing" not in lab(home, *up, "--fresh")
        assert lab(home, "orders").strip() == "none"
    finally:
        subprocess.run([sys.executable, "-m", "lab", "down", "--home", str(home)], capture_output=True, check=False)


def test_ctrl_c_while_it_starts_leaves_nothing_running(tmp_path: Path) -> None:
    argv = [
        sys.executable,
        "-m",
        "lab",
        "up",
        "--no-console",
        "--home",
        str(tmp_path),
        f"--port-base={free_port_base()}",
    ]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        recorded = tmp_path / "lab.pids.json"
        until(lambda: recorded.exists() and len(json.loads(recorded.read_text())) > 3, 30.0)
        running = [each["pid"] for each in json.loads(recorded.read_text()).values()]
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert said.endswith("stopped; nothing is left running\n")
        assert "Traceback" not in said
        assert none_left(running)
    finally:
        process.kill()
        process.wait()


async def test_a_taken_port_keeps_the_lab_from_starting_anything(tmp_path: Path) -> None:
    base = free_port_base()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", base + 25))
        taken.listen()
        with pytest.raises(PortInUse, match=rf"{base + 25} \(for orchestration-shipping\)"):
            async with Lab(LabConfig(home=tmp_path, port_base=base)):
                pytest.fail("it must not start")
    assert not (tmp_path / "lab.pids.json").exists()
