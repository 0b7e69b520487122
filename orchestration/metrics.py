"""What the conductors count. What both wirings count alike is in ``services.metrics``."""

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from orchestration.asl.protocol import HistoryEvent, RunTask
from orchestration.runtime.express import Result

transitions: Final = Counter("conductor_transitions", "State transitions, as AWS bills them for Standard.")
executions: Final = Gauge(
    "conductor_executions", "RUNNING: in this conductor's hands; other statuses: ended by it.", ["status"]
)
append_conflicts: Final = Counter("conductor_append_conflicts", "Appends that another conductor's append forestalled.")
redeliveries: Final = Counter("conductor_redeliveries", "Work messages taken up that had been delivered before.")
timer_lag: Final = Histogram(
    "conductor_timer_lag_seconds",
    "From the instant that a timer of the broker's was due until its execution was told.",
    buckets=(0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
advance_seconds: Final = Histogram(
    "conductor_advance_seconds",
    "One advance of the interpreter, for Standard executions.",
    buckets=(0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1, 0.5, 2),
)
express_transitions: Final = Counter("conductor_express_transitions", "State transitions of Express executions.")
express_executions: Final = Counter("conductor_express_executions", "Express executions that ended.", ["status"])
price: Final = Counter(
    "conductor_price_dollars",
    "What AWS would ask (us-east-1, no free tier): Standard by transition, Express by execution and GB-second.",
    ["type"],
)
drive_failures: Final = Counter("conductor_drive_failures", "Executions that a bug stopped for now; see the log.")


DOLLARS_PER_TRANSITION: Final = 0.000025
DOLLARS_PER_EXPRESS_EXECUTION: Final = 0.000001
DOLLARS_PER_GB_SECOND: Final = 0.00001667


def express_dollars(result: Result) -> float:
    gb_seconds = result.billed_mb / 1024 * result.billed_ms / 1000
    return DOLLARS_PER_EXPRESS_EXECUTION + gb_seconds * DOLLARS_PER_GB_SECOND


class Counting:
    """The observer of a conductor's drives; ``on_retry`` is told of each call that is not the first of its state."""

    def __init__(self, on_retry: Callable[[RunTask], None] = lambda task: None) -> None:
        self._on_retry = on_retry
        self._standard = price.labels("standard")
        self._express = price.labels("express")

    def advanced(self, events: list[HistoryEvent]) -> None:
        entered = sum(1 for event in events if event.type.endswith("StateEntered"))
        if entered:
            transitions.inc(entered)
            self._standard.inc(entered * DOLLARS_PER_TRANSITION)

    def ended(self, status: str, began_at: str) -> None:
        executions.labels(status).inc()

    def express_ended(self, result: Result) -> None:
        express_executions.labels(result.status).inc()
        express_transitions.inc(result.transitions)
        self._express.inc(express_dollars(result))

    def stepped(self, seconds: float) -> None:
        advance_seconds.observe(seconds)

    def calling(self, task: RunTask) -> None:
        if task.attempt > 1:
            self._on_retry(task)
