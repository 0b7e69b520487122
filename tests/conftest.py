"""Fixtures that any test may use: a real nats-server of its own, with JetStream synced always."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from broker.connection import close, connect
from broker.server import Permissions, server_config
from tests.integration.services.postgres import binaries, database, server

USER = PASSWORD = "lab"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class RealNats:
    """A nats-server child process in a folder of its own, which can be killed and started again on its data."""

    folder: Path
    port: int
    users: dict[str, tuple[str, Permissions | None]] = field(default_factory=lambda: {USER: (PASSWORD, None)})
    user: str = USER
    password: str = PASSWORD
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        config = self.folder / "nats.conf"
        config.write_text(
            server_config(
                host="127.0.0.1",
                port=self.port,
                monitor_port=None,
                store_dir=str(self.folder / "jetstream"),
                server_name="test",
                users=self.users,
            )
        )
        binary = Path(sys.executable).with_name("nats-server")
        with (self.folder / "nats.log").open("ab") as log:
            self.process = subprocess.Popen([binary, "-c", config], stdout=log, stderr=log)  # noqa: ASYNC220 (returns at once)
        client = await connect(self.url, user=self.user, password=self.password, name="test-ready", give_up_after_s=10)
        await close(client)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.process.wait(10)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    async def restart(self) -> None:
        """SIGKILL, then start again on the same data and port."""
        self.kill()
        await self.start()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGCONT)
                self.signal(signal.SIGKILL)


@pytest.fixture
async def nats_url(tmp_path: Path) -> AsyncIterator[RealNats]:
    server = RealNats(folder=tmp_path, port=free_port())
    await server.start()
    try:
        yield server
    finally:
        await asyncio.to_thread(server.stop)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    if given := os.environ.get("LAB_TEST_POSTGRES_URL"):
        yield given
        return
    found = binaries()
    if found is None:
        pytest.skip("NO POSTGRESQL: set LAB_TEST_POSTGRES_URL, or install a server (Debian: postgresql)")
    with server(found) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    with database(postgres_server) as url:
        yield url
