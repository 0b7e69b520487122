"""What an order's trail tells, whichever lane tells it: by the ids of causes where it names them, else by its order,
which is that of one history. Pure; it must not know a lane.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from lab.accepted import order_body
from lab.diagnosis.evidence import Evidence, Fact, closure
from lab.diagnosis.truth import PLACED, Edge, Step, input_text
from lab.story import instant
from services.trail import OrderTrail, TrailEntry

PLACINGS: Final = frozenset({"OrderPlaced", "ExecutionStarted"})


def of_trail(trail: OrderTrail) -> Evidence:
    steps = _steps(trail.entries)
    facts = tuple(
        Fact(instant(entry.at), entry.service, entry.operation, step.attempt, entry.error)
        for entry, step in zip(trail.entries, steps, strict=True)
        if step is not None and entry.service and entry.operation
    )
    body = order_body(trail.model_dump())
    edges = _by_causes(trail.entries, steps) if _names_causes(trail.entries) else _by_order(steps)
    return Evidence(closure(edges), facts, "" if body is None else input_text(body))


def _steps(entries: Sequence[TrailEntry]) -> list[Step | None]:
    """The attempt that each entry tells of. One that names no attempt tells how the last one ended."""
    failed: dict[tuple[str | None, str], int] = {}
    steps: list[Step | None] = []
    for entry in entries:
        if entry.what in PLACINGS:
            steps.append(PLACED)
        elif entry.operation is None:
            steps.append(None)
        else:
            same = (entry.cause, entry.operation)
            attempt = entry.attempt or failed.get(same, 0) + 1
            if entry.attempt is not None:
                failed[same] = max(failed.get(same, 0), attempt)
            steps.append(Step(entry.operation, attempt))
    return steps


def _names_causes(entries: Sequence[TrailEntry]) -> bool:
    ids = {entry.id for entry in entries}
    return any(entry.cause in ids for entry in entries if entry.cause is not None)


def _by_order(steps: Sequence[Step | None]) -> list[Edge]:
    told = [step for step in dict.fromkeys(steps) if step is not None]
    return list(pairwise(told))


def _by_causes(entries: Sequence[TrailEntry], steps: Sequence[Step | None]) -> list[Edge]:
    told: Mapping[str, tuple[TrailEntry, Step | None]] = {
        entry.id: (entry, step) for entry, step in zip(entries, steps, strict=True) if entry.id is not None
    }
    edges: list[Edge] = []
    tries: dict[tuple[Any, Any], list[Step]] = {}
    for entry, step in zip(entries, steps, strict=True):
        if step is None or step == PLACED:
            continue
        before = _told_before(entry, told)
        if before is not None:
            edges.append((before, step))
        tries.setdefault((entry.cause, entry.operation), []).append(step)
    for of_one in tries.values():
        in_turn = sorted(of_one, key=lambda step: step.attempt)
        edges += pairwise(in_turn)
    return edges


def _told_before(entry: TrailEntry, told: Mapping[str, tuple[TrailEntry, Step | None]]) -> Step | None:
    """The nearest cause that is an attempt itself."""
    seen: set[str] = set()
    cause = entry.cause
    while cause is not None and cause in told and cause not in seen:
        seen.add(cause)
        caused_by, step = told[cause]
        if step is not None:
            return step
        cause = caused_by.cause
    return None
