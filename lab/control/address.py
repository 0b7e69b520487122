"""A Unix socket's path, made short enough: the system's limit is about 100 bytes, a home may lie deeper."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import BadInput

MAX_BYTES = 100  # sun_path is 108 bytes on Linux, 104 on macOS


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """An address of ``path`` that can be bound or connected to inside the ``with``."""
    if len(os.fsencode(path)) <= MAX_BYTES:
        yield str(path)
        return
    if sys.platform != "linux":
        raise BadInput(f"the home's path is too long for a socket: {path.parent}")
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    except FileNotFoundError:
        yield str(path)  # whoever connects finds out that nothing is there
        return
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
