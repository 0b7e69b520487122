"""Figures of streams and consumers, for one lane or for both.

A stream is counted at its leader, so that replicas do not count twice.
"""

from typing import Final

from dashboards.grafana.board import Figure, Query
from dashboards.grafana.queries import each

LED: Final = 'is_stream_leader="true"'
LISTENED: Final = 'is_consumer_leader="true"'


def appended(title: str, says: str, query: Query, width: int = 8) -> Figure:
    return Figure(title, says, "ops", (query,), warn=2000, bad=5000, width=width)


def stored_by(lane: str) -> Query:
    """Of each stream of a lane."""
    return Query(f'rate(nats_stream_last_seq{{lane="{lane}", {LED}}}[$__rate_interval])', "{{stream_name}}")


def backlog(title: str, says: str, consumers: str, *labels: str) -> Figure:
    """``consumers``: what selects them, without braces."""
    queries = each(f"nats_consumer_num_pending{{{consumers}}}", *labels)
    return Figure(title, says, "short", queries, warn=1000, bad=10_000)


def not_acknowledged(title: str, says: str, consumers: str, *labels: str) -> Figure:
    queries = each(f"nats_consumer_num_ack_pending{{{consumers}}}", *labels)
    return Figure(title, says, "short", queries, warn=500, bad=5000)
