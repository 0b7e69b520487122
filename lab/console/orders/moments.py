"""One order in one lane, moment by moment: what the lane told, what was injected, and how the books stood. Pure.

Three sources are kept apart, since they may disagree: the lane's own trail, the services' record of injected faults
(the ground truth), and the ledgers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from lab.console.signs import Tone
from lab.story import instant
from services.operations import Operation, is_undo

Kind = Literal["told", "injected"]
# Told as well as the entry beside it, by the conductor: shown only to who wants every record.
BOOKKEEPING: Final = ("TaskStarted", "StateExited")
FIRST_TRIES: Final = 3
_UNDOES: Final = frozenset(str(operation) for operation in Operation if is_undo(operation))
_FAILS: Final = ("Failed", "Aborted", "TimedOut", "Declined", "Rejected", "Expired")
_WAITS: Final = ("ApprovalRequested", "WaitStateEntered")
_ENDS: Final = ("ExecutionSucceeded", "ExecutionFailed")


@dataclass(frozen=True)
class Books:
    """What the ledgers held for the order."""

    cents: int = 0
    pieces: int = 0
    labels: int = 0

    def said(self) -> str:
        labels = f"{self.labels} label{'s' if self.labels != 1 else ''}"
        return f"{self.cents / 100:,.2f} € · {self.pieces} piece{'s' if self.pieces != 1 else ''} · {labels}"


@dataclass(frozen=True)
class Moment:
    """``source``: the store that told it. ``minor``: of interest only to who wants every record."""

    at: float
    lane: str
    kind: Kind
    headline: str
    shape: str
    tone: Tone
    source: str
    minor: bool = False
    error: str | None = None
    cause: str | None = None
    input: Any = None
    output: Any = None
    books: Books = field(default_factory=Books)
    operation: str | None = None
    attempt: int | None = None


@dataclass(frozen=True)
class Entered:
    """A row of a ledger."""

    at: float
    operation: str
    cents: int
    pieces: int


def moments(
    lane: str,
    trail: Mapping[str, Any] | None,
    injected: Iterable[Mapping[str, Any]],
    effects: Iterable[Mapping[str, Any]],
) -> list[Moment]:
    """In order of time, each with the books as they stood then."""
    rows = sorted((_entered(row) for row in effects), key=lambda row: row.at)
    entries = trail["entries"] if trail is not None else ()
    found = [_told(lane, entry) for entry in entries] + [_injected(lane, row) for row in injected]
    found.sort(key=lambda moment: moment.at)  # stable: equal instants keep the lane's order
    return _without_middle_tries(_with_books(found, rows))


def _without_middle_tries(found: Sequence[Moment]) -> list[Moment]:
    """Of a step that was tried many times, the tries between the first few and the last are minor."""
    last: dict[str | None, int] = {}
    for moment in found:
        last[moment.operation] = max(last.get(moment.operation, 0), moment.attempt or 0)
    return [
        replace(moment, minor=True) if FIRST_TRIES < (moment.attempt or 0) < last[moment.operation] else moment
        for moment in found
    ]


def left_out(found: Iterable[Moment]) -> int:
    """How many tries are minor only because there were so many."""
    return len({(m.lane, m.operation, m.attempt) for m in found if m.minor and (m.attempt or 0) > FIRST_TRIES})


def _entered(row: Mapping[str, Any]) -> Entered:
    pieces = sum(int(line["quantity"]) for line in row.get("lines") or ())
    return Entered(instant(row["at"]), str(row["operation"]), int(row.get("amount_cents") or 0), pieces)


def _with_books(found: Sequence[Moment], rows: Sequence[Entered]) -> list[Moment]:
    told: list[Moment] = []
    books, next_row = Books(), 0
    for moment in found:
        while next_row < len(rows) and rows[next_row].at <= moment.at:
            books = booked(books, rows[next_row])
            next_row += 1
        told.append(replace(moment, books=books))
    return told


def booked(books: Books, row: Entered) -> Books:
    """The books after one more row."""
    match row.operation:
        case "charge":
            return Books(books.cents + row.cents, books.pieces, books.labels)
        case "refund":
            return Books(books.cents - row.cents, books.pieces, books.labels)
        case "reserve":
            return Books(books.cents, books.pieces + row.pieces, books.labels)
        case "release":
            return Books(books.cents, books.pieces - row.pieces, books.labels)
        case "print_label":
            return Books(books.cents, books.pieces, books.labels + 1)
        case "void_label":
            return Books(books.cents, books.pieces, books.labels - 1)
        case _:
            return books


def final_books(effects: Iterable[Mapping[str, Any]]) -> Books:
    books = Books()
    for row in effects:
        books = booked(books, _entered(row))
    return books


def _told(lane: str, entry: Mapping[str, Any]) -> Moment:
    what = str(entry["what"])
    shape, tone = _sign(what, entry)
    return Moment(
        at=instant(entry["at"]),
        lane=lane,
        kind="told",
        headline=_headline(what, entry),
        shape=shape,
        tone=tone,
        source=str(entry["store"]),
        minor=what.endswith(BOOKKEEPING),
        error=entry.get("error"),
        cause=entry.get("cause"),
        input=entry.get("input"),
        output=entry.get("output"),
        operation=entry.get("operation"),
        attempt=entry.get("attempt"),
    )


def _headline(what: str, entry: Mapping[str, Any]) -> str:
    step, operation = entry.get("step"), entry.get("operation")
    where = ".".join(filter(None, (entry.get("service"), operation)))
    words = [what, f"in {step}" if step and step not in (operation, what) else "", f"({where})" if where else ""]
    attempt = entry.get("attempt")
    if attempt is not None and attempt > 1:
        words.append(f"attempt {attempt}")
    return " ".join(filter(None, words))


def _sign(what: str, entry: Mapping[str, Any]) -> tuple[str, Tone]:
    if what.startswith("DeadLetter") or (entry.get("error") and what.endswith(_FAILS)) or what == "AttemptFailed":
        return "✗", "bad"
    if what.endswith(_WAITS) or str(entry.get("step")) == "Approval":
        return "◆", "wait"
    if what.endswith(_FAILS):
        return "✗", "bad"
    if entry.get("operation") in _UNDOES:
        return "↩", "undo"
    if what in _ENDS or what == "LabelPrinted":
        return "■", "good"
    return "●", "busy"


def _injected(lane: str, row: Mapping[str, Any]) -> Moment:
    point = f" at {row['point']}" if row.get("point") else ""
    return Moment(
        at=instant(row["at"]),
        lane=lane,
        kind="injected",
        headline=f"injected: {row['kind']}{point} in {row['operation']}, attempt {row['attempt']}",
        shape="⚡",
        tone="wait",
        source=f"{row['service']}'s record of faults",
        operation=str(row["operation"]),
        attempt=int(row["attempt"]),
    )


def is_retrying(trail: Mapping[str, Any]) -> bool:
    """Whether the last thing that the lane told is a try that failed, of an order that goes on."""
    entries = trail["entries"]
    if trail["status"] not in ("in_progress", "undoing") or not entries:
        return False
    last = entries[-1]
    return bool(last.get("error")) and last.get("attempt") is not None
