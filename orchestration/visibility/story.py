"""From an execution's events to what each state entry did: what went in and came out, every attempt, what failed. Pure.

An entry is one time that a state was entered, known by the number of its StateEntered event. Entries inside a Parallel
or a Map name the entry that they are inside of. Events are followed by their links; where a link leads out of a branch,
the entries around it are asked which of them the event is about.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from orchestration.asl.protocol import HistoryEvent, Json

CALLBACK: Final = ".waitForTaskToken"
NO_TOKEN: Final = "(token)"
# <execution>.<entry>.<attempt>.<mac>, as ``runtime.tokens`` makes them.
_TOKEN: Final = re.compile(r"[^\s\".]+\.[0-9]+\.[0-9]+\.[A-Za-z0-9_=-]{16,}")
_NO_UNDO: Final[Mapping[str, str]] = {}


class EntryStatus(StrEnum):
    RUNNING = "running"
    RETRYING = "retrying"  # an attempt failed, and the next one has not begun
    SUCCEEDED = "succeeded"
    CAUGHT = "caught"  # it failed, and a Catch of its own went on from there
    FAILED = "failed"
    ABORTED = "aborted"  # something around it ended first


@dataclass
class Attempt:
    """One try of a state's work. ``ended_at`` None: it is open. Instants are epoch seconds."""

    number: int
    asked_at: float
    resource: str = ""
    given: Json = None
    started_at: float | None = None
    submitted: Json = None
    ended_at: float | None = None
    output: Json = None
    error: str | None = None
    cause: str | None = None
    timed_out: bool = False


@dataclass
class Entry:
    """``inside`` is the entry of the Parallel or Map around it (0: none), ``index`` its branch or iteration there.

    ``undoes`` names the state whose work this one undoes: it is a compensation. ``map_run`` is the ARN of a distributed
    Map's run, ``length`` the number of a Map's items.
    """

    id: int
    state: str
    type: str
    entered_at: float
    input: Json = None
    inside: int = 0
    index: int = 0
    status: EntryStatus = EntryStatus.RUNNING
    exited_at: float | None = None
    output: Json = None
    error: str | None = None
    cause: str | None = None
    undoes: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    map_run: str | None = None
    length: int | None = None


def entries_of(events: Iterable[HistoryEvent], undoes: Mapping[str, str] = _NO_UNDO) -> list[Entry]:
    """In the order of entering. ``undoes``: state -> the state whose work it undoes."""
    story = StoryFold(undoes)
    for event in events:
        story.tell(event)
    return list(story.entries.values())


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where an event stands: the entry that it is about (0: none), and the branch that follows from it."""

    entry: int
    inside: int
    index: int


_TOP: Final = _Spot(0, 0, 0)


class StoryFold:
    """The entries so far, as the events are told one by one."""

    def __init__(self, undoes: Mapping[str, str]) -> None:
        self.entries: dict[int, Entry] = {}
        self._undoes = undoes
        self._spots: dict[int, _Spot] = {}
        self._branches: dict[int, int] = {}  # ParallelStateStarted -> branches that have begun
        self._children: dict[int, list[int]] = {}

    def entry_of(self, event_id: int) -> Entry | None:
        """What an event that was told is about."""
        spot = self._spots.get(event_id)
        return None if spot is None else self.entries.get(spot.entry)

    def tell(self, event: HistoryEvent) -> None:
        before = self._spots.get(event.previous, _TOP)
        kind = event.type
        if kind.endswith("StateEntered"):
            self._spots[event.id] = self._entered(event, before)
        elif kind.startswith("Execution"):
            self._spots[event.id] = before
            self._execution(event, before)
        else:
            about = self._about(event, before)
            self._spots[event.id] = self._happened(event, about, before)

    def _entered(self, event: HistoryEvent, before: _Spot) -> _Spot:
        inside, index = before.inside, before.index
        if event.previous in self._branches:  # the first state of a Parallel's branch
            inside, index = before.entry, self._branches[event.previous]
            self._branches[event.previous] += 1
        name = event.details.get("name", "")
        self.entries[event.id] = Entry(
            id=event.id,
            state=name,
            type=event.type.removesuffix("StateEntered"),
            entered_at=event.at,
            input=event.details.get("input"),
            inside=inside,
            index=index,
            undoes=self._undoes.get(name),
        )
        self._children.setdefault(inside, []).append(event.id)
        if event.type == "FailStateEntered":
            self._close(self.entries[event.id], EntryStatus.FAILED, event.at)
        return _Spot(event.id, inside, index)

    def _about(self, event: HistoryEvent, before: _Spot) -> Entry | None:
        """The entry that an event tells of: where its link leads, or the first one around that it fits."""
        found = self.entries.get(before.entry) or self.entries.get(before.inside)
        while found is not None and not _fits(event, found):
            found = self.entries.get(found.inside)
        return found

    def _happened(self, event: HistoryEvent, about: Entry | None, before: _Spot) -> _Spot:
        if about is None:
            return before
        if event.type == "MapIterationStarted":
            return _Spot(0, about.id, event.details.get("index", 0))
        if event.type.startswith("MapIteration"):
            return _Spot(about.id, about.inside, about.index)
        if about.type in ("Parallel", "Map"):
            self._abandon(about, event)
        if event.type.endswith("StateExited"):
            _exit(about, event)
        else:
            self._work(about, event)
        return _Spot(about.id, about.inside, about.index)

    def _work(self, entry: Entry, event: HistoryEvent) -> None:
        kind, details = event.type, event.details
        if kind.endswith(("StateStarted", "Scheduled")):
            _ask(entry, event)
            if kind == "ParallelStateStarted":
                self._branches[event.id] = 0
            entry.length = details.get("length", entry.length)
            return
        if kind.startswith("MapRun") and "mapRunArn" in details:
            entry.map_run = details["mapRunArn"]
        elif kind == "EvaluationFailed":
            entry.error, entry.cause = details.get("error"), details.get("cause")
        elif kind.endswith("Aborted"):
            self._close(entry, EntryStatus.ABORTED, event.at)
        elif entry.attempts:
            _answer(entry, entry.attempts[-1], event)

    def _execution(self, event: HistoryEvent, before: _Spot) -> None:
        """An execution's end ends whatever is open; what it was about has failed, all else was left."""
        if event.type in ("ExecutionStarted", "ExecutionRedriven"):
            return
        failing = self.entries.get(before.entry) or self.entries.get(before.inside)
        around: set[int] = set()
        while event.type == "ExecutionFailed" and failing is not None:
            around.add(failing.id)
            if failing.exited_at is None or failing.type == "Fail":
                failing.error = failing.error or event.details.get("error")
                failing.cause = failing.cause or event.details.get("cause")
            failing = self.entries.get(failing.inside)
        for entry in self.entries.values():
            if entry.exited_at is None:
                self._close(entry, EntryStatus.FAILED if entry.id in around else EntryStatus.ABORTED, event.at)

    def _abandon(self, around: Entry, event: HistoryEvent) -> None:
        """A Parallel or Map goes on without the branches that are still open: it failed, or begins again."""
        for entry in self._below(around):
            if entry.exited_at is None:
                failed = entry.status is EntryStatus.RETRYING
                self._close(entry, EntryStatus.FAILED if failed else EntryStatus.ABORTED, event.at)

    def _below(self, entry: Entry) -> Iterator[Entry]:
        rest = list(self._children.get(entry.id, ()))
        for number in rest:  # grows as it is walked
            yield self.entries[number]
            rest.extend(self._children.get(number, ()))

    def _close(self, entry: Entry, status: EntryStatus, at: float) -> None:
        entry.status, entry.exited_at = status, at


def _fits(event: HistoryEvent, entry: Entry) -> bool:
    """Parallel's and Map's own events are about such a state, and an event that names a state is about that one."""
    for type_ in ("Parallel", "Map"):
        if event.type.startswith(type_) and entry.type != type_:
            return False
    names = event.type.endswith("StateExited") or event.type.startswith("MapIteration")
    return not names or entry.state == event.details.get("name")


def _ask(entry: Entry, event: HistoryEvent) -> None:
    details = event.details
    resource = resource_of(details)
    given = details.get("parameters", details.get("input"))
    entry.attempts.append(Attempt(len(entry.attempts) + 1, event.at, resource, without_token(resource, given)))
    entry.status, entry.exited_at, entry.error, entry.cause = EntryStatus.RUNNING, None, None, None


def _answer(entry: Entry, attempt: Attempt, event: HistoryEvent) -> None:
    kind, details = event.type, event.details
    if kind.endswith("Submitted"):
        attempt.submitted = details.get("output")
    elif kind.endswith("Started"):
        attempt.started_at = event.at
    elif kind.endswith("Succeeded"):
        attempt.ended_at = event.at
        attempt.output = details.get("output")
    elif kind.endswith(("Failed", "TimedOut")):
        attempt.ended_at, attempt.timed_out = event.at, kind.endswith("TimedOut")
        attempt.error, attempt.cause = details.get("error"), details.get("cause")
        entry.status, entry.error, entry.cause = EntryStatus.RETRYING, attempt.error, attempt.cause


def _exit(entry: Entry, event: HistoryEvent) -> None:
    failed = entry.status is EntryStatus.RETRYING or entry.error is not None
    entry.status = EntryStatus.CAUGHT if failed else EntryStatus.SUCCEEDED
    entry.exited_at, entry.output = event.at, event.details.get("output")


def resource_of(details: Mapping[str, Any]) -> str:
    """The history splits a resource in two, as AWS's does."""
    kind, resource = details.get("resourceType", ""), details.get("resource", "")
    return f"{kind}://{resource}" if kind in ("http", "https") else ":".join(filter(None, (kind, resource)))


def without_token(resource: str, given: Json) -> Json:
    """Whoever may read a story may not answer for others: a token is for the one who decides."""
    return _blanked(given) if resource.endswith(CALLBACK) else given


def _blanked(given: Json) -> Json:
    match given:
        case dict():
            return {name: _blanked(value) for name, value in given.items()}
        case list():
            return [_blanked(value) for value in given]
        case str():
            return _TOKEN.sub(NO_TOKEN, given)
        case _:
            return given
