"""Long computations beside the event loop: one at a time, in a thread of their own, so that a process goes on serving.

A definition of a megabyte takes seconds to read; a small one is read at once.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Final, ParamSpec, TypeVar

from orchestration.errors import Overloaded

# Of text that takes about as long to read as a thread takes to take over.
SMALL_CHARS: Final = 8 * 1024
# For work that is long whatever it reads.
LONG: Final = SMALL_CHARS + 1
MAX_WAITING: Final = 32

P = ParamSpec("P")
T = TypeVar("T")

_one_at_a_time = ThreadPoolExecutor(max_workers=1, thread_name_prefix="off-loop")
_waiting = BoundedSemaphore(MAX_WAITING)


async def off_loop(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``work`` gives, in this thread where the text that it reads is small. Raises ``Overloaded``."""
    if size <= SMALL_CHARS:
        return work(*args, **kwargs)
    if not _waiting.acquire(blocking=False):
        raise Overloaded(f"{MAX_WAITING} long definitions are being read")

    done = asyncio.get_running_loop().run_in_executor(_one_at_a_time, lambda: work(*args, **kwargs))
    done.add_done_callback(lambda _: _waiting.release())
    return await done
