"""The turns of a map run's items: all get one, in their order, and few at once while another execution advances."""

import asyncio

import pytest

from orchestration.runtime.turns import Turns


class Items:
    """Each takes its turn and keeps it until it is told to go."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.inside: list[int] = []
        self.seen: list[int] = []
        self.go = asyncio.Event()

    async def item(self, number: int) -> None:
        async with self.turns.of_item():
            self.inside.append(number)
            self.seen.append(number)
            await self.go.wait()
            self.inside.remove(number)


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_alone_many_advance_at_once_in_their_order() -> None:
    items = Items(Turns(alone=3, beside=1))
    tasks = [asyncio.create_task(items.item(number)) for number in range(7)]
    await settled()
    assert items.inside == [0, 1, 2]
    items.go.set()
    await asyncio.gather(*tasks)
    assert items.seen == list(range(7))


async def test_beside_another_execution_few_do() -> None:
    items = Items(Turns(alone=3, beside=1))
    items.turns.of_another()
    tasks = [asyncio.create_task(items.item(number)) for number in range(3)]
    await settled()
    assert items.inside == [0]
    items.go.set()
    await asyncio.gather(*tasks)


async def test_when_the_other_is_gone_there_are_many_again() -> None:
    items = Items(Turns(alone=3, beside=1, stay_s=0.0))
    items.turns.of_another()
    tasks = [asyncio.create_task(items.item(number)) for number in range(3)]
    await settled()
    assert items.inside == [0, 1, 2]
    items.go.set()
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("cancelled", [0, 1, 2])
async def test_whoever_is_cancelled_leaves_his_turn_to_the_next(cancelled: int) -> None:
    items = Items(Turns(alone=1, beside=1))
    tasks = [asyncio.create_task(items.item(number)) for number in range(3)]
    await settled()
    tasks[cancelled].cancel()
    items.go.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in told] == [number == cancelled for number in range(3)]


async def test_cancelled_in_the_moment_of_being_let_in_it_passes_the_turn_on() -> None:
    items = Items(Turns(alone=1, beside=1))
    tasks = [asyncio.create_task(items.item(number)) for number in range(3)]
    await settled()
    items.go.set()
    await asyncio.sleep(0)  # the first is about to leave
    tasks[1].cancel()
    await asyncio.gather(tasks[0], tasks[2])
    assert items.seen[-1] == 2
