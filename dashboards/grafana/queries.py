"""PromQL as the boards write it again and again: sums, rates and quantiles, one series for each set of labels."""

from typing import Final

from dashboards.grafana.board import Query

SHOWN: Final = "$__rate_interval"


def legend_of(*labels: str) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)


def summed(selector: str, *labels: str) -> str:
    return f"sum by ({', '.join(labels)}) ({selector})" if labels else f"sum({selector})"


def rated(counter: str, *labels: str, over: str = SHOWN) -> str:
    return summed(f"rate({counter}[{over}])", *labels)


def quantile(share: float, buckets: str, *labels: str, over: str = SHOWN) -> str:
    """Of a histogram; ``buckets`` is the selector of its ``_bucket`` series."""
    return f"histogram_quantile({share:g}, {rated(buckets, *labels, 'le', over=over)})"


def each(selector: str, *labels: str) -> tuple[Query, ...]:
    """What a gauge says now."""
    return (Query(summed(selector, *labels), legend_of(*labels)),)


def each_second(counter: str, *labels: str) -> tuple[Query, ...]:
    return (Query(rated(counter, *labels), legend_of(*labels)),)
