"""So many are begun at once, some wait in a line, and the rest is sent away."""

import asyncio
import time

import pytest

from orchestration.errors import Overloaded
from orchestration.runtime.slots import Slots


class Crowd:
    """Tasks that take a slot and keep it until they are told to leave."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.inside: list[int] = []
        self.leave: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    async def come(self, *numbers: int) -> None:
        for number in numbers:
            self.leave[number] = asyncio.Event()
            self.tasks[number] = asyncio.create_task(self._one(number))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def _one(self, number: int) -> None:
        async with self.slots.taken():
            self.inside.append(number)
            await self.leave[number].wait()
        self.inside.remove(number)


async def test_who_waits_gets_a_slot_in_its_turn() -> None:
    crowd = Crowd(Slots(2, 2))
    await crowd.come(1, 2, 3, 4)
    assert crowd.inside == [1, 2]
    crowd.leave[1].set()
    await crowd.settle()
    assert crowd.inside == [2, 3]


async def test_where_the_line_is_full_others_are_sent_away() -> None:
    crowd = Crowd(Slots(1, 1))
    await crowd.come(1, 2, 3)
    with pytest.raises(Overloaded):
        await crowd.tasks[3]
    crowd.leave[1].set()
    await crowd.settle()
    assert crowd.inside == [2]


async def test_who_waits_for_room_waits_no_longer_than_it_will() -> None:
    slots = Slots(1, 1)
    crowd = Crowd(slots)
    await crowd.come(1)
    await slots.room(60)  # at once
    await crowd.come(2)
    began = time.monotonic()
    await slots.room(0.01)
    assert time.monotonic() - began < 5
    waiting = asyncio.create_task(slots.room(60))
    await crowd.settle()
    assert not waiting.done()
    crowd.leave[1].set()
    await crowd.settle()
    assert waiting.done()


async def test_after_closing_nobody_begins_and_who_is_inside_ends_in_peace() -> None:
    slots = Slots(1, 1)
    crowd = Crowd(slots)
    await crowd.come(1, 2)
    slots.close()
    await crowd.settle()
    assert crowd.tasks[2].cancelled()
    with pytest.raises(Overloaded):
        await slots.taken().__aenter__()
    crowd.leave[1].set()
    await crowd.tasks[1]
    assert crowd.inside == []
