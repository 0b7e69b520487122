"""The brokers: servers, streams, consumers. A stream is counted at its leader, so that replicas do not count twice."""

from typing import Final

from dashboards.grafana.board import Board, Figure, Query, Row

LANE: Final = 'lane=~"$lane"'
LED: Final = f'{LANE}, is_stream_leader="true"'
LISTENED: Final = f'{LANE}, is_consumer_leader="true"'


def _rate(metric: str) -> str:
    return f"sum by (lane, server_name) (rate({metric}{{{LANE}}}[$__rate_interval]))"


SERVERS: Final = Row(
    "Servers",
    (
        Figure(
            "Servers that answer",
            "NATS servers whose monitoring answers. A cluster of three works with two.",
            "short",
            (Query(f"sum by (lane) (nats_up{{{LANE}}})", "{{lane}}"),),
            warn=1,
            bad=0.5,
            shape="number",
            below=True,
            width=6,
            decimals=0,
        ),
        Figure(
            "Connections",
            "Clients connected now, by server.",
            "short",
            (Query(f"sum by (lane, server_name) (nats_varz_connections{{{LANE}}})", "{{lane}} {{server_name}}"),),
            warn=200,
            bad=1000,
            width=9,
        ),
        Figure(
            "Processor",
            "Share of one core, by server.",
            "percentunit",
            (Query(f"sum by (lane, server_name) (nats_varz_cpu{{{LANE}}}) / 100", "{{lane}} {{server_name}}"),),
            warn=0.7,
            bad=1,
            width=9,
        ),
        Figure(
            "Messages in",
            "From clients, routes included, each second.",
            "ops",
            (Query(_rate("nats_varz_in_msgs"), "{{lane}} {{server_name}}"),),
            warn=10_000,
            bad=50_000,
        ),
        Figure(
            "Bytes in",
            "From clients, routes included, each second.",
            "Bps",
            (Query(_rate("nats_varz_in_bytes"), "{{lane}} {{server_name}}"),),
            warn=2e7,
            bad=1e8,
        ),
        Figure(
            "Memory",
            "Resident memory, by server.",
            "bytes",
            (Query(f"sum by (lane, server_name) (nats_varz_mem{{{LANE}}})", "{{lane}} {{server_name}}"),),
            warn=2e8,
            bad=5e8,
        ),
    ),
)
STREAMS: Final = Row(
    "Streams",
    (
        Figure(
            "Appended",
            "Messages stored each second, by stream.",
            "ops",
            (
                Query(
                    f"sum by (lane, stream_name) (rate(nats_stream_last_seq{{{LED}}}[$__rate_interval]))",
                    "{{lane}} {{stream_name}}",
                ),
            ),
            warn=2000,
            bad=5000,
        ),
        Figure(
            "Bytes stored",
            "Of each stream, one replica.",
            "bytes",
            (Query(f"sum by (lane, stream_name) (nats_stream_total_bytes{{{LED}}})", "{{lane}} {{stream_name}}"),),
            warn=5e9,
            bad=2e10,
        ),
        Figure(
            "Subjects",
            "In each stream: about one for each order or event. The server keeps them in memory.",
            "short",
            (Query(f"sum by (lane, stream_name) (nats_stream_subject_count{{{LED}}})", "{{lane}} {{stream_name}}"),),
            warn=1e6,
            bad=1e7,
        ),
    ),
)
CONSUMERS: Final = Row(
    "Consumers",
    (
        Figure(
            "Backlog",
            "Messages not delivered yet, by consumer.",
            "short",
            (
                Query(
                    f"sum by (lane, consumer_name) (nats_consumer_num_pending{{{LISTENED}}})",
                    "{{lane}} {{consumer_name}}",
                ),
            ),
            warn=1000,
            bad=10_000,
        ),
        Figure(
            "Not acknowledged",
            "Messages delivered and not acknowledged, by consumer.",
            "short",
            (
                Query(
                    f"sum by (lane, consumer_name) (nats_consumer_num_ack_pending{{{LISTENED}}})",
                    "{{lane}} {{consumer_name}}",
                ),
            ),
            warn=500,
            bad=5000,
        ),
        Figure(
            "Slow consumers, API errors",
            "Clients cut off since they read too slowly, and JetStream requests that failed, since the start.",
            "short",
            (
                Query(f"sum by (lane) (nats_varz_slow_consumers{{{LANE}}})", "{{lane}} slow consumers"),
                Query(f"sum by (lane) (nats_varz_jetstream_stats_api_errors{{{LANE}}})", "{{lane}} API errors"),
            ),
            warn=10,
            bad=100,
        ),
    ),
)
NATS: Final = Board(
    "saga-nats",
    "NATS",
    "The brokers of both lanes: servers, streams, consumers.",
    (SERVERS, STREAMS, CONSUMERS),
    (("lane", ("choreography", "orchestration")),),
)
