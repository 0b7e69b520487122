"""The one poller of this process: however many browsers look, each lane is asked once.

It asks often while somebody looks and seldom otherwise. Everything it keeps is bounded. What the rows mean is for
``live`` to say.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from lab.console.backend import Backend, LaneBackend
from lab.console.exposition import Reading, readings, total
from lab.console.live import LaneNow, LiveLane
from lab.errors import LabError
from orchestration.vital import vital
from services.operations import Service

WATCHED_EVERY_S: Final = 1.0
UNWATCHED_EVERY_S: Final = 5.0
WATCHED_FOR_S: Final = 6.0  # after the last look
ASK_WITHIN_S: Final = 2.0
HISTORY: Final = 900  # samples: a quarter of an hour while somebody looks
PAGE: Final = 5_000
MAX_PAGES: Final = 4  # of one feed at one time; the rest comes with the next tick


@dataclass(frozen=True)
class Sample:
    """One look at one lane, for the charts. Rates are since the look before; None: nothing ended meanwhile."""

    at: float
    finished_per_s: float
    p50_s: float | None
    p99_s: float | None
    in_flight: float
    wrong: int
    violation_s: float
    retries: float
    dead_letters: float
    cents_at_risk: int


@dataclass
class LaneFeed:
    """What is known of one lane now. ``problem``: why it is behind; ``silent``: components that gave no answer."""

    now: LaneNow = field(default_factory=LaneNow)
    accepted: float = 0.0
    in_flight: float = 0.0
    retries: float = 0.0
    dead_letters: float = 0.0
    problem: str | None = None
    silent: tuple[str, ...] = ()
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=HISTORY))
    sequence: int = 0  # grows with every look


class Feed:
    """``async with``; pages read ``lanes`` and ``processes`` through ``look``, which also says that somebody looks.

    ``practices`` by lane, as they are now; ``trouble``: why what is said of processes and practices may be old.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lanes: dict[str, LaneFeed] = {}
        self._processes: list[dict[str, Any]] = []
        self.practices: Mapping[str, str] = backend.practices
        self.trouble = ""
        self._looked_at = 0.0
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for lane in self._backend.lanes.values():
            self._lanes[lane.name] = LaneFeed()
            follower = _Follower(lane, self._lanes[lane.name])
            self._tasks.append(vital(self._follow(follower), f"following {lane.name}"))
        self._tasks.append(vital(self._watch_processes(), "watching the processes"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def look(self) -> Mapping[str, LaneFeed]:
        """Every lane as of the last tick."""
        if not self._watched():
            woken, self._wake = self._wake, asyncio.Event()
            woken.set()
        self._looked_at = time.monotonic()
        return self._lanes

    def processes(self) -> Sequence[Mapping[str, Any]]:
        """As the control API tells them; without one, what each component says of its own readiness."""
        return self._processes

    def _watched(self) -> bool:
        return time.monotonic() - self._looked_at < WATCHED_FOR_S

    async def _pause(self) -> None:
        if self._watched():
            await asyncio.sleep(WATCHED_EVERY_S)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UNWATCHED_EVERY_S):
                await self._wake.wait()

    async def _follow(self, follower: "_Follower") -> None:
        while True:
            await follower.tick()
            await self._pause()

    async def _watch_processes(self) -> None:
        while True:
            await self.ask_processes()
            await self._pause()

    async def ask_processes(self) -> None:
        """Without waiting for the next look."""
        try:
            self._processes = await self._look_at_processes()
            self.trouble = ""
        except LabError as error:
            self.trouble = str(error)

    async def _look_at_processes(self) -> list[dict[str, Any]]:
        if self._backend.can_control:
            status = await self._backend.status()
            self.practices = {lane: str(each["practices"]) for lane, each in status["lanes"].items()}
            return list(status["processes"])
        asked = [(lane, component) for lane in self._backend.lanes.values() for component in lane.urls]
        return list(await asyncio.gather(*(_readiness(lane, component) for lane, component in asked)))


async def _readiness(lane: LaneBackend, component: str) -> dict[str, Any]:
    try:
        ready = (await lane.ask("GET", component, "/readyz", within_s=ASK_WITHIN_S)).status == 200
        state = "ready" if ready else "starting"
    except LabError:
        state = "no answer"
    return {"name": f"{lane.name}-{component}", "group": lane.name, "state": state, "pid": None, "restarts": 0}


class _Follower:
    """Reads one lane's feeds where it left off."""

    def __init__(self, lane: LaneBackend, into: LaneFeed) -> None:
        self._lane, self._into = lane, into
        self._live: LiveLane | None = None
        self._cursor = 0
        self._places = {service.value: 0 for service in Service}
        self._last = time.monotonic()
        self._violation_s = 0.0
        self._metrics: dict[str, list[Reading]] = {}

    async def tick(self) -> None:
        """One look. What gives no answer is named, and asked again with the next."""
        told = self._into
        try:
            if self._live is None:
                self._live = LiveLane(await self._lane.json("GET", "warehouse", "/stock"))
            behind = await self._read_books(self._live)
            told.problem = "reading what happened before" if behind else None
        except LabError as error:
            behind, told.problem = True, str(error)
        told.silent = await self._read_metrics()
        if self._live is not None and not behind:
            self._note(self._live)
        told.sequence += 1

    async def _read_books(self, live: LiveLane) -> bool:
        """Whether there is more. Ends are read before the ledgers and heard after them: whatever made an order end
        is among the rows by then."""
        outcomes, more = await self._read_outcomes()
        behind = await asyncio.gather(*(self._read_ledger(live, service.value) for service in Service))
        live.hear(outcomes)
        self._cursor = max((int(each["cursor"]) for each in outcomes), default=self._cursor)
        return more or any(behind)

    async def _read_outcomes(self) -> tuple[list[dict[str, Any]], bool]:
        found: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            page = await self._lane.outcomes(int(found[-1]["cursor"]) if found else self._cursor, PAGE)
            found += page
            if len(page) < PAGE:
                return found, False
        return found, True

    async def _read_ledger(self, live: LiveLane, service: str) -> bool:
        for _ in range(MAX_PAGES):
            rows = await self._lane.ledger(service, self._places[service], PAGE)
            live.read(rows)
            self._places[service] = max((int(row["seq"]) for row in rows), default=self._places[service])
            if len(rows) < PAGE:
                return False
        return True

    async def _read_metrics(self) -> tuple[str, ...]:
        asked = [component for component in self._lane.urls if component != "broker"]
        answers = await asyncio.gather(*(self._metrics_of(component) for component in asked))
        found = [reading for component in asked for reading in self._metrics.get(component, ())]
        told = self._into
        told.accepted = total(found, "lab_orders_accepted_total")
        told.in_flight = total(found, "lab_orders_in_flight")
        told.retries = total(found, "lab_retries_total")
        told.dead_letters = total(found, "lab_dead_letters_total")
        return tuple(component for component, answered in zip(asked, answers, strict=True) if not answered)

    async def _metrics_of(self, component: str) -> bool:
        """What a process said last is kept while it gives no answer."""
        try:
            text = await self._lane.text(component, "/metrics", within_s=ASK_WITHIN_S)
        except LabError:
            return False
        self._metrics[component] = list(readings(text))
        return True

    def _note(self, live: LiveLane) -> None:
        told, before = self._into, self._into.now
        told.now = now = live.look()
        moment = time.monotonic()
        seconds, self._last = max(1e-3, moment - self._last), moment
        ended = sum(now.finished.values()) - sum(before.finished.values()) if told.samples else 0
        self._violation_s += now.wrong * seconds if told.samples else 0.0
        latencies = sorted(now.latencies_s) if told.samples else []
        told.samples.append(
            Sample(
                at=time.time(),
                finished_per_s=ended / seconds,
                p50_s=quantile(latencies, 0.5),
                p99_s=quantile(latencies, 0.99),
                in_flight=told.in_flight,
                wrong=now.wrong,
                violation_s=self._violation_s,
                retries=told.retries,
                dead_letters=told.dead_letters,
                cents_at_risk=now.cents_at_risk,
            )
        )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Of values in order; the nearest that is there."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
