"""Ledgers on real databases, and services as real processes."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.settings import Settings

START_DEADLINE_S = 20
STOP_DEADLINE_S = 5


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A ledger's address on each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


def settings_of(component: str, ledger_url: str, **more: Any) -> Settings:
    return Settings.model_validate({"component": component, "ledger_url": ledger_url, "time_scale": 0.1, **more})


@dataclass
class Process:
    """A service as a process of its own, started and started again on the same port and ledger."""

    component: str
    ledger_url: str
    port: int = 0
    running: subprocess.Popen[bytes] | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def start(self) -> httpx.Client:
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        mine = {
            "LAB_COMPONENT": self.component,
            "LAB_LEDGER_URL": self.ledger_url,
            "LAB_PORT": str(self.port),
            "LAB_TIME_SCALE": "0.1",
        }
        self.stop()
        environment = {**os.environ, **mine, **self.variables}
        self.running = subprocess.Popen([sys.executable, "-m", "services"], env=environment, stderr=subprocess.PIPE)
        address = f"http://127.0.0.1:{self.port}"
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                httpx.get(f"{address}/readyz", timeout=1).raise_for_status()
                return httpx.Client(base_url=address, timeout=5)
            except httpx.HTTPError:
                if self.running.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"{self.component} did not start: {self.errors()}") from None
                time.sleep(0.05)

    def wait(self) -> int:
        assert self.running is not None
        return self.running.wait(STOP_DEADLINE_S)

    def errors(self) -> str:
        assert self.running is not None
        self.running.kill()
        return self.running.communicate(timeout=STOP_DEADLINE_S)[1].decode(errors="replace")[-2_000:]

    def stop(self) -> None:
        if self.running is not None and self.running.stderr is not None:
            self.running.kill()
            self.running.wait(STOP_DEADLINE_S)
            self.running.stderr.close()


@pytest.fixture
def payment(tmp_path: Path) -> Iterator[Process]:
    process = Process("payment", f"sqlite:///{tmp_path}/payment.db")
    yield process
    process.stop()
