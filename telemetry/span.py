"""A span as plain data: made when it has ended, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Attribute = str | int | float | bool


class Kind(StrEnum):
    """OpenTelemetry's span kinds."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Instants are epoch seconds. ``error`` None: it went well, or nobody can tell.

    ``service`` names whose it is, where that is not the process that makes it.
    """

    name: str
    kind: Kind
    trace_id: str
    span_id: str
    began_at: float
    ended_at: float
    parent_id: str | None = None
    links: tuple[Link, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    error: str | None = None
    service: str | None = None
