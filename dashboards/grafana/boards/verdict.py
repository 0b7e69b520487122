"""Both lanes on the same axes: consistency, recovery, traceability, performance, cost."""

from typing import Final

from dashboards.grafana.board import Board, Figure, Row, by_lane

CONSISTENCY: Final = Row(
    "Consistency: are the books right?",
    (
        Figure(
            "Wrong books now",
            "Orders whose ledgers are wrong at this moment, all kinds, as the auditor finds them. 0 is the only good"
            " value.",
            "short",
            by_lane("lane:lab_anomalies:sum"),
            warn=1,
            bad=1,
            shape="number",
            width=6,
            decimals=0,
        ),
        Figure(
            "Violation-seconds, total",
            "Wrong books integrated over time: two orders wrong for a minute are 120 order-seconds.",
            "s",
            by_lane("sum by (lane) (lab_violation_seconds_total)"),
            warn=1,
            bad=60,
            shape="number",
            width=6,
        ),
        Figure(
            "Violation-seconds each second",
            "How fast wrong books add up: the number of wrong orders, averaged over a minute.",
            "short",
            by_lane("lane:lab_violation_seconds:rate1m"),
            warn=0.1,
            bad=1,
            width=12,
        ),
        Figure(
            "Open books",
            "Orders whose books are neither fulfilled nor rolled back now. On the way this is normal; it must come"
            " back to the number of orders that wait for a manager.",
            "short",
            by_lane("lab_open_books"),
            warn=500,
            bad=2000,
            width=12,
        ),
        Figure(
            "Money at risk",
            "Cents charged for orders that have no live label now.",
            "short",
            by_lane("lab_at_risk_cents"),
            warn=5_000_000,
            bad=20_000_000,
            width=12,
        ),
    ),
)
RECOVERY: Final = Row(
    "Failure recovery: does it come back by itself?",
    (
        Figure(
            "Orders in flight",
            "Accepted and without an outcome. Rises while a fault lasts, and falls back after it: how fast is the"
            " recovery.",
            "short",
            by_lane("lane:lab_orders_in_flight:max"),
            warn=500,
            bad=2000,
        ),
        Figure(
            "Oldest open order",
            "Age of the oldest order that waits for no manager.",
            "s",
            by_lane("lab_oldest_open_order_seconds"),
            warn=60,
            bad=300,
        ),
        Figure(
            "Stuck orders",
            "Orders without news for longer than every retry takes together, and those parked for a person.",
            "short",
            by_lane('sum by (lane) (lab_anomalies{kind="stuck"})'),
            warn=1,
            bad=1,
            decimals=0,
        ),
        Figure(
            "Calls for each effect",
            "Retry amplification: calls made to services for each effect in a ledger. 1 without faults.",
            "none",
            by_lane("lane:lab_calls_per_effect:ratio_5m"),
            warn=1.5,
            bad=3,
            decimals=2,
        ),
        Figure(
            "Compensations",
            "Undo effects written each second: refunds, releases, voided labels.",
            "ops",
            by_lane("lane:lab_compensations:rate1m"),
            warn=20,
            bad=100,
        ),
        Figure(
            "Dead letters in 5 minutes",
            "Messages or steps set apart for a person.",
            "short",
            by_lane("lane:lab_dead_letters:increase5m"),
            warn=1,
            bad=20,
        ),
    ),
)
TRACEABILITY: Final = Row(
    "Traceability: can it explain itself?",
    (
        Figure(
            "Events that the story does not tell yet",
            "Stored and not in the read model: how far what a lane tells lags behind what it did.",
            "short",
            by_lane(
                'sum by (lane) (nats_consumer_num_pending{is_consumer_leader="true",'
                ' consumer_name=~"tracker|read-model"})'
            ),
            warn=500,
            bad=5000,
            width=12,
        ),
        Figure(
            "Telemetry",
            "Bytes of traces exported each second; 0 while tracing is off. What the traces are worth is measured by"
            " `lab diagnose`.",
            "Bps",
            by_lane(
                "sum by (lane) (rate(telemetry_exported_bytes_total[$__rate_interval]))"
                ' or sum by (lane) (up{job="lanes"}) * 0'
            ),
            warn=1_000_000,
            bad=10_000_000,
            width=12,
        ),
    ),
)
PERFORMANCE: Final = Row(
    "Performance",
    (
        Figure(
            "Orders accepted",
            "Answered with 202 each second: durable from then on.",
            "reqps",
            by_lane("lane:lab_orders_accepted:rate1m"),
            warn=200,
            bad=1000,
        ),
        Figure(
            "Orders finished",
            "Fulfilled or rolled back each second. Below what is accepted, work piles up.",
            "ops",
            by_lane("lane:lab_orders_finished:rate1m"),
            warn=200,
            bad=1000,
        ),
        Figure(
            "Accepted to outcome, p99",
            "From the durable acceptance to the durable outcome, over five minutes; waits for a manager included.",
            "s",
            by_lane("lane:lab_order_seconds:p99_5m"),
            warn=5,
            bad=30,
        ),
    ),
)
COST: Final = Row(
    "Cost",
    (
        Figure(
            "Processor time for each order",
            "Seconds of all of a lane's processes and brokers for each finished order, the doors and services included;"
            " a database server is not.",
            "s",
            by_lane("lane:cpu_seconds_per_order:ratio_1m"),
            warn=0.05,
            bad=0.2,
            decimals=4,
        ),
        Figure(
            "Messages for each order",
            "Stored in the lane's streams for each finished order, replicas counted once.",
            "none",
            by_lane("lane:nats_messages_per_order:ratio_1m"),
            warn=20,
            bad=100,
            decimals=1,
        ),
        Figure(
            "Memory",
            "Resident memory of all of a lane's processes and brokers.",
            "bytes",
            by_lane("lane:resident_memory_bytes:sum"),
            warn=2e9,
            bad=4e9,
        ),
    ),
)
VERDICT: Final = Board(
    "saga-verdict",
    "Verdict",
    "Both lanes on the same axes: consistency, failure recovery, traceability, performance, cost.",
    (CONSISTENCY, RECOVERY, TRACEABILITY, PERFORMANCE, COST),
)
