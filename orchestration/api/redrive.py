"""Whether an execution can be redriven, and why not. Pure."""

from typing import Final

from orchestration.api.recorded import Recorded

PERIOD_S: Final = 14 * 24 * 3600.0
MOST_OPEN_S: Final = 365 * 24 * 3600.0
# One event for the redrive itself, and one more at least.
MAX_EVENTS: Final = 24_999

REDRIVABLE: Final = "REDRIVABLE"
NOT_REDRIVABLE: Final = "NOT_REDRIVABLE"
BY_MAP_RUN: Final = "REDRIVABLE_BY_MAP_RUN"


def hindrance(execution: Recorded, now: float) -> str | None:
    """AWS's reason not to redrive it."""
    state = execution.state
    if state is None or not execution.ended or execution.status == "SUCCEEDED":
        return f"Execution is {execution.status} and cannot be redriven"
    if state.next_event - 1 >= MAX_EVENTS:
        return "Execution history event limit exceeded"
    if now - execution.started_at > MOST_OPEN_S:
        return "Execution has exceeded the max execution time"
    if now - (execution.stopped_at or now) > PERIOD_S:
        return "Execution redrivable period exceeded"
    return None


def status(execution: Recorded, now: float) -> tuple[str, str | None]:
    """``redriveStatus`` and its reason."""
    reason = hindrance(execution, now)
    if reason is not None:
        return NOT_REDRIVABLE, reason
    return (BY_MAP_RUN if execution.start.map_run else REDRIVABLE), None
