"""Instants and spans as people read them. Pure; the lanes tell instants in RFC 3339, UTC."""

from datetime import datetime


def clock(at: str | None) -> str:
    """The time of day with milliseconds."""
    return "" if at is None else datetime.fromisoformat(at).strftime("%H:%M:%S.%f")[:-3]


def day_and_clock(at: str | None) -> str:
    return "" if at is None else datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M:%S")


def seconds_between(start: str | None, end: str | None) -> float | None:
    if start is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def span(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
