"""One order's trail as a story for people: what happened when, with which input and result, and which store told it.

Pure: an ``OrderTrail`` in, lines out. It adds nothing that the lane did not record. Unless the reader asks for all, it
leaves out what was told before: an order travels with nearly every message, and is told once.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.trail import OrderTrail, TrailEntry

MAX_WIDTH: Final = 160  # characters of an input, output or cause, unless the reader says otherwise


@dataclass(frozen=True)
class Told:
    """One entry: a headline, and under it its facts as (word, text)."""

    after_s: float
    headline: str
    store: str
    facts: tuple[tuple[str, str], ...]
    bad: bool


def tell(trail: OrderTrail, *, whole: bool = False, width: int = MAX_WIDTH) -> list[Told]:
    """The entries in order of time, each with the seconds since the first. ``whole``: uncut, and with repetitions."""
    entries = sorted(trail.entries, key=lambda entry: instant(entry.at))  # stable: equal instants keep the lane's order
    if not entries:
        return []
    start = instant(entries[0].at)
    news = News()
    return [_told(entry, start, None if whole else news, width) for entry in entries]


def stores_that_told(trail: OrderTrail) -> list[str]:
    """Of the stores that were asked, those that had something to tell."""
    told = {entry.store for entry in trail.entries}
    return [store for store in trail.stores if store in told]


class News:
    """Remembers the objects and lists told so far, and answers with what is new of the next value."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def of(self, value: Any) -> Any:
        """None: nothing. An object that was told in part comes without that part."""
        new = self._less_known(value)
        self._learn(value)
        return new

    def _less_known(self, value: Any) -> Any:
        if not isinstance(value, dict | list):
            return value
        if _json(value) in self._known:
            return None
        if isinstance(value, list):
            return value
        fresh = {name: self._less_known(part) for name, part in value.items()}
        return {name: part for name, part in fresh.items() if part is not None} or None

    def _learn(self, value: Any) -> None:
        if isinstance(value, dict | list):
            self._known.add(_json(value))
            for part in value.values() if isinstance(value, dict) else value:
                self._learn(part)


@dataclass(frozen=True)
class Step:
    """One state that a conductor entered. ``depth``: how many states it is inside of."""

    state: str
    status: str
    seconds: float | None
    attempts: int
    told: str
    depth: int


def steps(execution: dict[str, Any]) -> list[Step]:
    """Of an execution, as the conductor's front door tells it, in the order of entering."""
    depths = {0: -1}
    found: list[Step] = []
    for entry in execution["entries"]:
        depths[entry["id"]] = depth = depths.get(entry["inside"], 0) + 1
        found.append(_step(entry, depth))
    return found


def _step(entry: dict[str, Any], depth: int) -> Step:
    ended = entry["exited_at"]
    told = [f"undoes {entry['undoes']}"] if entry["undoes"] else []
    failures = [attempt["error"] for attempt in entry["attempts"] if attempt["error"]] or [entry["error"]]
    told += [error for error in dict.fromkeys(failures) if error]
    return Step(
        state=entry["state"],
        status=entry["status"],
        seconds=None if ended is None else instant(ended) - instant(entry["entered_at"]),
        attempts=len(entry["attempts"]),
        told="; ".join(told),
        depth=depth,
    )


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


def _told(entry: TrailEntry, start: float, news: News | None, width: int) -> Told:
    facts: list[tuple[str, str]] = []
    for word, value in (("input", entry.input), ("output", entry.output)):
        new = value if news is None else news.of(value)
        if new is not None:
            facts.append((word, _short(new, news is None, width)))
    if entry.error:
        facts.append(("error", _short(entry.error, news is None, width)))
    if entry.cause:
        facts.append(("cause", _short(entry.cause, news is None, width)))
    return Told(instant(entry.at) - start, _headline(entry), entry.store, tuple(facts), bad=entry.error is not None)


def _headline(entry: TrailEntry) -> str:
    where = ".".join(filter(None, (entry.service, entry.operation)))
    step = entry.step if entry.step not in (None, entry.operation, entry.what) else None
    words = [entry.what, *([f"in {step}"] if step else []), *([f"({where})"] if where else [])]
    if entry.attempt is not None and entry.attempt > 1:
        words.append(f"attempt {entry.attempt}")
    return " ".join(words)


def _short(value: Any, whole: bool, width: int) -> str:
    text = value if isinstance(value, str) else _json(value)
    return text if whole or len(text) <= width else text[: width - 1] + "…"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
