"""The brokers of both lanes: servers, streams, consumers."""

from typing import Final

from dashboards.grafana.board import Board, Figure, Query, Row
from dashboards.grafana.boards import streams
from dashboards.grafana.queries import each, each_second, legend_of, rated, summed

LANE: Final = 'lane=~"$lane"'
LED: Final = f"{{{LANE}, {streams.LED}}}"
LISTENED: Final = f"{LANE}, {streams.LISTENED}"
OF_LANE: Final = f"{{{LANE}}}"
BY_SERVER: Final = ("lane", "server_name")
BY_STREAM: Final = ("lane", "stream_name")
BY_CONSUMER: Final = ("lane", "consumer_name")

SERVERS: Final = Row(
    "Servers",
    (
        Figure(
            "Servers that answer",
            "NATS servers whose monitoring answers. A cluster of three works with two.",
            "short",
            each(f"nats_up{OF_LANE}", "lane"),
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
            each(f"nats_varz_connections{OF_LANE}", *BY_SERVER),
            warn=200,
            bad=1000,
            width=9,
        ),
        Figure(
            "Processor",
            "Share of one core, by server.",
            "percentunit",
            (Query(f"{summed(f'nats_varz_cpu{OF_LANE}', *BY_SERVER)} / 100", legend_of(*BY_SERVER)),),
            warn=0.7,
            bad=1,
            width=9,
        ),
        Figure(
            "Messages in",
            "From clients, routes included, each second.",
            "ops",
            each_second(f"nats_varz_in_msgs{OF_LANE}", *BY_SERVER),
            warn=10_000,
            bad=50_000,
        ),
        Figure(
            "Bytes in",
            "From clients, routes included, each second.",
            "Bps",
            each_second(f"nats_varz_in_bytes{OF_LANE}", *BY_SERVER),
            warn=2e7,
            bad=1e8,
        ),
        Figure(
            "Memory",
            "Resident memory, by server.",
            "bytes",
            each(f"nats_varz_mem{OF_LANE}", *BY_SERVER),
            warn=2e8,
            bad=5e8,
        ),
    ),
)
STREAMS: Final = Row(
    "Streams",
    (
        streams.appended(
            "Appended",
            "Messages stored each second, by stream.",
            Query(rated(f"nats_stream_last_seq{LED}", *BY_STREAM), legend_of(*BY_STREAM)),
        ),
        Figure(
            "Bytes stored",
            "Of each stream, one replica.",
            "bytes",
            each(f"nats_stream_total_bytes{LED}", *BY_STREAM),
            warn=5e9,
            bad=2e10,
        ),
        Figure(
            "Subjects",
            "In each stream: about one for each order or event. The server keeps them in memory.",
            "short",
            each(f"nats_stream_subject_count{LED}", *BY_STREAM),
            warn=1e6,
            bad=1e7,
        ),
    ),
)
CONSUMERS: Final = Row(
    "Consumers",
    (
        streams.backlog("Backlog", "Messages not delivered yet, by consumer.", LISTENED, *BY_CONSUMER),
        streams.not_acknowledged(
            "Not acknowledged", "Messages delivered and not acknowledged, by consumer.", LISTENED, *BY_CONSUMER
        ),
        Figure(
            "Slow consumers, API errors",
            "Clients cut off since they read too slowly, and JetStream requests that failed, since the start.",
            "short",
            (
                Query(summed(f"nats_varz_slow_consumers{OF_LANE}", "lane"), "{{lane}} slow consumers"),
                Query(summed(f"nats_varz_jetstream_stats_api_errors{OF_LANE}", "lane"), "{{lane}} API errors"),
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
