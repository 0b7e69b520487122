"""When a process that ended is started again. Pure."""

from typing import Final

FIRST_BACKOFF_S: Final = 0.05
MAX_BACKOFF_S: Final = 2.0


def backoff_s(failed_starts: int) -> float:
    """Seconds until the next start, after ``failed_starts`` starts in a row that ended before they were ready.

    A process that had been ready (0 failed starts) is back at once: the outage should last as long as its start,
    not as long as a policy. Only one that cannot even start waits longer each time.
    """
    return min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(failed_starts, 16))
