"""The checkpoint of a map run as JSON, and back."""

from collections.abc import Mapping
from typing import Any

from orchestration.asl.map_run import Ending, Limits, MapRunState, Status


def to_json(state: MapRunState) -> dict[str, Any]:
    ending = state.ending
    return {
        "limits": [state.limits.concurrency, state.limits.tolerated_count, state.limits.tolerated_percentage],
        "status": state.status,
        "read": state.read,
        "started": state.started,
        "exhausted": state.exhausted,
        "total": state.total,
        "running": _ranges(state.running),
        "items": dict(state.items),
        "children": dict(state.children),
        "written": state.written,
        "ending": None if ending is None else [ending.status, ending.error, ending.cause],
        "redrives": state.redrives,
        "attempt": state.attempt,
        "window": state.window,
        "looks": state.looks,
        "looked_at": state.looked_at,
        "since": state.since,
        "redo": state.redo,
    }


def from_json(data: Mapping[str, Any]) -> MapRunState:
    """``output`` is not kept: it has been told."""
    running = {number: items for first, last, items in data["running"] for number in range(first, last + 1)}
    ending = data["ending"]
    return MapRunState(
        limits=Limits(*data["limits"]),
        status=Status(data["status"]),
        read=data["read"],
        started=data["started"],
        exhausted=data["exhausted"],
        total=data["total"],
        running=running,
        items=data["items"],
        children=data["children"],
        written=data["written"],
        ending=None if ending is None else Ending(Status(ending[0]), ending[1], ending[2]),
        redrives=data["redrives"],
        attempt=data["attempt"],
        window=data["window"],
        looks=data["looks"],
        looked_at=data["looked_at"],
        since=data["since"],
        redo=data["redo"],
    )


def _ranges(running: Mapping[int, int]) -> list[list[int]]:
    """[first, last, items of each], since neighbours are mostly alike."""
    ranges: list[list[int]] = []
    for number in sorted(running):
        last = ranges[-1] if ranges else None
        if last is not None and last[1] == number - 1 and last[2] == running[number]:
            last[1] = number
        else:
            ranges.append([number, number, running[number]])
    return ranges
