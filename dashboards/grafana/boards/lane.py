"""What both lanes' own dashboards show alike: how its orders end, how long they take, what is undone and set apart."""

from dashboards.grafana.board import Figure, Query, Row


def orders_of(lane: str) -> Row:
    def of(metric: str, more: str = "") -> str:
        return f'{metric}{{lane="{lane}"{more}}}'

    return Row(
        "Orders",
        (
            Figure(
                "Outcomes",
                "Orders ended each second, by outcome.",
                "ops",
                (Query(of("lane_outcome:lab_orders_finished:rate1m"), "{{outcome}}"),),
                warn=200,
                bad=1000,
            ),
            Figure(
                "Accepted to outcome",
                "Quantiles of the last five minutes. Retries and waits for a manager are in it.",
                "s",
                (
                    Query(of("lane:lab_order_seconds:p50_5m"), "p50"),
                    Query(of("lane:lab_order_seconds:p99_5m"), "p99"),
                ),
                warn=5,
                bad=30,
            ),
            Figure(
                "Open orders",
                "Without an outcome, by status. Parked ones wait for a person.",
                "short",
                (Query(of("lab_open_orders"), "{{status}}"),),
                warn=500,
                bad=2000,
            ),
            Figure(
                "Wrong books by kind",
                "Every kind of anomaly that can be told while the lane runs, now.",
                "short",
                (Query(f"sum by (kind) ({of('lab_anomalies')})", "{{kind}}"),),
                warn=1,
                bad=1,
                shape="bars",
                height=10,
            ),
            Figure(
                "Retries",
                "Tries after the first, by operation.",
                "ops",
                (Query(f"sum by (operation) (rate({of('lab_retries_total')}[$__rate_interval]))", "{{operation}}"),),
                warn=20,
                bad=100,
                height=10,
            ),
            Figure(
                "Dead letters",
                "Set apart for a person since the processes' start, by reason.",
                "short",
                (Query(f"sum by (reason) ({of('lab_dead_letters_total')})", "{{reason}}"),),
                warn=1,
                bad=20,
                height=10,
            ),
        ),
    )


def processes_of(lane: str) -> Row:
    own = f'lane="{lane}", job="lanes"'
    return Row(
        "Processes",
        (
            Figure(
                "Processor",
                "Cores used by each component, all its replicas together. One Python process has at most one.",
                "none",
                (
                    Query(
                        f"sum by (component) (rate(process_cpu_seconds_total{{{own}}}[$__rate_interval]))",
                        "{{component}}",
                    ),
                ),
                warn=0.7,
                bad=0.95,
                decimals=2,
            ),
            Figure(
                "Memory",
                "Resident memory of each component, all its replicas together.",
                "bytes",
                (Query(f"sum by (component) (process_resident_memory_bytes{{{own}}})", "{{component}}"),),
                warn=5e8,
                bad=1e9,
            ),
            Figure(
                "Replicas that answer",
                "Processes of each component that answer Prometheus. 0: nobody does this part of the work.",
                "short",
                (Query(f"sum by (component) (up{{{own}}})", "{{component}}"),),
                warn=1,
                bad=0.5,
                below=True,
                decimals=0,
            ),
        ),
    )
