"""The supervisor with real child processes."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from lab.errors import BadInput, NotReady
from lab.processes.spec import ProcessSpec
from lab.processes.state import Event, State
from lab.processes.supervisor import Supervisor
from tests.unhurried import unhurried_seconds

# A tiny HTTP server that says what it is told to say; it ignores SIGTERM when asked to.
SERVER = textwrap.dedent(
    """
    import http.server, signal, sys
    port, stubborn = int(sys.argv[1]), "stubborn" in sys.argv
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/readyz" else 503)
            self.end_headers()
        def log_message(self, *args):
            pass
    print("listening", flush=True)
    http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
    """
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server(name: str, *options: str, path: str = "/readyz", **more: object) -> ProcessSpec:
    port = free_port()
    argv = (sys.executable, "-S", "-c", SERVER, str(port), *options)
    return ProcessSpec(name, argv, ready_url=f"http://127.0.0.1:{port}{path}", **more)  # type: ignore[arg-type]


async def until(holds: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextlib.asynccontextmanager
async def supervised(
    folder: Path, *specs: ProcessSpec, restart: bool = True
) -> AsyncIterator[tuple[Supervisor, list[Event]]]:
    events: list[Event] = []
    async with Supervisor(specs, logs=folder / "logs", cwd=folder, restart=restart, on_event=events.append) as one:
        yield one, events


async def test_processes_start_in_order_and_none_is_left(tmp_path: Path) -> None:
    async with supervised(tmp_path, server("b", depends_on=("a",)), server("a")) as (supervisor, events):
        await supervisor.start()
        ready = [event.name for event in events if event.state is State.READY]
        assert ready == ["a", "b"]
        started_b = next(n for n, each in enumerate(events) if (each.name, each.state) == ("b", State.STARTING))
        assert events[started_b - 1].state is State.READY  # of a
        pids = supervisor.pids().values()
        assert all(alive(pid) for pid in pids)
        status = supervisor.status()[0]
        assert (status.name, status.state, status.restarts) == ("b", State.READY, 0)
        assert status.rss_bytes > 1_000_000
    stopped = [event.name for event in events if event.state is State.STOPPED]
    assert stopped == ["b", "a"]
    assert not any(alive(pid) for pid in pids)


async def test_a_process_that_ends_before_it_is_ready_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    bad = ProcessSpec("bad", ("sh", "-c", "echo first; echo the reason >&2; exit 3"), ready_url="http://127.0.0.1:1/")
    async with supervised(tmp_path, server("good"), bad) as (supervisor, _):
        with pytest.raises(NotReady, match=r"(?s)bad ended before it was ready \(exit code 3\).*first\s+the reason"):
            await supervisor.start()


async def test_a_command_that_is_not_there_is_reported(tmp_path: Path) -> None:
    async with supervised(tmp_path, ProcessSpec("bad", ("/no/such/command",))) as (supervisor, _):
        with pytest.raises(NotReady, match="No such file"):
            await supervisor.start()


async def test_a_process_that_is_never_ready_is_reported(tmp_path: Path) -> None:
    late = server("late", path="/never", ready_within_s=1.0)
    async with supervised(tmp_path, late) as (supervisor, _):
        with pytest.raises(NotReady, match=r"(?s)late was not ready within 1 s.*listening"):
            await supervisor.start()


async def test_a_killed_process_is_started_again_at_once(tmp_path: Path) -> None:
    async with supervised(tmp_path, server("a")) as (supervisor, events):
        await supervisor.start()
        before = supervisor.pids()["a"]
        async with unhurried_seconds() as taken:
            await supervisor.kill("a")
            assert not alive(before)
            await until(lambda: "a" in supervisor.pids())
        assert taken[0] < 0.5  # the policy's own share is 50 ms
        await supervisor.wait_ready("a")
        assert supervisor.pids()["a"] != before
        (status,) = supervisor.status()
        assert (status.restarts, status.last_exit) == (1, "SIGKILL")
        assert any("SIGKILL" in event.text for event in events)


async def test_restarts_can_be_switched_off_for_one_process_and_a_restart_brings_it_back(tmp_path: Path) -> None:
    async with supervised(tmp_path, server("a"), server("b")) as (supervisor, _):
        await supervisor.start()
        supervisor.set_restart("a", False)
        await supervisor.kill("a")
        await supervisor.kill("b")
        await supervisor.wait_ready("b")
        assert {each.name: each.state for each in supervisor.status()} == {"a": State.DOWN, "b": State.READY}
        with pytest.raises(NotReady, match="SIGKILL"):
            await supervisor.wait_ready("a")
        await supervisor.restart("a")
        await supervisor.wait_ready("a")


async def test_restarts_can_be_switched_off_for_all(tmp_path: Path) -> None:
    async with supervised(tmp_path, server("a"), restart=False) as (supervisor, _):
        await supervisor.start()
        await supervisor.kill("a")
        assert supervisor.status()[0].state is State.DOWN


async def test_a_frozen_process_is_seen_and_thawed(tmp_path: Path) -> None:
    async with supervised(tmp_path, server("a")) as (supervisor, _):
        await supervisor.start()
        supervisor.freeze("a")
        assert supervisor.status()[0].state is State.FROZEN
        process = psutil.Process(supervisor.pids()["a"])
        await until(lambda: process.status() == psutil.STATUS_STOPPED)  # a signal takes effect when it is delivered
        supervisor.thaw("a")
        assert supervisor.status()[0].state is State.READY


async def test_a_frozen_process_can_be_killed_restarted_and_stopped(tmp_path: Path) -> None:
    async with supervised(tmp_path, server("a"), server("b")) as (supervisor, _):
        await supervisor.start()
        supervisor.freeze("a")
        await supervisor.kill("a")
        await supervisor.wait_ready("a")
        supervisor.freeze("a")
        await supervisor.restart("a")
        await supervisor.wait_ready("a")
        supervisor.freeze("a")
        pids = supervisor.pids().values()
    assert not any(alive(pid) for pid in pids)


async def test_a_stubborn_process_is_killed_in_the_end(tmp_path: Path) -> None:
    async with supervised(tmp_path, server("a", "stubborn", stop_within_s=0.5)) as (supervisor, _):
        await supervisor.start()
        pid = supervisor.pids()["a"]
    assert not alive(pid)


async def test_a_process_that_cannot_start_any_more_waits_longer_each_time(tmp_path: Path) -> None:
    flag = tmp_path / "broken"
    script = f"test -e {flag} && exit 1; echo ready; sleep 60"
    async with supervised(tmp_path, ProcessSpec("a", ("sh", "-c", script), ready_url=None)) as (supervisor, events):
        await supervisor.start()
        flag.touch()
        await supervisor.kill("a")
        await until(lambda: sum(event.state is State.BACKOFF for event in events) >= 4)
        flag.unlink()
        await until(lambda: supervisor.status()[0].state is State.READY and "a" in supervisor.pids())
    assert len(events) < 60  # no hot loop


async def test_an_unknown_process_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    async with supervised(tmp_path, server("a"), server("b")) as (supervisor, _):
        with pytest.raises(BadInput, match="no process 'c'; there are: a, b"):
            await supervisor.kill("c")


async def test_cancelling_leaves_nothing_running(tmp_path: Path) -> None:
    pids: list[int] = []

    async def body() -> None:
        async with supervised(tmp_path, server("a"), server("b")) as (supervisor, _):
            await supervisor.start()
            pids.extend(supervisor.pids().values())
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await until(lambda: len(pids) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not any(alive(pid) for pid in pids)


SUPERVISING = textwrap.dedent(
    """
    import asyncio, json, sys
    from pathlib import Path
    from lab import interrupt
    from lab.errors import LabError
    from lab.processes.spec import ProcessSpec
    from lab.processes.supervisor import Supervisor

    async def main():
        specs = [ProcessSpec("a", ("sleep", "600")), ProcessSpec("b", ("sleep", "600"))]
        async with Supervisor(specs, logs=Path(sys.argv[1]), cwd=Path(sys.argv[1])) as supervisor:
            await supervisor.start()
            print(json.dumps(supervisor.pids()), flush=True)
            await asyncio.Event().wait()

    try:
        interrupt.run(main())
    except LabError as error:
        sys.exit(error.exit_code)
    """
)


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
async def test_a_supervisor_that_is_ended_leaves_nothing_running(
    tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    if number is signal.SIGKILL and sys.platform != "linux":
        pytest.skip("the kernel ends orphans on Linux only; elsewhere the next start does")
    argv = [sys.executable, "-c", SUPERVISING, str(tmp_path)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True)  # noqa: ASYNC220 (returns at once)
    try:
        assert process.stdout is not None
        pids = json.loads(await asyncio.to_thread(process.stdout.readline))
        assert all(alive(pid) for pid in pids.values())
        assert os.getpgid(pids["a"]) != os.getpgid(process.pid)  # Ctrl-C at the terminal reaches the lab alone
        process.send_signal(number)
        assert await asyncio.to_thread(process.wait, 10) == exit_code
        await until(lambda: not any(alive(pid) for pid in pids.values()), 5.0)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
