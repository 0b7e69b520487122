"""A whole lab in a folder and on ports of its own, for tests that kill its processes."""

import random
import socket
from pathlib import Path

import pytest

from lab.topology import LabConfig

PORTS_OF_A_LAB = 60


def free_port_base() -> int:
    """A base whose ports are all free now, below the range that outgoing connections take theirs from."""
    for _ in range(200):
        base = random.randrange(10_000, 30_000, 100)
        if all(_is_free(base + offset) for offset in range(PORTS_OF_A_LAB)):
            return base
    raise RuntimeError("no free range of ports found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.fixture
def lab_config(tmp_path: Path) -> LabConfig:
    """Both lanes, hardened, a tenth of the waits; change it with ``dataclasses.replace``."""
    return LabConfig(home=tmp_path / "lab", port_base=free_port_base(), time_scale=0.1)
