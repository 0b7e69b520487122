"""How a process begins. One that was killed should be back soon, and its imports are most of the time until then.

A ``__main__`` calls ``begin`` before it imports anything else; ``serve.serve`` lets the collector work again. Must not
import anything but the standard library.
"""

import contextlib
import gc
import sys
from collections.abc import Iterator
from typing import Final

# nats-py imports it for WebSockets, if it is there: an eighth of the imports of a service, which has no use for it.
OPTIONAL: Final = ("aiohttp",)


def begin() -> None:
    """Look for no garbage where everything is new and stays."""
    gc.disable()


@contextlib.contextmanager
def left_out(names: tuple[str, ...] = OPTIONAL) -> Iterator[None]:
    """To what is imported here, these are not installed; whoever needs one later imports it then."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # "The module cache" in Python's reference
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
