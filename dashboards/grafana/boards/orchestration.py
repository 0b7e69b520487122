"""The lane in which conductors decide: transitions, executions in hand, timers, appends, and what AWS would ask."""

from typing import Final

from dashboards.grafana.board import Board, Figure, Query, Row
from dashboards.grafana.boards.lane import orders_of, processes_of
from dashboards.grafana.boards.streams import LISTENED, appended, stored_by
from dashboards.grafana.queries import each, quantile, rated, summed

LANE: Final = "orchestration"
OWN: Final = f'{{lane="{LANE}"}}'
WORK: Final = f'{{lane="{LANE}", consumer_name="conductor", {LISTENED}}}'


def _quantiles(histogram: str) -> tuple[Query, ...]:
    buckets = f"{histogram}_bucket{OWN}"
    return Query(quantile(0.5, buckets, over="5m"), "p50"), Query(quantile(0.99, buckets, over="5m"), "p99")


CONDUCTORS: Final = Row(
    "Conductors",
    (
        Figure(
            "State transitions",
            "Each second, as AWS bills them: Standard, and Express executions'.",
            "ops",
            (
                Query(rated(f"conductor_transitions_total{OWN}"), "Standard"),
                Query(rated(f"conductor_express_transitions_total{OWN}"), "Express"),
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
            (Query(summed(f"nats_consumer_num_pending{WORK}"), "waiting"),),
            warn=1000,
            bad=10_000,
        ),
        Figure(
            "Timers late by",
            "From the instant a timer was due until its execution was told.",
            "s",
            _quantiles("conductor_timer_lag_seconds"),
            warn=1,
            bad=5,
        ),
        Figure(
            "One advance of the interpreter",
            "Pure computing between an event and the commands that follow from it.",
            "s",
            _quantiles("conductor_advance_seconds"),
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
                Query(rated(f"conductor_append_conflicts_total{OWN}"), "conflicts"),
                Query(rated(f"conductor_redeliveries_total{OWN}"), "redeliveries"),
                Query(rated(f"conductor_drive_failures_total{OWN}"), "failures"),
            ),
            warn=5,
            bad=50,
        ),
        Figure(
            "What AWS would ask",
            "List price in us-east-1 of the transitions since the conductors' start, without a free tier.",
            "currencyUSD",
            each(f"conductor_price_dollars_total{OWN}", "type"),
            warn=1,
            bad=10,
            shape="number",
            decimals=4,
        ),
        appended("Histories stored", "Messages appended each second, by stream.", stored_by(LANE), width=16),
    ),
)
ORCHESTRATION: Final = Board(
    "saga-orchestration",
    "Orchestration",
    "A conductor decides: how its orders end, what conductors have in hand, how late timers are, what AWS would ask.",
    (orders_of(LANE), CONDUCTORS, processes_of(LANE)),
)
