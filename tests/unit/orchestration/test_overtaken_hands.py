"""Two workers that were given the same message: neither may acknowledge what the other still lives by."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import pytest

from orchestration.asl.interpreter import load_machine
from orchestration.asl.protocol import RunTask, TaskSucceeded
from orchestration.errors import Overtaken
from orchestration.runtime import records
from orchestration.runtime.drive import Drive
from orchestration.runtime.hands import Hand
from tests.unit.orchestration.test_drive import EXECUTION, MACHINE, ScriptedTasks, World

SLOW, QUICK = "http://payment/charges", "http://shipping/labels"
CALL = {"Type": "Task", "Resource": SLOW}
ASK = {"Type": "Task", "Resource": "person:ask.waitForTaskToken"}
THEN = {**CALL, "Resource": QUICK, "End": True}
IN_TURN = load_machine({"StartAt": "First", "States": {"First": {**CALL, "Next": "Then"}, "Then": THEN}})
AT_ONCE = load_machine(
    {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "End": True,
                "Branches": [
                    {"StartAt": "Slow", "States": {"Slow": {**CALL, "End": True}}},
                    {
                        "StartAt": "Quick",
                        "States": {
                            "Quick": {**CALL, "Resource": QUICK, "Next": "Asked"},
                            "Asked": {**ASK, "End": True},
                        },
                    },
                ],
            }
        },
    }
)


@dataclass
class SlowOnce(ScriptedTasks):
    """The slow call of the first worker is answered when the test says so."""

    def __post_init__(self) -> None:
        self.begun, self.answer = asyncio.Event(), asyncio.Event()

    async def run(self, execution: str, task: RunTask) -> Any:
        if task.resource == SLOW and not self.begun.is_set():
            self.begun.set()
            await self.answer.wait()
        return await super().run(execution, task)


async def test_who_is_overtaken_says_so_and_does_not_acknowledge() -> None:
    world = World(tasks=SlowOnce(), machine=IN_TURN)
    world.start = records.Start(MACHINE, {}, "f")
    await store_first(world)
    found = records.decode_append(world.history.stored[-1].body)
    drive = Drive.resumed(world.tools("a"), 0, EXECUTION, world.machine, found, 1)
    running = asyncio.create_task(drive.run((), take_over=True))
    tasks = cast(SlowOnce, world.tasks)
    await tasks.begun.wait()
    other = Drive.resumed(world.tools("b"), 1, EXECUTION, world.machine, found, 1)
    await other._apply([TaskSucceeded(entry_of(world, "First"), {}, 1)])
    tasks.answer.set()
    with pytest.raises(Overtaken):
        await running


async def store_first(world: World) -> None:
    """The start as an append of its own, as where the worker's first append tells of no answer."""
    drive = Drive.fresh(world.tools("a"), 0, EXECUTION, world.machine, world.start, 1.0)
    await drive.progress._step(world.start.first_input(EXECUTION))
    await drive.progress._append()


def entry_of(world: World, state: str) -> int:
    """The entry of a state that waits for its call now: its event's number."""
    return next(e.id for e in reversed(world.history.events()) if e.details.get("name") == state)


async def test_news_that_a_stale_worker_does_not_know_are_looked_up_and_not_dropped() -> None:
    world = World(tasks=SlowOnce(), machine=AT_ONCE)
    world.start = records.Start(MACHINE, {}, "f")
    await store_first(world)
    found = records.decode_append(world.history.stored[-1].body)
    stale = Drive.resumed(world.tools("a"), 0, EXECUTION, world.machine, found, 1)
    running = asyncio.create_task(stale.run((), take_over=True))
    await cast(SlowOnce, world.tasks).begun.wait()
    world.history.appended.clear()
    await asyncio.wait_for(world.history.appended.wait(), 1)
    # What the stale worker knows is set back to before the question was asked.
    stale.progress._take_up(found, 1)
    asked = records.decode_append(world.history.stored[-1].body).waiting[0]
    assert await stale.tell(TaskSucceeded(asked.entry, "yes", asked.attempt))
    cast(SlowOnce, world.tasks).answer.set()
    await running
    assert world.status() == "SUCCEEDED"


@pytest.mark.parametrize(("whole", "news", "again", "done"), [
    (True, True, False, True),
    (True, False, False, True),
    (False, True, False, True),
    (False, False, False, False),
    (False, True, True, False),
])  # fmt: skip
async def test_what_is_no_news_is_done_only_where_these_hands_do_all_there_is(
    whole: bool, news: bool, again: bool, done: bool
) -> None:
    @dataclass
    class Told:
        ended: bool = False

        async def tell(self, event: object) -> bool:
            return news

        async def take_over(self) -> None: ...

    drive: Any = Told()
    drive.whole = whole
    hand = Hand(settled=True)
    hand.open(drive)
    hand.let_go()
    assert await hand.tell(TaskSucceeded(7, {}, 1), again=again) is done
