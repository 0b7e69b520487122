"""The metrics of a lane's processes, defined once so that both wirings count the same things under the same names.

Labels are bounded: never an order id. The lab's own figures (anomalies, violation seconds) are defined where they
are made. A process tells at its start what it may ever count (``expect_…``): a series that is not there before its
first event hides that event from a rate.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from services.faults.plan import FaultKind, FaultPlan
from services.operations import SERVICE_OF, Operation, Service
from services.trail import ENDED

# From a step of a millisecond to an order that waited out all its retries.
STEP_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ORDER_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

orders_accepted: Final = Counter("lab_orders_accepted", "Orders answered with 202.", ["lane"])
placing_seconds: Final = Histogram(
    "lab_placing_seconds", "From an order's arrival at the front door to its answer.", ["lane"], buckets=STEP_BUCKETS
)
placings_refused: Final = Counter(
    "lab_placings_refused", "Placings not answered with 202, by HTTP status code.", ["lane", "code"]
)
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
fault_rules: Final = Gauge(
    "lab_fault_rules", "Rules of the fault plan in force for a service.", ["lane", "service", "kind"]
)
retries: Final = Counter("lab_retries", "Tries after the first.", ["lane", "service", "operation"])
compensations: Final = Counter("lab_compensations", "Undo effects written to a ledger.", ["lane", "service"])
dead_letters: Final = Counter("lab_dead_letters", "Messages or steps parked for a person.", ["lane", "reason"])
# Not process_start_time_seconds: on Linux that adds to the second of boot, cut to a whole one, and so may be a second
# too early (proc(5), btime): an order accepted before the process began would seem to have come after.
process_started: Final = Gauge("lab_process_started_timestamp_seconds", "When this process began, by its own clock.")
process_started.set_to_current_time()


def expect_refusals(lane: str) -> None:
    for code in (400, 409, 422, 503):
        placings_refused.labels(lane, code)


def expect_orders(lane: str) -> None:
    """Whoever counts outcomes may count each of them."""
    for outcome in ENDED:
        orders_finished.labels(lane, outcome)
        order_seconds.labels(lane, outcome)


def expect_retries(lane: str, operations: Iterable[Operation] = SERVICE_OF) -> None:
    for operation in operations:
        retries.labels(lane, SERVICE_OF[operation], operation)


def expect_dead_letters(lane: str, reasons: Iterable[str]) -> None:
    for reason in reasons:
        dead_letters.labels(lane, reason)


def expect_faults(lane: str, service: Service) -> None:
    for kind in FaultKind:
        faults_injected.labels(lane, service, kind)


def show_plan(lane: str, service: Service, plan: FaultPlan) -> None:
    """``lab_fault_rules`` as the plan says: what a dashboard shades as a fault's time."""
    for kind in FaultKind:
        rules = sum(1 for rule in plan.rules if rule.service is service and rule.kind is kind)
        fault_rules.labels(lane, service, kind).set(rules)


def exposition(accept: str = "") -> tuple[bytes, str]:
    """What ``GET /metrics`` answers, with its content type; OpenMetrics (which has exemplars) where it is accepted."""
    encode, content_type = choose_encoder(accept)
    return encode(REGISTRY), content_type
