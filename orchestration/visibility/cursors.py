"""Where a page of the read model ended, as the text that a client sends back for the next one. Pure.

A place in the order of ``since`` holds that value itself: the row may have moved on by the time it is sent back.
"""

import re
from typing import Final

from orchestration.errors import OrchestrationError
from orchestration.visibility.executions import ExecutionRow

_LARGEST: Final = 2**63 - 1
_BEGAN: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_SINCE: Final = re.compile(r"([0-9]{1,19})-([0-9]{1,12}\.[0-9]{1,20})", re.ASCII)


class BadCursor(OrchestrationError):
    """No page of this list ended there: it is the client's mistake."""


def by_began(row: ExecutionRow) -> str:
    return str(row.began)


def by_since(row: ExecutionRow) -> str:
    return f"{row.began}-{row.since!r}"


def read_began(cursor: str) -> int:
    """Raises ``BadCursor``."""
    if _BEGAN.fullmatch(cursor) is None or int(cursor) > _LARGEST:
        raise _bad(cursor)
    return int(cursor)


def read_since(cursor: str) -> tuple[float, int]:
    """The ``since`` and ``began`` of the last row. Raises ``BadCursor``."""
    found = _SINCE.fullmatch(cursor)
    if found is None:
        raise _bad(cursor)
    return float(found[2]), read_began(found[1])


def _bad(cursor: str) -> BadCursor:
    return BadCursor(f"no page of this list ended at {cursor[:100]!r}")
