"""Children that die with their parent, however it dies (Linux; elsewhere the next start clears orphans away)."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# ``PyDLL`` keeps the interpreter lock, and is loaded here, before any fork: between fork and exec nothing may wait for
# a lock that another thread held.
_libc = ctypes.PyDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent() -> Callable[[], None] | None:
    """A ``preexec_fn``: SIGKILL for the child when the thread that started it ends.

    So the supervisor's thread must live as long as its children.
    """
    if _libc is None:
        return None
    prctl, parent = _libc.prctl, os.getpid()

    def arm() -> None:
        if prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0 or os.getppid() != parent:
            os._exit(127)  # the parent is gone already, or cannot be watched

    return arm
