"""Instants: RFC 3339 text to epoch seconds and back. The language's only notion of time; it reads no clock."""

import re
from datetime import UTC, datetime, timedelta, timezone

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:(Z)|([+-])(\d\d):(\d\d))", re.ASCII
)


def parse_timestamp(text: object) -> float | None:
    """Epoch seconds, or None when ``text`` is no timestamp of the language (date, T, time, offset)."""
    if not isinstance(text, str) or (found := _TIMESTAMP.fullmatch(text)) is None:
        return None
    year, month, day, hour, minute, second, fraction, _, sign, offset_h, offset_m = found.groups()
    offset = UTC
    try:
        if sign:
            offset = timezone((1 if sign == "+" else -1) * timedelta(hours=int(offset_h), minutes=int(offset_m)))
        whole = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=offset)
        return whole.timestamp() + (float(f"0.{fraction}") if fraction else 0.0)
    except (ValueError, OverflowError):
        return None


def format_timestamp(at: float) -> str:
    """UTC with milliseconds, as AWS shows it in the context object."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
