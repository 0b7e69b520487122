"""What both lanes' own dashboards show alike: how its orders end, how long they take, what is undone and set apart."""

from dashboards.grafana.board import Figure, Query, Row
from dashboards.grafana.queries import each, each_second


def orders_of(lane: str) -> Row:
    own = f'{{lane="{lane}"}}'
    return Row("Orders", (*_on_their_way(own), *_in_trouble(own)))


def _on_their_way(own: str) -> tuple[Figure, ...]:
    return (
        Figure(
            "Outcomes",
            "Orders ended each second, by outcome.",
            "ops",
            (Query(f"lane_outcome:lab_orders_finished:rate1m{own}", "{{outcome}}"),),
            warn=200,
            bad=1000,
        ),
        Figure(
            "Accepted to outcome",
            "Quantiles of the last five minutes. Retries and waits for a manager are in it.",
            "s",
            tuple(Query(f"lane:lab_order_seconds:{quantile}_5m{own}", quantile) for quantile in ("p50", "p99")),
            warn=5,
            bad=30,
        ),
        Figure(
            "Open orders",
            "Without an outcome, by status. Parked ones wait for a person.",
            "short",
            (Query(f"lab_open_orders{own}", "{{status}}"),),
            warn=500,
            bad=2000,
        ),
    )


def _in_trouble(own: str) -> tuple[Figure, ...]:
    return (
        Figure(
            "Wrong books by kind",
            "Every kind of anomaly that can be told while the lane runs, now.",
            "short",
            each(f"lab_anomalies{own}", "kind"),
            warn=1,
            bad=1,
            shape="bars",
            height=10,
        ),
        Figure(
            "Retries",
            "Tries after the first, by operation.",
            "ops",
            each_second(f"lab_retries_total{own}", "operation"),
            warn=20,
            bad=100,
            height=10,
        ),
        Figure(
            "Dead letters",
            "Set apart for a person since the processes' start, by reason.",
            "short",
            each(f"lab_dead_letters_total{own}", "reason"),
            warn=1,
            bad=20,
            height=10,
        ),
    )


def processes_of(lane: str) -> Row:
    own = f'{{lane="{lane}", job="lanes"}}'
    return Row(
        "Processes",
        (
            Figure(
                "Processor",
                "Cores used by each component, all its replicas together. One Python process has at most one.",
                "none",
                each_second(f"process_cpu_seconds_total{own}", "component"),
                warn=0.7,
                bad=0.95,
                decimals=2,
            ),
            Figure(
                "Memory",
                "Resident memory of each component, all its replicas together.",
                "bytes",
                each(f"process_resident_memory_bytes{own}", "component"),
                warn=5e8,
                bad=1e9,
            ),
            Figure(
                "Replicas that answer",
                "Processes of each component that answer Prometheus. 0: nobody does this part of the work.",
                "short",
                each(f"up{own}", "component"),
                warn=1,
                bad=0.5,
                below=True,
                decimals=0,
            ),
        ),
    )
