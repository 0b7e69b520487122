"""Ranges of ports that are free now, below the range that outgoing connections take theirs from.

Several test processes at once (pytest-xdist) choose from ranges of their own, so that they cannot choose the same.
"""

import os
import random
import socket

LOWEST, PER_WORKER, STEP = 10_000, 2_500, 100


def free_port_base(span: int = 60) -> int:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    lowest = LOWEST + worker * PER_WORKER
    for _ in range(200):
        base = random.randrange(lowest, lowest + PER_WORKER, STEP)
        if all(_is_free(base + offset) for offset in range(span)):
            return base
    raise RuntimeError("no free range of ports found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
