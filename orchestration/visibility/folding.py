"""From records of the stream to rows of the read model. Pure.

Of all records of one execution in a batch the last append tells enough, so the others are not even decoded.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from typing import Any, Final, Protocol

import orjson

from orchestration.asl.standing import Standing, standings
from orchestration.asl.state import Status, Waiting
from orchestration.errors import Unreadable
from orchestration.names import OWN_MACHINE, ExecutionName, execution_of_arn, version_and_alias
from orchestration.rfc3339 import epoch_s
from orchestration.runtime import records
from orchestration.visibility.executions import ExecutionRow, Waits

MAX_TEXT: Final = 2_000  # characters of an error's cause; the history has it whole
LOOKED_AT: Final = 200  # branches of one execution
_NESTED: Final = (":states:startExecution", "mapRun")

Values = dict[str, Any]


class Seen(Protocol):
    """A record of the stream; ``at`` is epoch seconds of its storing."""

    @property
    def subject(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def stream_sequence(self) -> int: ...
    @property
    def at(self) -> float: ...


class Reader(Protocol):
    """What the owner of a machine reads off its records: a phase to list executions by, and a note of the start."""

    def note(self, start: records.Start) -> str: ...

    def phase(self, last: records.Outline | None) -> str:
        """After this append; None: there is only the start yet."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """An execution's end: ``seconds`` after its start was stored. ``again``: it had ended before, and was redriven."""

    machine: str
    phase: str
    seconds: float
    again: bool


@dataclass
class Changes:
    """``started``: whole new rows. ``changed``: values of rows that are there already, their names after ``NEW``."""

    started: list[Values] = field(default_factory=list)
    changed: list[Values] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)


def fold(
    batch: Iterable[Seen], readers: Mapping[str, Reader], unreadable: Callable[[str, Unreadable], None]
) -> Changes:
    """``batch`` in the order of the stream. What cannot be read is told, and left out: it is set apart elsewhere."""
    starts: dict[str, Seen] = {}
    last: dict[str, Seen] = {}
    for each in batch:
        token = records.execution_of(each.subject)
        (starts if each.subject.startswith(f"{records.START}.") else last)[token] = each
    changes = Changes()
    rows: dict[str, Values] = {}
    for token, seen in starts.items():
        try:
            row = _started(token, seen, readers)
        except Unreadable as error:
            unreadable(seen.subject, error)
            continue
        if row is not None:
            rows[token] = row
    changes.started.extend(rows.values())
    for token, seen in last.items():
        try:
            about, values = _appended(seen, readers)
        except Unreadable as error:
            unreadable(seen.subject, error)
            continue
        if about is not None:
            changes.ended.append(about)
        if token in rows:
            rows[token].update(values)
        elif token not in starts:
            changes.changed.append(dict(zip(_NEW_NAMES, (token, *values.values()), strict=True)))
    return changes


def row_of(story: Iterable[Seen], readers: Mapping[str, Reader]) -> ExecutionRow | None:
    """The row of one execution, from its start and its last append. Raises ``Unreadable``."""

    def refuse(subject: str, error: Unreadable) -> None:
        raise Unreadable(f"{subject}: {error}")

    changes = fold(story, readers, refuse)
    return decoded([changes.started[0][name] for name in COLUMNS]) if changes.started else None


COLUMNS: Final = tuple(each.name for each in fields_of(ExecutionRow))
_WAITS: Final = COLUMNS.index("waits")
_CALLBACKS: Final = COLUMNS.index("callbacks")
_WAITS_OF: Final[dict[str | None, Waits | None]] = {None: None, **{waits.value: waits for waits in Waits}}


def decoded(values: Iterable[Any]) -> ExecutionRow:
    """From a row of the database, its ``COLUMNS`` in order."""
    told = list(values)
    told[_WAITS] = _WAITS_OF[told[_WAITS]]
    callbacks = told[_CALLBACKS]
    told[_CALLBACKS] = tuple(records.Waiting(**each) for each in orjson.loads(callbacks)) if callbacks else ()
    return ExecutionRow(*told)


def _started(token: str, seen: Seen, readers: Mapping[str, Reader]) -> Values | None:
    start = records.decode_start(seen.body)
    if start.express:
        return None
    name = execution_of_arn(start.arn) or ExecutionName(OWN_MACHINE, token)
    version, alias = version_and_alias(start.qualifier)
    reader = readers.get(name.machine)
    return {
        "token": token,
        "arn": name.arn,
        "machine": name.machine,
        "name": name.name,
        "reference": start.machine,
        "version": version,
        "alias": alias,
        "map_run": start.map_run,
        "began": seen.stream_sequence,
        "started_at": start.began_at(seen.at),
        "note": _text(reader.note(start)) if reader else "",
        **_AT_FIRST,
        "sequence": seen.stream_sequence,
        "since": seen.at,
        "phase": reader.phase(None) if reader else "",
    }


_AT_FIRST: Final[Values] = {
    "status": Status.RUNNING.value,
    "stopped_at": None,
    "redrive_count": 0,
    "redriven_at": None,
    "error": None,
    "cause": None,
    "waits": Waits.TASK.value,
    "state": "",
    "resource": "",
    "until": None,
    "callbacks": "",
}


def _appended(seen: Seen, readers: Mapping[str, Reader]) -> tuple[Ended | None, Values]:
    """The values of its row, in the order of ``_CHANGING``; and its end, if this is it."""
    last, fields = records.decode_outlined(seen.body)
    name = execution_of_arn(last.arn) if last.arn else None
    machine = name.machine if name else OWN_MACHINE
    reader = readers.get(machine)
    running = last.status == Status.RUNNING
    error, cause = last.summary.get("error"), last.summary.get("cause")
    wait, resource = _wait(last, fields) if running else (None, "")
    if wait is not None and wait[0] is Waits.RETRY:
        error, cause = _last_failure(fields)
    phase = reader.phase(last) if reader else ""
    values = (
        last.status,
        seen.stream_sequence,
        None if running else (epoch_s(last.stopped_at) if last.stopped_at else seen.at),
        last.redrives,
        epoch_s(last.redriven_at) if last.redriven_at else None,
        _text(error) if error else error,
        _text(cause[:MAX_TEXT]) if cause else cause,
        wait[0].value if wait else None,
        _text(wait[1].state) if wait else "",
        _text(resource),
        seen.at,
        wait[1].until if wait else None,
        orjson.dumps(last.waiting).decode() if last.waiting else "",
        phase,
    )
    ended = None if running else Ended(machine, phase, max(0.0, seen.at - epoch_s(last.began_at)), last.redrives > 0)
    return ended, dict(zip(_CHANGING, values, strict=True))


def _text(text: str) -> str:
    """PostgreSQL has no place for a NUL in a text."""
    return text.replace("\0", "\ufffd")


_CHANGING: Final = (
    "status",
    "sequence",
    "stopped_at",
    "redrive_count",
    "redriven_at",
    "error",
    "cause",
    "waits",
    "state",
    "resource",
    "since",
    "until",
    "callbacks",
    "phase",
)
NEW: Final = "new_"
_NEW_NAMES: Final = tuple(f"{NEW}{name}" for name in ("token", *_CHANGING))


def _wait(last: records.Outline, fields: Values) -> tuple[tuple[Waits, Standing] | None, str]:
    """The wait that says most, and whom it asks."""
    asked = {waiting.entry: waiting.resource for waiting in last.waiting}
    found: tuple[Waits, Standing] | None = None
    for standing in standings(fields.get("checkpoint"), LOOKED_AT):
        waits = _kind(standing, asked.get(standing.entry, ""))
        if found is None or _RANK[waits] < _RANK[found[0]]:
            found = waits, standing
    return found, asked.get(found[1].entry, "") if found else ""


_RANK: Final = {waits: rank for rank, waits in enumerate(Waits)}
_KIND: Final = {Waiting.RETRY: Waits.RETRY, Waiting.CLOCK: Waits.TIMER}


def _kind(standing: Standing, resource: str) -> Waits:
    if standing.waiting is not Waiting.OUTSIDE:
        return _KIND.get(standing.waiting, Waits.TASK)
    nested = ".sync" in resource and any(name in resource for name in _NESTED)
    return Waits.CHILD if nested else Waits.CALLBACK


def _last_failure(fields: Values) -> tuple[str | None, str | None]:
    for event in reversed(fields.get("events", ())):
        details = event.get("details", {})
        if details.get("error"):
            return details["error"], details.get("cause")
    return None, None
