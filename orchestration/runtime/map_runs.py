"""The map runs in a worker's hands: what they are told is applied in groups, and stored with the children to start.

No map run lives in a worker's memory only: any worker may be told the next news of it. What is kept between two turns
is a shortcut, and dropped as soon as another worker was there.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from orchestration.asl import map_run
from orchestration.asl.errors import StatesError
from orchestration.asl.protocol import StopRequested, TaskFailed, TaskSucceeded
from orchestration.datasets.store import ObjectStore
from orchestration.errors import HistoryUnreachable, Lost
from orchestration.rfc3339 import rfc3339
from orchestration.runtime import map_run_records, records, wakes
from orchestration.runtime.machines import Machines
from orchestration.runtime.map_run_records import Beginning, Checkpoint
from orchestration.runtime.map_run_redrive import Restarting
from orchestration.runtime.map_run_results import gather_results
from orchestration.runtime.map_run_source import Source
from orchestration.runtime.map_run_store import MapRunStore
from orchestration.runtime.records import Post

MAX_KEPT: Final = 64
# One append and the starts that go with it are one atomic batch.
CHILDREN_A_BATCH: Final = 200
BYTES_A_BATCH: Final = 2 * 1024 * 1024
POSTS_A_BATCH: Final = 900
LOOK_AGAIN_S: Final = 1.0
CONFLICTS: Final = 50


@dataclass(frozen=True)
class MapRunTools:
    machines: Machines
    store: MapRunStore
    objects: ObjectStore | None
    writer: str
    clock: Callable[[], float]


class MapRuns:
    """``tell`` from any number of tasks."""

    def __init__(self, tools: MapRunTools) -> None:
        self._tools = tools
        self._numbers = itertools.count()
        self._kept: OrderedDict[str, _MapRun] = OrderedDict()

    async def tell(self, run: str, body: bytes, sequence: int) -> None:
        """Returns when what the message says is stored. Raises ``HistoryUnreachable`` and ``Unreadable``."""
        told = map_run_records.decode_told(body, sequence)
        kept = self._kept.get(run)
        if kept is None:
            kept = self._kept[run] = _MapRun(self._tools, run, next(self._numbers))
        self._kept.move_to_end(run)
        await kept.tell(told)
        if isinstance(told, map_run.Redriven) and not kept.is_redriven(told.attempt):
            raise HistoryUnreachable(f"{run}: its children are still being stopped")
        if kept.ended and not kept.busy and self._kept.get(run) is kept:
            del self._kept[run]
            await kept.close()
        await self._drop_oldest()

    async def close(self) -> None:
        for kept in self._kept.values():
            await kept.close()
        self._kept.clear()

    async def _drop_oldest(self) -> None:
        while len(self._kept) > MAX_KEPT:
            idle = next((run for run, kept in self._kept.items() if not kept.busy), None)
            if idle is None:
                return
            await self._kept.pop(idle).close()


@dataclass
class _MapRun:
    tools: MapRunTools
    run: str
    number: int
    _mail: list[tuple[map_run.Event, asyncio.Future[None]]] = field(default_factory=list)
    _turning: asyncio.Lock = field(default_factory=asyncio.Lock)
    _stored: Checkpoint | None = None
    _sequence: int = 0
    _beginning: Beginning | None = None
    _source: Source | None = None
    _appends: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def busy(self) -> bool:
        return bool(self._mail) or self._turning.locked()

    @property
    def ended(self) -> bool:
        return self._stored is not None and self._stored.state.ended

    def is_redriven(self, attempt: int) -> bool:
        return self._stored is None or self._stored.state.attempt >= attempt

    async def tell(self, told: map_run.Event) -> None:
        done = asyncio.get_running_loop().create_future()
        self._mail.append((told, done))
        async with self._turning:
            if done.done():  # by the turn of another
                done.result()
                return
            mail, self._mail = self._mail, []
            try:
                await self._apply([each for each, _ in mail])
            except BaseException as error:
                await self.close()
                failure = error if isinstance(error, Exception) else HistoryUnreachable(f"{self.run}: the worker stops")
                for _, waiting in mail:
                    if waiting is not done and not waiting.done():
                        waiting.set_exception(failure)
                raise
            for _, waiting in mail:
                if not waiting.done():
                    waiting.set_result(None)

    async def close(self) -> None:
        source, self._source, self._stored = self._source, None, None
        if source is not None:
            await source.close()

    async def _apply(self, told: Sequence[map_run.Event]) -> None:
        """Until it is stored: a turn that another worker came before is made again on what that one stored.

        What is kept may be stale. An append proves that it was not; where there is nothing to append, it is read again.
        """
        for _ in range(CONFLICTS):
            fresh = self._stored is None
            if fresh and not await self._load(told):
                return
            try:
                if await self._turn(told) or fresh:
                    return
            except Lost:
                pass
            self._stored = None
        raise HistoryUnreachable(f"{self.run}: others are always first")

    async def _load(self, told: Sequence[map_run.Event]) -> bool:
        """False: there is nothing to be told, for it will never begin."""
        found = await self.tools.store.load(self.run)
        self._stored, self._sequence = found.checkpoint, found.sequence
        if found.checkpoint is None:
            if found.sequence == 0 and any(isinstance(each, map_run.Stopped) for each in told):
                await self._append(map_run_records.NEVER, ())
            return False
        if self._beginning is None:
            self._beginning = await self.tools.store.beginning(self.run)
        return True

    async def _turn(self, told: Sequence[map_run.Event]) -> bool:
        """Whether there was anything to append."""
        assert self._stored is not None
        state = self._stored.state
        before = self._sequence
        posts: list[Post] = []
        for each in told:
            state = self._advance(state, each, posts)
        while command := next(iter(map_run.outstanding(state)), None):
            if len(posts) >= CHILDREN_A_BATCH or sum(len(post.body) for post in posts) >= BYTES_A_BATCH:
                await self._save(state, posts)
                posts = []
            for event in await self._perform(command, state, posts):
                state = self._advance(state, event, posts)
        if state is not self._stored.state:
            await self._save(state, posts)
        return self._sequence != before

    def _advance(self, state: map_run.MapRunState, told: map_run.Event, posts: list[Post]) -> map_run.MapRunState:
        state, commands = map_run.advance(state, told)
        for command in commands:
            if isinstance(command, map_run.StopChildren):
                state = self._stop(state, command.numbers, posts)
        return state

    def _stop(self, state: map_run.MapRunState, numbers: Sequence[int], posts: list[Post]) -> map_run.MapRunState:
        """Express children cannot be reached: they end by themselves within minutes, and are no longer waited for."""
        beginning = self._begun()
        for number in numbers:
            if beginning.plan["express"]:
                state, _ = map_run.advance(state, map_run.ChildEnded(number, "ABORTED"))
            else:
                subject = records.stop_subject(beginning.child(number).token)
                posts.append(Post(subject, wakes.encode_wake(StopRequested(None, None))))
        return state

    async def _perform(
        self, command: map_run.Command, state: map_run.MapRunState, posts: list[Post]
    ) -> Sequence[map_run.Event]:
        beginning, tools = self._begun(), self.tools
        try:
            if isinstance(command, map_run.StartChildren):
                return (await self._start(command, posts),)
            if isinstance(command, map_run.RestartChildren):
                restarting = Restarting(tools.store, tools.machines, self.run, beginning, state.redrives)
                restarted = await restarting.restart(command)
                posts += restarted.posts
                return restarted.events
            if isinstance(command, map_run.LookAgain):
                return (map_run.LookingAgain(),)
            return (await gather_results(tools.store, tools.objects, self.run, beginning.plan, state),)
        except StatesError as error:
            return (map_run.Failed(error.error, error.cause),)

    async def _start(self, command: map_run.StartChildren, posts: list[Post]) -> map_run.Event:
        beginning = self._begun()
        if self._source is None:
            machine = await self.tools.machines.load(beginning.machine)
            self._source = Source(machine, beginning.plan, self.tools.objects)
        most = min(command.most, CHILDREN_A_BATCH - len(posts))
        taken = await self._source.take(command.item, most)
        for number, child in enumerate(taken.children, command.number):
            posts.append(beginning.child_start(self.run, number, child.input))
        return map_run.ChildrenStarted(tuple(child.items for child in taken.children), taken.exhausted)

    async def _save(self, state: map_run.MapRunState, posts: Sequence[Post]) -> None:
        assert self._stored is not None
        stored, now = self._stored, rfc3339(self.tools.clock())
        checkpoint = Checkpoint(
            arn=stored.arn,
            parent_arn=stored.parent_arn,
            machine_arn=stored.machine_arn,
            began_at=stored.began_at,
            state=state,
            stopped_at=now if state.ended else "",
            redriven_at=now if state.redrives > stored.state.redrives else stored.redriven_at,
        )
        look = state.looked_at is not None and state.looks > stored.state.looks
        while len(posts) > POSTS_A_BATCH:
            await self._append(stored.encode(), posts[:POSTS_A_BATCH])
            posts = posts[POSTS_A_BATCH:]
        look_at = self.tools.clock() + LOOK_AGAIN_S if look else None
        await self._append(checkpoint.encode(), (*posts, *self._told_parent(state)), look_at)
        self._stored = checkpoint

    async def _append(self, body: bytes, posts: Sequence[Post], look_at: float | None = None) -> None:
        append_id = f"{self.run}.{self._sequence}.{self.tools.writer}.{self.number}.{next(self._appends)}"
        self._sequence = await self.tools.store.append(
            self.run, body, after=self._sequence, append_id=append_id, posts=posts, look_at=look_at
        )

    def _told_parent(self, state: map_run.MapRunState) -> tuple[Post, ...]:
        """Nobody waits for a map run that was stopped."""
        begun = self._begun()
        waiting = records.Caller(begun.parent, begun.entry, state.attempt, "map_run")
        match state.status, state.ending:
            case map_run.Status.SUCCEEDED, _:
                end: TaskSucceeded | TaskFailed = TaskSucceeded(begun.entry, state.output, state.attempt)
            case map_run.Status.FAILED, map_run.Ending(_, error, cause):
                end = TaskFailed(begun.entry, error, cause, state.attempt)
            case _:
                return ()
        return (Post(records.ended_subject(waiting), wakes.encode_wake(end)),)

    def _begun(self) -> Beginning:
        assert self._beginning is not None, "loaded with the checkpoint"
        return self._beginning
