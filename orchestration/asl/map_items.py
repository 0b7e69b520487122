"""From the items of a distributed Map to the inputs of its child executions: selected, and put together in batches."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestration.asl.distributed import Plan
from orchestration.asl.limits import size_of
from orchestration.asl.machine import Machine, MapState, map_state
from orchestration.asl.paths import Env
from orchestration.asl.protocol import Json

STATE_DATA: Final = "STATE_DATA"
NO_MORE_BYTES: Final = 262_144


@dataclass(frozen=True, slots=True)
class Item:
    """``key`` where an object's members are the items; ``source`` is where it was read from."""

    value: Json
    key: str | None = None
    source: str = STATE_DATA


@dataclass(frozen=True, slots=True)
class Child:
    """The input of one child execution, its size in bytes, and how many items are in it."""

    input: Json
    size: int
    items: int = 1


def items_of(given: Json) -> Iterator[Item]:
    """Those of an array or an object."""
    if isinstance(given, dict):
        for key, value in given.items():
            yield Item({"Key": key, "Value": value}, key)
        return
    for value in given:
        yield Item(value)


class Children:
    """Fed with items in their order, gives the child executions to start. ``read`` items were in earlier children.

    Raises ``StatesError`` where the selector fails or an input is too large.
    """

    def __init__(self, machine: Machine, plan: Plan, read: int = 0) -> None:
        self._state = map_state(machine, plan["state"])
        self._plan = plan
        self._next = read
        self._batch: _Batch | None = _Batch(plan["batch"], plan["state"]) if "batch" in plan else None

    def feed(self, items: Iterable[Item]) -> Iterator[Child]:
        for item in items:
            child = _child(self._state, self._plan, item, self._next)
            self._next += 1
            if self._batch is None:
                yield child
            elif (full := self._batch.add(child)) is not None:
                yield full

    def finish(self) -> Iterator[Child]:
        """What is left when there are no more items."""
        if self._batch is not None and (last := self._batch.take()) is not None:
            yield last


def _child(state: MapState, plan: Plan, item: Item, index: int) -> Child:
    given = item.value if state.selector is None else _select(state, plan, item, index)
    return Child(given, size_of(given, f"The state/task '{state.name}' has an item"))


def _select(state: MapState, plan: Plan, item: Item, index: int) -> Json:
    drawn = 0

    def draw() -> str:
        nonlocal drawn
        drawn += 1
        return hashlib.sha256(f"{plan['run']}:{index}:{drawn}".encode()).hexdigest()

    about: dict[str, Json] = {"Index": index, "Value": item.value, "Source": item.source}
    if item.key is not None:
        about["Key"] = item.key
    context = {**plan["context"], "Map": {"Item": about}}
    assert state.selector is not None
    env = Env(lambda: context, plan["variables"], draw, plan["input"], plan["at"])
    return state.selector.fill(plan["input"], env)


class _Batch:
    """The batch that is being filled."""

    def __init__(self, limits: Mapping[str, Any], state: str) -> None:
        self._most_items: int = limits.get("items") or 0
        self._most_bytes: int = limits.get("bytes") or NO_MORE_BYTES
        self._around = {} if limits.get("input") is None else {"BatchInput": limits["input"]}
        self._empty_size = size_of({**self._around, "Items": []}, f"The state/task '{state}' has a batch")
        self._items: list[Json] = []
        self._size = self._empty_size

    def add(self, child: Child) -> Child | None:
        """Gives the batch that has no room for this one, or that it has filled."""
        size = child.size + 1
        full = self.take() if self._items and self._size + size > self._most_bytes else None
        self._items.append(child.input)
        self._size += size
        if full is None and len(self._items) == self._most_items:
            return self.take()
        return full

    def take(self) -> Child | None:
        items, size = self._items, self._size
        self._items, self._size = [], self._empty_size
        return Child({**self._around, "Items": items}, size, len(items)) if items else None
