"""The metrics of a lane's processes, defined once so that both wirings count the same things under the same names.

Labels are bounded: never an order id. The lab's own figures (anomalies, violation seconds) are defined where they
are made.
"""

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

# From a step of a millisecond to an order that waited out all its retries.
STEP_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ORDER_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

orders_accepted: Final = Counter("lab_orders_accepted", "Orders answered with 202.", ["lane"])
orders_finished: Final = Counter("lab_orders_finished", "Orders with an outcome.", ["lane", "outcome"])
order_seconds: Final = Histogram(
    "lab_order_seconds", "From accepted to outcome.", ["lane", "outcome"], buckets=ORDER_BUCKETS
)
orders_in_flight: Final = Gauge("lab_orders_in_flight", "Accepted orders without an outcome.", ["lane"])
effects: Final = Counter("lab_effects", "Effects written to a ledger.", ["lane", "service", "operation"])
step_seconds: Final = Histogram(
    "lab_step_seconds",
    "From a command's arrival to its answer.",
    ["lane", "service", "operation"],
    buckets=STEP_BUCKETS,
)
faults_injected: Final = Counter("lab_faults_injected", "Faults acted out.", ["lane", "service", "kind"])
retries: Final = Counter("lab_retries", "Tries after the first.", ["lane", "service", "operation"])
compensations: Final = Counter("lab_compensations", "Undo effects written to a ledger.", ["lane", "service"])
dead_letters: Final = Counter("lab_dead_letters", "Messages or steps parked for a person.", ["lane", "reason"])


def exposition() -> tuple[bytes, str]:
    """What ``GET /metrics`` answers, with its content type."""
    return generate_latest(), CONTENT_TYPE_LATEST
