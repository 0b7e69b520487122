"""One order's trail as a story for people: what happened when, with which input and result, and which store told it.

Pure: an ``OrderTrail`` in, lines out. It adds nothing that the lane did not record.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.trail import OrderTrail, TrailEntry

MAX_JSON: Final = 160  # characters of an input or output, unless the reader asks for all


@dataclass(frozen=True)
class Told:
    """One entry: a headline, and under it its facts as (word, text)."""

    after_s: float
    headline: str
    store: str
    facts: tuple[tuple[str, str], ...]
    bad: bool


def tell(trail: OrderTrail, *, whole: bool = False) -> list[Told]:
    """The entries in order of time, each with the seconds since the first."""
    entries = sorted(trail.entries, key=lambda entry: instant(entry.at))  # stable: equal instants keep the lane's order
    if not entries:
        return []
    start = instant(entries[0].at)
    return [_told(entry, start, whole) for entry in entries]


def instant(text: str) -> float:
    """Epoch seconds of an RFC 3339 instant."""
    return datetime.fromisoformat(_microseconds(text)).timestamp()


def _microseconds(text: str) -> str:
    """The broker gives nanoseconds; ``datetime`` reads six digits."""
    head, dot, rest = text.partition(".")
    if not dot:
        return text
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[:digits][:6].ljust(6, '0')}{rest[digits:]}"


def _told(entry: TrailEntry, start: float, whole: bool) -> Told:
    facts: list[tuple[str, str]] = []
    for word, value in (("input", entry.input), ("output", entry.output)):
        if value is not None:
            facts.append((word, _short(value, whole)))
    if entry.error:
        facts.append(("error", entry.error))
    if entry.cause:
        facts.append(("cause", entry.cause if whole else _cut(entry.cause)))
    return Told(instant(entry.at) - start, _headline(entry), entry.store, tuple(facts), bad=entry.error is not None)


def _headline(entry: TrailEntry) -> str:
    where = ".".join(filter(None, (entry.service, entry.operation)))
    step = entry.step if entry.step not in (None, entry.operation, entry.what) else None
    words = [entry.what, *([f"in {step}"] if step else []), *([f"({where})"] if where else [])]
    if entry.attempt is not None and entry.attempt > 1:
        words.append(f"attempt {entry.attempt}")
    return " ".join(words)


def _short(value: Any, whole: bool) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if whole else _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_JSON else text[: MAX_JSON - 1] + "…"
