"""The figures that a trial yields, each with what it answers. The report shows them in this order. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

Criterion = Literal["consistency", "failure recovery", "traceability", "cost", "performance", "load"]


@dataclass(frozen=True)
class Measure:
    """``better``: which direction is good, or ``none`` where the figure only describes the trial."""

    name: str
    criterion: Criterion
    unit: str
    title: str
    better: Literal["lower", "higher", "none"] = "lower"
    compare: Literal["ratio", "difference"] = "ratio"


MEASURES: Final = (
    Measure("anomalies", "consistency", "orders", "orders with wrong books at the end", compare="difference"),
    Measure("lost", "consistency", "orders", "accepted orders that are gone", compare="difference"),
    Measure(
        "violation_s", "consistency", "order·s", "time that orders' books were wrong, summed", compare="difference"
    ),
    Measure("past_manager", "consistency", "orders", "orders shipped past the manager", compare="difference"),
    Measure(
        "undone_without_cause", "consistency", "orders", "orders undone without a cause on record", compare="difference"
    ),
    Measure("stuck", "failure recovery", "orders", "orders without an end at the horizon", compare="difference"),
    Measure("given_up", "failure recovery", "orders", "orders that ended as failed", compare="difference"),
    Measure("recovery_s", "failure recovery", "s", "fault cleared until latency is back in band", compare="difference"),
    Measure("compensation_p50_s", "failure recovery", "s", "first failure until the last undo, median"),
    Measure("compensation_p99_s", "failure recovery", "s", "first failure until the last undo, p99"),
    Measure(
        "overdue_p50_s", "failure recovery", "s", "manager's time up until the last undo, median", compare="difference"
    ),
    Measure("retry_amplification", "failure recovery", "calls/call", "calls made for each call needed"),
    Measure("dead_letters", "failure recovery", "messages", "messages set apart for a person", compare="difference"),
    Measure("fulfilled_share", "failure recovery", "share", "accepted orders fulfilled", "higher", "difference"),
    Measure("refused_share", "failure recovery", "share", "orders turned away", "lower", "difference"),
    Measure("edges_share", "traceability", "share", "causal edges present in the trace", "higher", "difference"),
    Measure("diagnosed_share", "traceability", "share", "failed orders diagnosed rightly", "higher", "difference"),
    Measure("stores_for_story", "traceability", "stores", "stores asked for one order's story"),
    Measure("queries_for_story", "traceability", "queries", "queries for one order's story"),
    Measure("telemetry_bytes_per_order", "traceability", "B", "bytes of telemetry for each order"),
    Measure("latency_p50_s", "performance", "s", "planned arrival until the outcome, median"),
    Measure("latency_p99_s", "performance", "s", "planned arrival until the outcome, p99"),
    Measure("finished_per_s", "performance", "orders/s", "orders finished in the steady phase", "higher"),
    Measure("cpu_ms_per_order", "cost", "ms", "processor time for each accepted order"),
    Measure("messages_per_order", "cost", "messages", "messages stored for each accepted order"),
    Measure("bytes_per_order", "cost", "B", "bytes stored for each accepted order"),
    Measure("peak_memory_mib", "cost", "MiB", "peak memory of all processes of the lane"),
    Measure("aws_usd_per_million", "cost", "USD", "the same orders on AWS, list price, for a million"),
    Measure("late_departures_share", "load", "share", "orders that left over 50 ms late", "none", "difference"),
    Measure("generator_cpu_share", "load", "share", "load generator, of one core", "none", "difference"),
    Measure("others_cpu_share", "load", "share", "processors busy with anything else", "none", "difference"),
)
BY_NAME: Final = {measure.name: measure for measure in MEASURES}
