"""A lane of conductors that take map runs, with a real nats-server, and what its tests ask of it."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from broker.connection import close, connect
from broker.errors import NotStored
from broker.provision import provision
from broker.publish import Message, publish
from broker.read import all_of, last
from orchestration.asl.interpreter import load_machine
from orchestration.asl.protocol import RunTask, TaskFailed, TaskSucceeded
from orchestration.broker_setup import CONDUCTOR, setup
from orchestration.datasets.store import LocalFolder
from orchestration.names import ExecutionName, MapRunName, map_run_of_arn
from orchestration.runtime import map_run_records, records
from orchestration.runtime.conductor import Conductor
from orchestration.runtime.history import DurableHistory
from orchestration.runtime.machines import FixedMachines
from orchestration.runtime.map_run_machines import MachinesWithMaps
from orchestration.runtime.map_run_store import MapRunStore
from orchestration.runtime.map_run_task import MapRunTasks
from orchestration.runtime.map_runs import MapRuns, MapRunTools
from orchestration.runtime.progress import Tools
from orchestration.runtime.tokens import token_maker
from orchestration.tasks.registry import Tasks, Told
from tests.conftest import RealNats
from tests.integration.orchestration.lane import ACK_WAIT_S, SECRET, Silent, eventually

PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
TASK = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "work:do", "End": True}}}
Work = Callable[[Any], Any]


def each(processor: dict[str, Any], *, kind: str = "STANDARD", **fields: Any) -> dict[str, Any]:
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    state = {"Type": "Map", "ItemProcessor": {**config, **processor}, "Label": "each", "End": True, **fields}
    return {"StartAt": "M", "States": {"M": state}}


@dataclass
class Worked:
    """A runner that counts its calls by their keys. ``work`` may raise ``ValueError``: the task has failed."""

    work: Work = lambda given: given
    keys: Counter[str] = field(default_factory=Counter)
    running: int = 0
    at_once: int = 0
    pause: asyncio.Event | None = None

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        self.keys[task.key] += 1
        self.running += 1
        self.at_once = max(self.at_once, self.running)
        try:
            await (asyncio.sleep(0) if self.pause is None else self.pause.wait())
            return TaskSucceeded(task.entry, self.work(task.parameters))
        except ValueError as error:
            return TaskFailed(task.entry, "Refused", str(error))
        finally:
            self.running -= 1


@dataclass
class Lane:
    nats: RealNats
    client: Client
    definition: dict[str, Any]
    folder: Path
    worked: Worked
    running: list[tuple[Conductor, Client, "asyncio.Task[None]"]] = field(default_factory=list)

    async def worker(self, name: str = "w", history: type[DurableHistory] = DurableHistory) -> Conductor:
        client = await connect(self.nats.url, user=self.nats.user, password=self.nats.password, name=name)
        machines = MachinesWithMaps(FixedMachines({"m": load_machine(self.definition, time_scale=0.01)}))
        store = MapRunStore(client)
        tools = Tools(
            machines=machines,
            tasks=Tasks({"work": self.worked, "map-run": MapRunTasks(store)}),
            history=history(client),
            token_of=token_maker(SECRET),
            observer=Silent(),
            writer=f"{name}-{random.randrange(10**9)}",
            clock=time.time,
            random=random.random,
        )
        runs = MapRuns(MapRunTools(machines, store, LocalFolder(self.folder), tools.writer, time.time))
        conductor = Conductor(client, tools, ack_wait_s=ACK_WAIT_S, consumer=CONDUCTOR, map_runs=runs)
        self.running.append((conductor, client, asyncio.create_task(conductor.run())))
        return conductor

    async def crash(self) -> None:
        """The worker's connection is cut in the middle of whatever it does, and nothing is handed back."""
        _, client, task = self.running.pop(0)
        await client.close()
        task.cancel()
        await asyncio.wait((task,), timeout=10)

    async def stop(self) -> None:
        for conductor, client, task in self.running:
            await conductor.stop()
            await asyncio.wait((task,), timeout=5)
            await close(client)

    async def start(self, given: Any, name: str = "e") -> ExecutionName:
        execution = ExecutionName("m", name)
        facts = {"StateMachine": {"Id": "arn:aws:states:us-east-1:000000000000:stateMachine:m", "Name": "m"}}
        start = records.Start("m", given, name, facts, arn=execution.arn)
        await publish(self.client, Message(records.start_subject(execution.token), start.encode(), expected_last=0))
        return execution

    async def outline(self, execution: ExecutionName) -> records.Append | None:
        """Its last append; None: there is none, or the broker is away."""
        with contextlib.suppress(NotStored):
            found = await last(self.client, records.STREAM, records.log_subject(execution.token))
            return None if found is None else records.decode_append(found.body)
        return None

    async def ended(self, execution: ExecutionName, within_s: float = 20.0) -> records.Append:
        found: list[records.Append] = []

        async def reached() -> bool:
            append = await self.outline(execution)
            found[:] = [] if append is None else [append]
            return append is not None and append.status != "RUNNING"

        await eventually(reached, within_s, lambda: str(found)[:2000])
        return found[0]

    async def map_run(self, execution: ExecutionName) -> MapRunName:
        appends = await all_of(self.client, records.STREAM, records.log_subject(execution.token))
        events = [event for append in appends for event in records.decode_append(append.body).events]
        started = next(event for event in events if event.type == "MapRunStarted")
        name = map_run_of_arn(started.details["mapRunArn"])
        assert name is not None
        return name

    async def checkpoint(self, run: MapRunName) -> map_run_records.Checkpoint:
        found = (await MapRunStore(self.client).load(run.token)).checkpoint
        assert found is not None
        return found

    async def child_starts(self) -> list[records.Start]:
        found = await all_of(self.client, records.STREAM, f"{records.START}.*")
        starts = [records.decode_start(record.body) for record in found]
        return [start for start in starts if start.map_run]


@contextlib.asynccontextmanager
async def lane(
    nats: RealNats, definition: dict[str, Any], folder: Path, work: Work = lambda given: given
) -> AsyncIterator[Lane]:
    client = await connect(nats.url, user=nats.user, password=nats.password, name="test")
    configured = setup(ack_wait_s=ACK_WAIT_S)
    await provision(client, configured.streams, configured.consumers)
    made = Lane(nats, client, definition, folder, Worked(work))
    try:
        yield made
    finally:
        await made.stop()
        await close(client)


def output(append: records.Append) -> Any:
    assert append.status == "SUCCEEDED", append.checkpoint
    return append.checkpoint["output"]
