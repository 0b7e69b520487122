"""The lane in which conductors decide: transitions, executions in hand, timers, appends, and what AWS would ask."""

from typing import Final

from dashboards.grafana.board import Board, Figure, Query, Row
from dashboards.grafana.boards.lane import orders_of, processes_of

LANE: Final = "orchestration"
WORK: Final = f'lane="{LANE}", consumer_name="conductor", is_consumer_leader="true"'


def _quantile(share: str, histogram: str) -> str:
    return f'histogram_quantile({share}, sum by (le) (rate({histogram}_bucket{{lane="{LANE}"}}[5m])))'


CONDUCTORS: Final = Row(
    "Conductors",
    (
        Figure(
            "State transitions",
            "Each second, as AWS bills them: Standard, and Express executions'.",
            "ops",
            (
                Query(f'sum(rate(conductor_transitions_total{{lane="{LANE}"}}[$__rate_interval]))', "Standard"),
                Query(f'sum(rate(conductor_express_transitions_total{{lane="{LANE}"}}[$__rate_interval]))', "Express"),
            ),
            warn=2000,
            bad=5000,
        ),
        Figure(
            "Executions in hand",
            "Executions that a conductor drives now, by process. Those that wait for something are in nobody's hand.",
            "short",
            (Query(f'conductor_executions{{lane="{LANE}", status="RUNNING"}}', "{{instance}}"),),
            warn=400,
            bad=500,
        ),
        Figure(
            "Work not delivered yet",
            "Starts, timers and answers that no conductor has taken.",
            "short",
            (Query(f"sum(nats_consumer_num_pending{{{WORK}}})", "waiting"),),
            warn=1000,
            bad=10_000,
        ),
        Figure(
            "Timers late by",
            "From the instant a timer was due until its execution was told.",
            "s",
            (
                Query(_quantile("0.5", "conductor_timer_lag_seconds"), "p50"),
                Query(_quantile("0.99", "conductor_timer_lag_seconds"), "p99"),
            ),
            warn=1,
            bad=5,
        ),
        Figure(
            "One advance of the interpreter",
            "Pure computing between an event and the commands that follow from it.",
            "s",
            (
                Query(_quantile("0.5", "conductor_advance_seconds"), "p50"),
                Query(_quantile("0.99", "conductor_advance_seconds"), "p99"),
            ),
            warn=0.01,
            bad=0.1,
            decimals=5,
        ),
        Figure(
            "Conflicts, redeliveries, failures",
            "Appends that another conductor forestalled, work taken up again, and errors of the conductor's own: each a"
            " second.",
            "ops",
            (
                Query(
                    f'sum(rate(conductor_append_conflicts_total{{lane="{LANE}"}}[$__rate_interval]))',
                    "conflicts",
                ),
                Query(f'sum(rate(conductor_redeliveries_total{{lane="{LANE}"}}[$__rate_interval]))', "redeliveries"),
                Query(f'sum(rate(conductor_drive_failures_total{{lane="{LANE}"}}[$__rate_interval]))', "failures"),
            ),
            warn=5,
            bad=50,
        ),
        Figure(
            "What AWS would ask",
            "List price in us-east-1 of the transitions since the conductors' start, without a free tier.",
            "currencyUSD",
            (Query(f'sum by (type) (conductor_price_dollars_total{{lane="{LANE}"}})', "{{type}}"),),
            warn=1,
            bad=10,
            shape="number",
            decimals=4,
        ),
        Figure(
            "Histories stored",
            "Messages appended each second, by stream.",
            "ops",
            (
                Query(
                    f'rate(nats_stream_last_seq{{lane="{LANE}", is_stream_leader="true"}}[$__rate_interval])',
                    "{{stream_name}}",
                ),
            ),
            warn=2000,
            bad=5000,
            width=16,
        ),
    ),
)
ORCHESTRATION: Final = Board(
    "saga-orchestration",
    "Orchestration",
    "A conductor decides: how its orders end, what conductors have in hand, how late timers are, what AWS would ask.",
    (orders_of(LANE), CONDUCTORS, processes_of(LANE)),
)
