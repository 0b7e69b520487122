"""Payloads of an append that are the very same object are stored once. Pure.

What leaves one state enters the next, is its task's parameters and stands in the checkpoint: half an append would be
repetition. ``fold`` takes the repeated objects out, ``unfold`` puts them back; a reader sees whole events.
"""

from collections.abc import Iterable
from typing import Any, Final

from orchestration.asl.protocol import HistoryEvent, Json

PAYLOADS: Final = ("input", "output", "parameters")
SHARED: Final = "shared"


def fold(events: Iterable[HistoryEvent], checkpoint: Json) -> dict[str, Any]:
    """The fields of an append's body that hold events, checkpoint and what they share."""
    payloads: list[Json] = []
    places: dict[int, int] = {}
    folded: list[HistoryEvent | dict[str, Any]] = []
    for event in events:
        rest, shared = event.details, None
        for name in PAYLOADS:
            payload = rest.get(name)
            if type(payload) is dict:
                number = places.setdefault(id(payload), len(payloads))
                if number == len(payloads):
                    payloads.append(payload)
                if shared is None:
                    rest, shared = rest.copy(), {}
                del rest[name]
                shared[name] = number
        if shared is None:
            folded.append(event)
            continue
        folded.append(
            {
                "id": event.id,
                "previous": event.previous,
                "type": event.type,
                "at": event.at,
                "details": rest,
                SHARED: shared,
            }
        )
    body: dict[str, Any] = {"events": folded, "payloads": payloads, "checkpoint": checkpoint}
    root = checkpoint.get("root") if isinstance(checkpoint, dict) else None
    if isinstance(root, dict) and (place := places.get(id(root.get("input")))) is not None:
        body["checkpoint"] = {**checkpoint, "root": {name: v for name, v in root.items() if name != "input"}}
        body["checkpoint_input"] = place
    return body


def unfold(body: dict[str, Any]) -> tuple[list[dict[str, Any]], Json]:
    """Events and checkpoint. Raises ``KeyError``, ``IndexError`` or ``TypeError`` for what ``fold`` did not make."""
    payloads, checkpoint = body["payloads"], body["checkpoint"]
    for event in body["events"]:
        for name, number in event.pop(SHARED, {}).items():
            event["details"][name] = payloads[number]
    if "checkpoint_input" in body:
        checkpoint["root"]["input"] = payloads[body["checkpoint_input"]]
    return body["events"], checkpoint
