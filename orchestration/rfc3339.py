"""Instants as text: RFC 3339, UTC."""

from datetime import UTC, datetime
from typing import Final

NANOSECONDS: Final = 1_000_000_000


def rfc3339(epoch_s: float) -> str:
    """With microseconds."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="microseconds")[:26] + "Z"


def epoch_s(text: str) -> float:
    """Of a broker's timestamp (UTC, up to nanoseconds): the very float that its nanoseconds give."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return (seconds * NANOSECONDS + int(f"{fraction:0<9}"[:9])) / NANOSECONDS
