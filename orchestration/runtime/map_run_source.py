"""The children that a map run starts next, from its items: read lazily, and only forward where that can be helped.

It may run ahead of what is stored; asked for another place than it stands at, it goes there.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from orchestration.asl.distributed import READER_FAILED, Plan
from orchestration.asl.errors import StatesError
from orchestration.asl.machine import Machine
from orchestration.asl.map_items import Child, Children, Item, items_of
from orchestration.datasets.errors import DatasetError, StoreUnreachable
from orchestration.datasets.reader import open_items
from orchestration.datasets.store import ObjectStore

TRIES: Final = 5
FIRST_PAUSE_S: Final = 0.2
PIECE: Final = 100
BYTES_AT_ONCE: Final = 2 * 1024 * 1024


@dataclass(frozen=True)
class Taken:
    children: Sequence[Child]
    exhausted: bool


class Source:
    """``machine`` is the one whose Map state the ``plan`` is of. Must be closed."""

    def __init__(self, machine: Machine, plan: Plan, store: ObjectStore | None) -> None:
        self._machine = machine
        self._plan = plan
        self._store = store
        self._pieces: AsyncGenerator[list[Item], None] | None = None
        self._children = Children(machine, plan)
        self._ready: deque[Child] = deque()
        self._at = 0  # items in the children that were given
        self._finished = False

    async def take(self, item: int, most: int) -> Taken:
        """The next children from ``item`` on. Raises ``StatesError``: they cannot be had."""
        pause_s = FIRST_PAUSE_S
        for number in range(TRIES):
            try:
                return await self._take(item, most)
            except StoreUnreachable as error:
                await self.close()
                if number + 1 == TRIES:
                    raise StatesError(READER_FAILED, str(error)) from error
                await asyncio.sleep(pause_s)
                pause_s *= 2
            except DatasetError as error:
                await self.close()
                raise StatesError(READER_FAILED, str(error)) from error
        raise AssertionError("the loop returns or raises")

    async def close(self) -> None:
        """The next ``take`` begins again."""
        pieces, self._pieces = self._pieces, None
        if pieces is not None:
            await pieces.aclose()

    async def _take(self, item: int, most: int) -> Taken:
        if self._pieces is None or self._at > item:
            await self._begin_again(item)
        while self._at < item and await self._ready_next():
            self._at += self._ready.popleft().items
        children: list[Child] = []
        size = 0
        while len(children) < most and size < BYTES_AT_ONCE and await self._ready_next():
            child = self._ready.popleft()
            children.append(child)
            size += child.size
            self._at += child.items
        return Taken(children, not await self._ready_next())

    async def _begin_again(self, item: int) -> None:
        """``item`` is the first one of some child."""
        await self.close()
        self._pieces = self._after(item)
        self._children = Children(self._machine, self._plan, item)
        self._ready.clear()
        self._at, self._finished = item, False

    async def _ready_next(self) -> bool:
        """Whether there is another child."""
        assert self._pieces is not None
        while not self._ready and not self._finished:
            piece = await anext(self._pieces, None)
            if piece is None:
                self._finished = True
                self._ready.extend(self._children.finish())
            else:
                self._ready.extend(self._children.feed(piece))
        return bool(self._ready)

    async def _after(self, item: int) -> AsyncGenerator[list[Item], None]:
        async with aclosing(self._open()) as pieces:
            async for piece in pieces:
                if item < len(piece):
                    yield piece[item:]
                item = max(0, item - len(piece))

    async def _open(self) -> AsyncGenerator[list[Item], None]:
        plan = self._plan
        if "reader" not in plan:
            items = list(items_of(plan["items"]))
            for start in range(0, len(items), PIECE):
                yield items[start : start + PIECE]
            return
        left: int = plan["max_items"]
        async with aclosing(self._read(plan["reader"])) as pieces:
            async for piece in pieces:
                yield piece[:left]
                left -= len(piece)
                if left <= 0:
                    return

    async def _read(self, reader: dict[str, Any]) -> AsyncGenerator[list[Item], None]:
        if self._store is None:
            raise DatasetError("no datasets are configured: set LAB_DATASETS or AWS_ENDPOINT_URL_S3")
        parts = open_items(self._store, reader["resource"], reader["parameters"], reader["config"])
        async with aclosing(parts):
            async for piece in parts:
                yield [Item(each.value, each.key, each.source) for each in piece]
