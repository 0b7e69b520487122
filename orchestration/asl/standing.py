"""Where the open branches of a checkpoint stand, read off its JSON without decoding it: for readers of very many.

Knows the keys that ``state`` writes, and nothing of what states do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from orchestration.asl.protocol import Json
from orchestration.asl.state import Waiting


@dataclass(frozen=True, slots=True)
class Standing:
    """A branch that waits, and not for branches of its own. ``until`` (epoch seconds): a timer ends the wait."""

    state: str
    entry: int
    waiting: Waiting
    until: float | None = None


def standings(checkpoint: Json, limit: int) -> Iterator[Standing]:
    """At most ``limit`` branches are looked at; the outermost and first ones come first."""
    root = checkpoint.get("root") if isinstance(checkpoint, dict) else None
    rest: list[Any] = [root]
    for node in rest:  # grows as it is walked
        if not isinstance(node, dict) or "state" not in node:
            continue
        waiting = node.get("waiting")
        if waiting is not None and waiting != Waiting.CHILDREN:
            until = node.get("timers", {}).get(f"{waiting}:{node['entry']}")
            yield Standing(node["state"], node["entry"], Waiting(waiting), until)
        rest.extend((node.get("children") or ())[: max(0, limit - len(rest))])
