"""Retry and Catch: which rule takes an error, and how long to wait."""

from collections.abc import Iterable
from typing import Final

from orchestration.asl.errors import ALL, RUNTIME, TASK_FAILED, TIMEOUT
from orchestration.asl.machine import Catcher, Recovery, Retrier
from orchestration.asl.protocol import Json
from orchestration.asl.state import Branch

MAX_WAIT_S: Final = 31_622_400.0  # a leap year, the language's longest MaxDelaySeconds


def matches(errors: Iterable[str], error: str | None, *, by_task: bool) -> bool:
    """``by_task``: the error came from a task, not from the state around it. States.Runtime is never taken."""
    if error == RUNTIME:
        return False
    return any(name in (ALL, error) or (name == TASK_FAILED and by_task and error != TIMEOUT) for name in errors)


def retry_of(recovery: Recovery, branch: Branch, error: str | None, *, by_task: bool) -> int | None:
    """The first retrier that takes the error, when it has retries left; one that has none ends the search."""
    for index, retrier in enumerate(recovery.retriers):
        if matches(retrier.errors, error, by_task=by_task):
            return index if branch.retries.get(index, 0) < retrier.max_attempts else None
    return None


def catch_of(recovery: Recovery, error: str | None, *, by_task: bool) -> Catcher | None:
    return next((one for one in recovery.catchers if matches(one.errors, error, by_task=by_task)), None)


def wait_s(retrier: Retrier, retries_made: int, u: float) -> float:
    """Seconds before the next try. Full jitter: uniform in [0, cap)."""
    cap = retrier.max_delay_s if retrier.max_delay_s is not None else MAX_WAIT_S
    try:
        delay = min(cap, retrier.interval_s * retrier.backoff_rate**retries_made)
    except OverflowError:
        delay = cap
    return delay * u if retrier.full_jitter else delay


def error_output(error: str | None, cause: str | None) -> dict[str, Json]:
    """What a Catch hands on. A timeout has no cause of its own, and gives an empty one."""
    return {"Error": error, "Cause": "" if cause is None and error == TIMEOUT else cause}
