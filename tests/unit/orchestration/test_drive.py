"""Driving over a history in memory: a worker may die at any append, or two may meet, and nobody can tell afterwards."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest

from broker.read import Record
from orchestration.asl.interpreter import Machine, load_machine
from orchestration.asl.protocol import (
    HistoryEvent,
    Input,
    RunTask,
    StopRequested,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)
from orchestration.errors import HistoryUnreachable, Lost, Unreadable
from orchestration.orders.definition import load_order_machine
from orchestration.orders.order_story import MACHINE
from orchestration.rfc3339 import epoch_s, rfc3339
from orchestration.runtime import records, wakes
from orchestration.runtime.drive import Drive
from orchestration.runtime.express import Result
from orchestration.runtime.history import Timer
from orchestration.runtime.machines import FixedMachines
from orchestration.runtime.progress import Tools
from orchestration.tasks.person import PersonTasks
from orchestration.tasks.registry import Tasks
from services.practices import PRESETS

EXECUTION = "o-1"
START = records.Start(MACHINE, {"order": {"order_id": EXECUTION, "total_cents": 5}}, "f")
BEGAN_AT = 1_700_000_000.25


@dataclass
class MemoryHistory:
    """Compare-and-set as the broker does it. ``die_at``: the append whose writer dies, before or after its storing."""

    durable: bool = True
    compare_and_set: bool = True
    stored: list[Record] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    posts: list[records.Post] = field(default_factory=list)
    told: list[tuple[records.Post, str]] = field(default_factory=list)
    die_at: tuple[int, str] | None = None
    deaf: bool = False  # the first ``tell`` fails
    appended: asyncio.Event = field(default_factory=asyncio.Event)

    async def load(self, execution: str) -> Record | None:
        return self.stored[-1] if self.stored else None

    async def load_start(self, execution: str) -> Record | None:
        return None

    async def append(
        self,
        execution: str,
        body: bytes,
        *,
        after: int,
        append_id: str,
        timers: Sequence[Timer] = (),
        posts: Sequence[records.Post] = (),
        ended: str = "",
    ) -> int:
        await asyncio.sleep(0)
        last = self.stored[-1].sequence if self.stored else 0
        if after != last and self.compare_and_set:
            raise Lost(f"{last} came after {after}")
        number = len(self.stored) + 1
        if self.die_at == (number, "before"):
            self.die_at = None
            raise HistoryUnreachable("died before")
        record = Record(records.STREAM, records.log_subject(execution), number, "", {"Nats-Msg-Id": append_id}, body)
        self.stored.append(record)
        self.appended.set()
        self.timers += timers
        self.posts += posts
        if self.die_at == (number, "after"):
            self.die_at = None
            raise HistoryUnreachable("died after")
        return number

    async def tell(self, post: records.Post, message_id: str) -> None:
        if self.deaf:
            self.deaf = False
            raise HistoryUnreachable("died after the append")
        self.told.append((post, message_id))

    async def cancel(self, execution: str, timers: Sequence[str], *, after: int) -> None:
        self.timers = [timer for timer in self.timers if timer.name not in timers]

    def events(self) -> list[HistoryEvent]:
        return [event for record in self.stored for event in records.decode_append(record.body).events]


@dataclass
class ScriptedTasks:
    """Answers by resource: a list of errors to give first, then success. Effects are kept by key, as a ledger does."""

    errors: dict[str, list[str]] = field(default_factory=dict)
    effects: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, int]] = field(default_factory=list)

    def told_at_once(self, task: RunTask) -> None:
        return None

    async def run(self, execution: str, task: RunTask) -> TaskSucceeded | TaskFailed:
        await asyncio.sleep(0)
        self.calls.append((task.resource, task.attempt))
        errors = self.errors.get(task.resource, [])
        # By attempt, not by call: whoever repeats a call after a crash meets the same answer.
        if task.attempt <= len(errors):
            return TaskFailed(task.entry, errors[task.attempt - 1], None)
        self.effects.setdefault(task.key, task.resource)
        return TaskSucceeded(task.entry, {"done": task.resource})


class Counting:
    def __init__(self) -> None:
        self.endings: list[str] = []

    def advanced(self, events: list[HistoryEvent]) -> None: ...

    def ended(self, status: str, began_at: str) -> None:
        self.endings.append(status)

    def calling(self, task: RunTask) -> None: ...

    def stepped(self, seconds: float) -> None: ...

    def express_ended(self, result: Result) -> None:
        self.endings.append(result.status)


ORDER_MACHINE = load_order_machine(
    PRESETS["hardened"], time_scale=0.01, approval_threshold_cents=50, approval_timeout_s=1e6, call_timeout_s=1.0
)


@dataclass
class World:
    history: MemoryHistory = field(default_factory=MemoryHistory)
    tasks: ScriptedTasks = field(default_factory=ScriptedTasks)
    machine: Machine = ORDER_MACHINE
    start: records.Start = START
    now: float = BEGAN_AT + 1
    drives: int = 0
    settled: bool = False  # what the last drive returned

    def tools(self, name: str = "w") -> Tools:
        return Tools(
            machines=FixedMachines({MACHINE: self.machine}),
            tasks=Tasks({"http": self.tasks, "approval": PersonTasks(), "person": PersonTasks()}),
            history=self.history,
            token_of=lambda execution, entry, attempt: f"{execution}.{entry}.{attempt}.mac",
            observer=Counting(),
            writer=name,
            clock=lambda: self.now,
            random=lambda: 0.0,  # no jitter, no wait
        )

    async def drive(self, *told: Input, take_over: bool = True, name: str = "w") -> Drive:
        """One work message: load, feed, drive on."""
        self.drives += 1
        found = await self.history.load(EXECUTION)
        if found is None:
            drive = Drive.fresh(self.tools(name), self.drives, EXECUTION, self.machine, self.start, BEGAN_AT)
            told = (self.start.first_input(EXECUTION), *told)
        else:
            append = records.decode_append(found.body)
            drive = Drive.resumed(self.tools(name), self.drives, EXECUTION, self.machine, append, found.sequence)
        self.settled = await drive.run(told, take_over=take_over)
        return drive

    def status(self) -> str:
        return records.decode_append(self.history.stored[-1].body).status

    def types(self) -> list[str]:
        events = self.history.events()
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        return [event.type for event in events]


STORIES: dict[str, dict[str, list[str]]] = {
    "happy": {},
    "retried": {"http://warehouse/reservations": ["Http.Unavailable", "States.Timeout"]},
    "declined": {"http://payment/charges": ["CardDeclined"]},
    "sold out": {"http://warehouse/reservations": ["OutOfStock"]},
    "printer broken, release slow": {
        "http://shipping/labels": ["Http.Unavailable"] * 4,
        "http://warehouse/releases": ["Http.ConnectionLost"] * 5,
    },
}


@pytest.mark.parametrize("story", STORIES)
async def test_a_worker_may_die_at_any_append(story: str) -> None:
    plain = World(tasks=ScriptedTasks(STORIES[story]))
    await plain.drive()
    appends = len(plain.history.stored)
    for number in range(1, appends + 1):
        for when in ("before", "after"):
            world = World(tasks=ScriptedTasks(STORIES[story]), history=MemoryHistory(die_at=(number, when)))
            with pytest.raises(HistoryUnreachable):
                await world.drive()
            await world.drive(name="another")
            assert world.types() == plain.types()
            assert world.tasks.effects == plain.tasks.effects
            assert len(world.history.stored) == appends


async def test_the_happy_path_is_one_append_for_each_step() -> None:
    world = World()
    await world.drive()
    assert (world.status(), len(world.history.stored)) == ("SUCCEEDED", 3)
    # What follows from the start is dated by the start, so that whoever derives it derives the same.
    assert {event.at for event in world.history.events()[:4]} == {BEGAN_AT}


@pytest.mark.parametrize("story", STORIES)
async def test_of_many_workers_at_once_the_history_shows_one(story: str) -> None:
    plain = World(tasks=ScriptedTasks(STORIES[story]))
    await plain.drive()
    world = World(tasks=ScriptedTasks(STORIES[story]))

    async def work(name: str) -> bool:
        try:
            await world.drive(name=name)
        except Lost:
            return False
        return True

    survived = await asyncio.gather(*(work(f"w{n}") for n in range(5)))
    assert survived.count(True) == 1
    assert world.types() == plain.types()
    assert world.tasks.effects == plain.tasks.effects


async def test_without_compare_and_set_the_history_is_torn() -> None:
    world = World(history=MemoryHistory(compare_and_set=False))
    await asyncio.gather(world.drive(name="a"), world.drive(name="b"))
    with pytest.raises(AssertionError):
        world.types()


WAITING: dict[str, Any] = {
    "StartAt": "Wait",
    "States": {"Wait": {"Type": "Wait", "Seconds": 31_536_000, "Next": "End"}, "End": {"Type": "Succeed"}},
}


async def test_a_wait_of_a_year_is_a_timer_stored_with_its_append() -> None:
    world = World(machine=load_machine(WAITING))
    drive = await world.drive()
    assert not drive.ended
    (timer,) = world.history.timers
    assert timer.at == BEGAN_AT + 31_536_000
    again = await world.drive()  # redelivered: still waiting, nothing to do
    assert len(world.history.stored) == 1
    assert not again.ended
    stale = await world.drive(TimerFired("another"), take_over=False)
    assert not stale.ended
    world.now = timer.at
    await world.drive(TimerFired(timer.name), take_over=False)
    assert world.status() == "SUCCEEDED"
    await world.drive(TimerFired(timer.name), take_over=False)
    assert len(world.history.stored) == 2


SHORT_WAIT: dict[str, Any] = {
    **WAITING,
    "States": {**WAITING["States"], "Wait": {**WAITING["States"]["Wait"], "Seconds": 4}},
}


async def test_a_wait_that_its_worker_sat_out_is_not_lost_to_another_with_a_slow_clock() -> None:
    world = World(machine=load_machine(SHORT_WAIT), history=MemoryHistory(die_at=(1, "after")), now=BEGAN_AT)
    with pytest.raises(HistoryUnreachable):
        await world.drive()
    assert world.history.timers == []  # short enough to sit out
    world.now = BEGAN_AT - 10
    await world.drive(name="slow clock")
    (timer,) = world.history.timers
    assert timer.at == BEGAN_AT + 4
    await world.drive(TimerFired(timer.name), take_over=False)
    assert world.status() == "SUCCEEDED"


async def test_a_wait_that_is_with_the_broker_stays_there_however_near() -> None:
    world = World(machine=load_machine(WAITING))
    await world.drive()
    assert records.decode_append(world.history.stored[-1].body).timers == (world.history.timers[0].name,)
    world.now = world.history.timers[0].at - 1
    again = await world.drive()
    assert (again.ended, len(world.history.stored)) == (False, 1)


async def test_a_long_wait_of_a_record_that_names_no_timers_is_stored_anew() -> None:
    world = World(start=records.Start(MACHINE, {"order": {"order_id": EXECUTION, "total_cents": 99}}, "f"))
    await world.drive()
    stored = world.history.stored[-1]
    fields = orjson.loads(stored.body)
    del fields["timers"]
    fields["summary"] = {"error": "E", "cause": "kept"}
    world.history.stored[-1] = replace(stored, body=orjson.dumps(fields))
    (before,) = world.history.timers
    world.history.timers = []
    await world.drive(TimerFired("stale"), take_over=False)
    assert not world.settled  # another may be at work
    await world.drive()
    assert world.history.timers == [before]
    append = records.decode_append(world.history.stored[-1].body)
    assert (append.timers, append.summary) == ((before.name,), fields["summary"])


async def test_an_approval_is_waited_for_outside_and_answered_once() -> None:
    large = records.Start(MACHINE, {"order": {"order_id": EXECUTION, "total_cents": 99}}, "f")
    world = World(start=large)
    drive = await world.drive()
    assert not drive.ended
    append = records.decode_append(world.history.stored[-1].body)
    (waiting,) = append.waiting
    assert waiting.resource == "approval:ask.waitForTaskToken"
    assert len(world.history.stored) == 2
    assert "TaskSubmitted" in world.types()
    await world.drive(TaskSucceeded(waiting.entry, {}), take_over=False)
    assert world.status() == "SUCCEEDED"
    assert records.decode_append(world.history.stored[-1].body).waiting == ()
    assert world.history.timers == []  # the approval's deadline was taken back
    stored = len(world.history.stored)
    await world.drive(TaskFailed(waiting.entry, "ApprovalRejected", None), take_over=True)
    assert len(world.history.stored) == stored


async def test_a_stop_before_the_first_append_tells_the_whole_story() -> None:
    world = World()
    await world.drive(StopRequested("Stopped", "by hand"), take_over=False)
    assert world.status() == "ABORTED"
    assert world.types()[0] == "ExecutionStarted"
    assert world.types()[-1] == "ExecutionAborted"
    assert world.tasks.calls == []


async def test_a_machine_that_nobody_knows_cannot_be_driven() -> None:
    with pytest.raises(Unreadable, match="unknown"):
        await FixedMachines({}).load("unknown")


async def test_late_news_leave_alone_what_another_may_be_driving() -> None:
    world = World(history=MemoryHistory(die_at=(1, "after")))
    with pytest.raises(HistoryUnreachable):
        await world.drive()
    calls = len(world.tasks.calls)
    await world.drive(TimerFired("late"), take_over=False)
    assert not world.settled
    assert len(world.tasks.calls) == calls
    await world.drive(TimerFired("late"), take_over=True)
    assert world.settled
    assert world.status() == "SUCCEEDED"


ITEM = replace(START, caller=records.Caller("run", 7, 1, "item"))


async def test_a_map_run_is_told_of_its_item_after_the_append() -> None:
    world = World(start=ITEM)
    await world.drive()
    ((post, _),) = world.history.told
    assert post.subject == "exec.wake.run.ended.7-1"
    ended = wakes.decode_item_ended(post.body)
    assert (ended.entry, ended.child["Status"]) == (7, world.status())
    assert ended.child["StopDate"] == int(epoch_s(rfc3339(world.history.events()[-1].at)) * 1000)
    assert not world.history.posts


async def test_who_dies_before_telling_leaves_it_to_the_next_and_it_is_told_as_the_same() -> None:
    world = World(start=ITEM, history=MemoryHistory(deaf=True))
    with pytest.raises(HistoryUnreachable):
        await world.drive()
    assert world.status() == "SUCCEEDED"
    appends = len(world.history.stored)
    await world.drive(name="another")
    await world.drive(name="a third")
    first, second = world.history.told
    assert first == second
    assert len(world.history.stored) == appends


async def test_an_execution_that_waits_is_told_with_the_append() -> None:
    world = World(start=replace(START, caller=records.Caller("parent", 7, 1, "sync:2")))
    await world.drive()
    assert [post.subject for post in world.history.posts] == ["exec.wake.parent.ended.7-1"]
    assert not world.history.told
