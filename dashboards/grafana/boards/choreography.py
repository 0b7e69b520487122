"""The lane in which every service reacts to events: its listeners, their backlog, what goes round again."""

from typing import Final

from dashboards.grafana.board import Board, Figure, Row
from dashboards.grafana.boards.lane import orders_of, processes_of
from dashboards.grafana.boards.streams import LISTENED, appended, backlog, not_acknowledged, stored_by
from dashboards.grafana.queries import each

LANE: Final = "choreography"
LISTENERS: Final = f'lane="{LANE}", stream_name="ORDERS", {LISTENED}'

EVENTS: Final = Row(
    "Events and listeners",
    (
        appended("Events stored", "Messages appended to the stream ORDERS each second.", stored_by(LANE)),
        backlog("Backlog by listener", "Events not delivered yet to each listener.", LISTENERS, "consumer_name"),
        not_acknowledged(
            "In hand by listener",
            "Events delivered and not acknowledged: being worked on, or waiting out a retry.",
            LISTENERS,
            "consumer_name",
        ),
        Figure(
            "Delivered again",
            "Events in hand that were delivered more than once: retries, and work that a killed process left.",
            "short",
            each(f"nats_consumer_num_redelivered{{{LISTENERS}}}", "consumer_name"),
            warn=100,
            bad=1000,
            width=12,
        ),
        Figure(
            "Waiting pulls",
            "Pull requests that wait for events, by listener. 0 for long: nobody listens.",
            "short",
            each(f"nats_consumer_num_waiting{{{LISTENERS}}}", "consumer_name"),
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
