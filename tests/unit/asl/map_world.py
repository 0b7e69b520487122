"""A map run in memory: child executions are worlds of their own, and the dataset is in the test.

``answer_map_runs`` wraps a world's answers, so that a distributed Map in it, or in its children, runs to its end.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import orjson

from orchestration.asl import map_run
from orchestration.asl.distributed import MAP_RUN, READER_FAILED
from orchestration.asl.errors import StatesError
from orchestration.asl.machine import Machine, processor_machine
from orchestration.asl.map_items import Child, Children, Item, items_of
from orchestration.asl.map_results import Gathering
from orchestration.asl.map_run_checkpoint import from_json, to_json
from orchestration.asl.protocol import Input, RunTask, TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.datasets.errors import DatasetError
from orchestration.datasets.reader import open_items
from tests.unit.asl.world import Answer, World

Objects = dict[tuple[str, str], bytes]


@dataclass
class ObjectsInMemory:
    objects: Objects = field(default_factory=dict)

    async def fetch(self, bucket: str, key: str, version: str | None = None) -> BinaryIO:
        if (bucket, key) not in self.objects:
            raise DatasetError(f"The specified key does not exist: {key}")
        return io.BytesIO(self.objects[bucket, key])

    async def list(self, bucket: str, prefix: str, start_after: str = "") -> AsyncIterator[dict[str, Any]]:
        for of, key in sorted(self.objects):
            if of == bucket and key.startswith(prefix) and key > start_after:
                yield {"Key": key, "Size": len(self.objects[of, key])}

    async def put(self, bucket: str, key: str, body: bytes) -> None:
        self.objects[bucket, key] = body


@dataclass
class MapRunInMemory:
    """One map run, driven by the pure state machine; ``at_once`` is the most children that were in flight."""

    machine: Machine
    task: RunTask
    answer: Answer
    store: ObjectsInMemory
    state: map_run.MapRunState = field(default_factory=map_run.MapRunState)
    ended: dict[int, dict[str, Any]] = field(default_factory=dict)
    inputs: list[Any] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)
    at_once: int = 0

    def run(self) -> Input:
        self.state = map_run.initial(self.task.parameters)
        self._give(map_run.Begun())
        while not self.state.ended:
            number = self.in_flight.pop(0)
            self._give(map_run.ChildEnded(number, self._end(number)))
        ending = self.state.ending
        if self.state.status is map_run.Status.SUCCEEDED:
            return TaskSucceeded(self.task.entry, self.state.output)
        assert ending is not None
        return TaskFailed(self.task.entry, ending.error, ending.cause)

    def _give(self, event: map_run.Event) -> None:
        state, commands = map_run.advance(self.state, event)
        self.state = from_json(orjson.loads(orjson.dumps(to_json(state))))
        self.state = state if state.ended else self.state
        for command in commands:
            match command:
                case map_run.StartChildren(number, item, most):
                    self._give(self._start(number, item, most))
                case map_run.StopChildren() | map_run.LookAgain():
                    pass
                case map_run.GatherResults():
                    self._give(self._gather())

    def _gather(self) -> map_run.Event:
        gathering = Gathering(self.task.parameters)
        try:
            for number in sorted(self.ended):
                gathering.add(self.ended[number])
        except StatesError as error:
            return map_run.Failed(error.error, error.cause)
        return map_run.ResultsGathered(gathering.output)

    def _start(self, number: int, item: int, most: int) -> map_run.Event:
        try:
            children = list(self._children(item))
        except StatesError as error:
            return map_run.Failed(error.error, error.cause)
        except DatasetError as error:
            return map_run.Failed(READER_FAILED, str(error))
        started = children[:most]
        self.inputs += [child.input for child in started]
        self.in_flight += range(number, number + len(started))
        self.at_once = max(self.at_once, len(self.in_flight))
        return map_run.ChildrenStarted(tuple(child.items for child in started), len(children) <= most)

    def _children(self, item: int) -> Iterator[Child]:
        plan = self.task.parameters
        children = Children(self.machine, plan, item)
        items = list(items_of(plan["items"])) if "items" in plan else asyncio.run(self._read(plan))
        yield from children.feed(items[item:])
        yield from children.finish()

    async def _read(self, plan: dict[str, Any]) -> list[Item]:
        reader = plan["reader"]
        pieces = open_items(self.store, reader["resource"], reader["parameters"], reader["config"])
        found = [Item(read.value, read.key, read.source) async for piece in pieces for read in piece]
        return found[: plan["max_items"]]

    def _end(self, number: int) -> str:
        child = World(processor_machine(self.machine, self.task.state))
        child.execution_id = f"arn:aws:states:us-east-1:000000000000:execution:m/l:child-{number}"
        child.answer = answer_map_runs(child, self.answer, self.store)
        child.run(self.inputs[number])
        self.ended[number] = {
            "Status": child.state.status.value,
            "Output": child.state.output,
            "Error": child.state.error,
        }
        return child.state.status.value


def answer_map_runs(world: World, answer: Answer, store: ObjectsInMemory | None = None) -> Answer:
    def answered(task: RunTask) -> Iterable[Input]:
        if task.resource != MAP_RUN:
            yield from answer(task)
            return
        yield TaskSubmitted(task.entry, None)
        yield MapRunInMemory(world.machine, task, answer, store or ObjectsInMemory()).run()

    return answered
