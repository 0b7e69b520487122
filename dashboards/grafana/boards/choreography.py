"""The lane in which every service reacts to events: its listeners, their backlog, what goes round again."""

from typing import Final

from dashboards.grafana.board import Board, Figure, Query, Row
from dashboards.grafana.boards.lane import orders_of, processes_of

LANE: Final = "choreography"
LISTENERS: Final = f'lane="{LANE}", stream_name="ORDERS", is_consumer_leader="true"'

EVENTS: Final = Row(
    "Events and listeners",
    (
        Figure(
            "Events stored",
            "Messages appended to the stream ORDERS each second.",
            "ops",
            (
                Query(
                    f'rate(nats_stream_last_seq{{lane="{LANE}", is_stream_leader="true"}}[$__rate_interval])',
                    "{{stream_name}}",
                ),
            ),
            warn=2000,
            bad=5000,
        ),
        Figure(
            "Backlog by listener",
            "Events not delivered yet to each listener.",
            "short",
            (Query(f"sum by (consumer_name) (nats_consumer_num_pending{{{LISTENERS}}})", "{{consumer_name}}"),),
            warn=1000,
            bad=10_000,
        ),
        Figure(
            "In hand by listener",
            "Events delivered and not acknowledged: being worked on, or waiting out a retry.",
            "short",
            (Query(f"sum by (consumer_name) (nats_consumer_num_ack_pending{{{LISTENERS}}})", "{{consumer_name}}"),),
            warn=500,
            bad=5000,
        ),
        Figure(
            "Delivered again",
            "Events in hand that were delivered more than once: retries, and work that a killed process left.",
            "short",
            (Query(f"sum by (consumer_name) (nats_consumer_num_redelivered{{{LISTENERS}}})", "{{consumer_name}}"),),
            warn=100,
            bad=1000,
            width=12,
        ),
        Figure(
            "Waiting pulls",
            "Pull requests that wait for events, by listener. 0 for long: nobody listens.",
            "short",
            (Query(f"sum by (consumer_name) (nats_consumer_num_waiting{{{LISTENERS}}})", "{{consumer_name}}"),),
            warn=1,
            bad=0.5,
            below=True,
            width=12,
        ),
    ),
)
CHOREOGRAPHY: Final = Board(
    "saga-choreography",
    "Choreography",
    "Every service reacts to events: how its orders end, what its listeners have before them, what goes round again.",
    (orders_of(LANE), EVENTS, processes_of(LANE)),
)
