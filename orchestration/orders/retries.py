"""Counts the retries of the services' operations."""

from collections.abc import Callable

from orchestration.asl.protocol import RunTask
from orchestration.orders.order_story import operation_of
from services import metrics


def retry_counter(lane: str) -> Callable[[RunTask], None]:
    metrics.expect_retries(lane)

    def count(task: RunTask) -> None:
        found = operation_of(task.resource)
        if found is not None:
            metrics.retries.labels(lane, *found).inc()

    return count
