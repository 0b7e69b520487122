"""How a process begins. One that was killed should be back soon, and its imports are most of the time until then.

A ``__main__`` calls ``begin`` before it imports anything else; ``serve.serve`` lets the collector work again. Must not
import anything but the standard library.
"""

import gc
import sys
from typing import Final

# nats-py imports it for WebSockets, if it is there: an eighth of the imports of a service, which has no use for it.
OPTIONAL: Final = ("aiohttp",)


def begin(*, without: tuple[str, ...] = ()) -> None:
    """Look for no garbage where everything is new and stays; to whoever asks for ``without``, it is not installed."""
    gc.disable()
    for name in without:
        if name not in sys.modules:
            sys.modules[name] = None  # type: ignore[assignment]  # "The module cache" in Python's reference
