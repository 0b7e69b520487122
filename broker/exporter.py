"""``python -m broker.exporter``: what nats-server tells on its monitoring port, as Prometheus metrics.

Names and labels are those of NATS's own exporter as its Helm chart starts it (prefix ``nats``), as far as the
dashboards use them, so that either can stand behind them. It asks when it is asked, and remembers nothing.
"""

import json
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from signal import SIGINT, SIGTERM, signal
from typing import Any, Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

TIMEOUT_S: Final = 2.0
ALL: Final = "/jsz?consumers=true&config=true"

SERVER: Final = ("lane", "server_name")
STREAM: Final = (*SERVER, "stream_name", "is_stream_leader")
CONSUMER: Final = (*STREAM, "consumer_name", "is_consumer_leader")
# Metric name -> (what it says, path in the server's own answer).
VARZ: Final = {
    "nats_varz_connections": ("Client connections now.", "connections"),
    "nats_varz_subscriptions": ("Subscriptions now.", "subscriptions"),
    "nats_varz_in_msgs": ("Messages received since the start.", "in_msgs"),
    "nats_varz_out_msgs": ("Messages sent since the start.", "out_msgs"),
    "nats_varz_in_bytes": ("Bytes received since the start.", "in_bytes"),
    "nats_varz_out_bytes": ("Bytes sent since the start.", "out_bytes"),
    "nats_varz_slow_consumers": ("Clients cut off since they read too slowly.", "slow_consumers"),
    "nats_varz_mem": ("Resident memory in bytes.", "mem"),
    "nats_varz_cpu": ("Processor use in percent of one core.", "cpu"),
    "nats_varz_jetstream_stats_api_errors": ("JetStream API requests that failed.", "jetstream.stats.api.errors"),
}
STREAMS: Final = {
    "nats_stream_total_messages": ("Messages in the stream.", "state.messages"),
    "nats_stream_total_bytes": ("Bytes of the stream.", "state.bytes"),
    "nats_stream_last_seq": ("Sequence of the newest message.", "state.last_seq"),
    "nats_stream_subject_count": ("Subjects in the stream.", "state.num_subjects"),
}
CONSUMERS: Final = {
    "nats_consumer_num_pending": ("Messages not delivered yet.", "num_pending"),
    "nats_consumer_num_ack_pending": ("Messages delivered and not acknowledged.", "num_ack_pending"),
    "nats_consumer_num_redelivered": ("Messages delivered more than once and not acknowledged.", "num_redelivered"),
    "nats_consumer_num_waiting": ("Pull requests that wait for messages.", "num_waiting"),
    "nats_consumer_delivered_consumer_seq": ("Deliveries since the consumer was made.", "delivered.consumer_seq"),
    "nats_consumer_ack_floor_stream_seq": ("Stream sequence up to which all is acknowledged.", "ack_floor.stream_seq"),
}

Page = Mapping[str, Any]


class ExporterSettings(BaseSettings):
    """``monitors``: lane -> the monitoring URLs of its servers."""

    model_config = SettingsConfigDict(env_prefix="LAB_NATS_", frozen=True, extra="ignore")

    monitors: dict[str, list[str]] = Field(min_length=1)
    exporter_host: str = "127.0.0.1"
    exporter_port: int = Field(default=7442, ge=0, le=65_535)


class Monitoring(Collector):
    """Every server of every lane; one that gives no answer is ``nats_up 0`` and nothing else."""

    def __init__(self, monitors: Mapping[str, Sequence[str]]) -> None:
        self._monitors = monitors

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("nats_up", "Whether the server's monitoring answers.", labels=("lane", "url"))
        pages: list[tuple[str, Page, Page]] = []
        for lane, urls in self._monitors.items():
            for url in urls:
                found = _ask(url)
                up.add_metric((lane, url), found is not None)
                if found is not None:
                    pages.append((lane, *found))
        yield up
        yield from metrics_of(pages)


def metrics_of(pages: Iterable[tuple[str, Page, Page]]) -> Iterator[Metric]:
    """From (lane, ``/varz``, ``/jsz``) of each server to metrics. Pure."""
    families = {
        name: GaugeMetricFamily(name, says, labels=labels)
        for table, labels in ((VARZ, SERVER), (STREAMS, STREAM), (CONSUMERS, CONSUMER))
        for name, (says, _) in table.items()
    }

    def add(table: Mapping[str, tuple[str, str]], page: Page, labels: Sequence[str]) -> None:
        for name, (_, path) in table.items():
            families[name].add_metric(labels, _at(page, path))

    for lane, varz, jsz in pages:
        server = (lane, str(varz["server_name"]))
        add(VARZ, varz, server)
        for stream in (each for account in jsz.get("account_details", ()) for each in account.get("stream_detail", ())):
            names = (*server, str(stream["name"]), _leads(stream, server[1]))
            add(STREAMS, stream, names)
            for consumer in stream.get("consumer_detail", ()):
                add(CONSUMERS, consumer, (*names, str(consumer["name"]), _leads(consumer, server[1])))
    yield from families.values()


def _leads(page: Page, server: str) -> str:
    cluster = page.get("cluster")
    return "true" if cluster is None or cluster.get("leader") == server else "false"


def _at(page: Page, path: str) -> float:
    """A figure of a page; what the server leaves out is 0."""
    found: Any = page
    for key in path.split("."):
        found = found.get(key, {})
    return float(found or 0)


def _ask(url: str) -> tuple[Page, Page] | None:
    try:
        return _json(f"{url}/varz"), _json(f"{url}{ALL}")
    except (OSError, ValueError):
        return None


def _json(url: str) -> Page:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        found: Page = json.load(answer)
        return found


def main() -> None:
    settings = ExporterSettings()
    registry = CollectorRegistry()
    registry.register(Monitoring(settings.monitors))
    stopped = threading.Event()
    for number in (SIGTERM, SIGINT):
        signal(number, lambda *_: stopped.set())
    server, thread = start_http_server(settings.exporter_port, settings.exporter_host, registry)
    stopped.wait()
    server.shutdown()
    thread.join()


if __name__ == "__main__":
    main()
