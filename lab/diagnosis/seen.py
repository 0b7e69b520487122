"""A span as a collector got it, and its way to JSON and back. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """Instants are epoch seconds. ``links`` are the ids of spans of the same trace; ``size`` is in bytes as OTLP."""

    lane: str
    component: str
    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    began_at: float
    ended_at: float
    error: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    size: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def span_of(row: Mapping[str, Any]) -> SeenSpan:
    return SeenSpan(**{**row, "links": tuple(row["links"])})
