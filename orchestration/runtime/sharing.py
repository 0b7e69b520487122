"""Payloads of an append that are the very same object are stored once. Pure.

What leaves one state enters the next, is its task's parameters and stands in the checkpoint: half an append would be
repetition. ``fold`` takes the repeated objects out, ``unfold`` puts them back; a reader sees whole events.
"""

from collections.abc import Iterable
from typing import Any, Final

from orchestration.asl.protocol import HistoryEvent, Json

PAYLOADS: Final = ("input", "output", "parameters")
SHARED: Final = "shared"
LONG_TEXT: Final = 64


def fold(events: Iterable[HistoryEvent], checkpoint: Json) -> dict[str, Any]:
    """The fields of an append's body that hold events, checkpoint and what they share."""
    payloads: list[Json] = []
    places: dict[int, int] = {}
    folded: list[HistoryEvent | dict[str, Any]] = []
    for event in events:
        rest, shared = event.details, None
        for name in PAYLOADS:
            payload = rest.get(name)
            if type(payload) is dict or type(payload) is list or (type(payload) is str and len(payload) > LONG_TEXT):
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
    root = checkpoint.get("root") if isinstance(checkpoint, dict) else None
    if isinstance(root, dict) and "children" in root:
        root = {**root, "children": [_fold_node(node, payloads, places) for node in root["children"]]}
        checkpoint = {**checkpoint, "root": root}
    if isinstance(checkpoint, dict) and "remains" in checkpoint:
        checkpoint = {**checkpoint, "remains": _fold_node(checkpoint["remains"], payloads, places)}
    body: dict[str, Any] = {"events": folded, "payloads": payloads, "checkpoint": checkpoint}
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
    if isinstance(checkpoint, dict):
        _unfold_node(checkpoint.get("root"), payloads)
        _unfold_node(checkpoint.get("remains"), payloads)
    if "checkpoint_input" in body:
        checkpoint["root"]["input"] = payloads[body["checkpoint_input"]]
    return body["events"], checkpoint


def _fold_node(node: Any, payloads: list[Json], places: dict[int, int]) -> Any:
    """One branch of a checkpoint below the root: many have the same input."""
    if not isinstance(node, dict):
        return node
    folded, shared = dict(node), {}
    for name in PAYLOADS:
        payload = node.get(name)
        if isinstance(payload, dict | list) or (isinstance(payload, str) and len(payload) > LONG_TEXT):
            number = places.setdefault(id(payload), len(payloads))
            if number == len(payloads):
                payloads.append(payload)
            shared[name] = number
            del folded[name]
    if shared:
        folded[SHARED] = shared
    if "children" in node:
        folded["children"] = [_fold_node(child, payloads, places) for child in node["children"]]
    if "remains" in node:
        folded["remains"] = _fold_node(node["remains"], payloads, places)
    return folded


def _unfold_node(node: Any, payloads: list[Json]) -> None:
    if not isinstance(node, dict):
        return
    for name, number in node.pop(SHARED, {}).items():
        node[name] = payloads[number]
    for child in node.get("children", ()):
        _unfold_node(child, payloads)
    _unfold_node(node.get("remains"), payloads)
