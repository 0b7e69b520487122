"""Locust's own statistics at ``/metrics`` of its web port, for Prometheus. The master tells of all its workers.

It reads what Locust has counted anyway, when asked; without a web interface there is nobody to ask.
"""

from collections.abc import Iterator
from typing import Final

from locust.env import Environment
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

QUANTILES: Final = (0.5, 0.99)


class LocustStatistics(Collector):
    """``name`` is the request's method and name, such as ``POST /orders``."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def collect(self) -> Iterator[Metric]:
        runner = self._environment.runner
        users = GaugeMetricFamily("load_users", "Simulated users now.")
        users.add_metric((), runner.user_count if runner is not None else 0)
        yield users
        requests = CounterMetricFamily("load_requests", "Requests and events counted.", labels=("name",))
        failures = CounterMetricFamily("load_failures", "Those of them that failed.", labels=("name",))
        taken = GaugeMetricFamily(
            "load_response_seconds", "Quantiles of the response time over the whole run.", labels=("name", "quantile")
        )
        for entry in self._environment.stats.entries.values():
            name = f"{entry.method} {entry.name}"
            requests.add_metric((name,), entry.num_requests)
            failures.add_metric((name,), entry.num_failures)
            for share in QUANTILES:
                taken.add_metric((name, str(share)), entry.get_response_time_percentile(share) / 1000)
        yield from (requests, failures, taken)


def expose(environment: Environment) -> None:
    """Call it in a listener of Locust's ``init``."""
    if environment.web_ui is None or environment.web_ui.app is None:
        return
    registry = CollectorRegistry()
    registry.register(LocustStatistics(environment))

    def metrics() -> tuple[bytes, int, dict[str, str]]:
        return generate_latest(registry), 200, {"Content-Type": CONTENT_TYPE_LATEST}

    environment.web_ui.app.add_url_rule("/metrics", "prometheus_metrics", metrics)
