"""What the conductors count. What both wirings count alike is in ``services.metrics``."""

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge

from orchestration.asl.protocol import HistoryEvent, RunTask
from orchestration.orders.order_story import operation_of
from orchestration.orders.read_model import ReadModel, Row
from orchestration.rfc3339 import epoch_s
from services import metrics as shared
from services.trail import ENDED

transitions: Final = Counter("conductor_transitions", "State transitions, as AWS bills them for Standard.")
executions: Final = Gauge(
    "conductor_executions", "RUNNING: in this conductor's hands; other statuses: ended by it.", ["status"]
)
append_conflicts: Final = Counter("conductor_append_conflicts", "Appends that another conductor's append forestalled.")
redeliveries: Final = Counter("conductor_redeliveries", "Work messages taken up that had been delivered before.")
drive_failures: Final = Counter("conductor_drive_failures", "Executions that a bug stopped for now; see the log.")


class Counting:
    """The observer of a conductor's drives."""

    def __init__(self, lane: str) -> None:
        self._lane = lane

    def advanced(self, events: list[HistoryEvent]) -> None:
        entered = sum(1 for event in events if event.type.endswith("StateEntered"))
        if entered:
            transitions.inc(entered)

    def ended(self, status: str, began_at: str) -> None:
        executions.labels(status).inc()

    def calling(self, task: RunTask) -> None:
        found = operation_of(task.resource)
        if task.attempt > 1 and found is not None:
            shared.retries.labels(self._lane, *found).inc()


def order_counter(lane: str) -> Callable[[ReadModel, Row | None], None]:
    """What the door counts as its read model changes; a row is given for live changes only."""
    in_flight = shared.orders_in_flight.labels(lane)

    def count(model: ReadModel, row: Row | None) -> None:
        in_flight.set(len(model.rows) - len(model.ended))
        if row is not None and row.status in ENDED:
            shared.orders_finished.labels(lane, row.status).inc()
            seconds = epoch_s(row.since) - epoch_s(row.accepted_at)
            shared.order_seconds.labels(lane, row.status).observe(seconds)

    return count
