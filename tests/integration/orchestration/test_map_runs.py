"""Distributed Maps with a real nats-server: children, limits, failures, stops, take-overs, datasets and results."""

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from nats.aio.client import Client

from broker.connection import close, connect
from broker.errors import NotStored
from broker.provision import provision
from broker.publish import Message, publish
from broker.read import all_of, last
from orchestration.asl.interpreter import load_machine
from orchestration.asl.protocol import RedriveRequested, RunTask, StopRequested, TaskFailed, TaskSucceeded
from orchestration.broker_setup import CONDUCTOR, setup
from orchestration.datasets.store import LocalFolder
from orchestration.names import ExecutionName, MapRunName, map_run_of_arn
from orchestration.runtime import map_run_records, records, wakes
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

pytestmark = pytest.mark.more

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

    async def worker(self, name: str = "w") -> Conductor:
        client = await connect(self.nats.url, user=self.nats.user, password=self.nats.password, name=name)
        machines = MachinesWithMaps(FixedMachines({"m": load_machine(self.definition, time_scale=0.01)}))
        store = MapRunStore(client)
        tools = Tools(
            machines=machines,
            tasks=Tasks({"work": self.worked, "map-run": MapRunTasks(store)}),
            history=DurableHistory(client),
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


async def test_every_item_is_an_execution_of_its_own(nats_url: RealNats, tmp_path: Path) -> None:
    async with lane(nats_url, each(TASK), tmp_path, lambda given: given * 2) as made:
        await made.worker()
        execution = await made.start([1, 2, 3])
        assert output(await made.ended(execution)) == [2, 4, 6]
        run = await made.map_run(execution)
        starts = await made.child_starts()
        assert [start.map_run for start in starts] == [run.arn] * 3
        assert all(start.arn.startswith("arn:aws:states:us-east-1:000000000000:execution:m/each:") for start in starts)
        state = (await made.checkpoint(run)).state
        assert (state.status, state.items, state.children) == ("SUCCEEDED", {"SUCCEEDED": 3}, {"SUCCEEDED": 3})
        assert (await made.checkpoint(run)).stopped_at


async def test_an_empty_dataset_gives_an_empty_output(nats_url: RealNats, tmp_path: Path) -> None:
    async with lane(nats_url, each(PASS), tmp_path) as made:
        await made.worker()
        assert output(await made.ended(await made.start([]))) == []


async def test_children_may_be_express(nats_url: RealNats, tmp_path: Path) -> None:
    async with lane(nats_url, each(TASK, kind="EXPRESS"), tmp_path) as made:
        await made.worker()
        assert output(await made.ended(await made.start(["a", "b"]))) == ["a", "b"]


async def test_no_more_children_than_max_concurrency_run_at_once(nats_url: RealNats, tmp_path: Path) -> None:
    async with lane(nats_url, each(TASK, MaxConcurrency=3), tmp_path) as made:
        made.worked.pause = asyncio.Event()
        await made.worker("a")
        await made.worker("b")
        execution = await made.start(list(range(20)))

        async def three_run() -> bool:
            return made.worked.running == 3

        await eventually(three_run)
        assert len(await made.child_starts()) == 3
        made.worked.pause.set()
        assert output(await made.ended(execution)) == list(range(20))
        assert made.worked.at_once == 3


async def test_where_children_take_their_time_more_of_them_run_at_once(nats_url: RealNats, tmp_path: Path) -> None:
    async with lane(nats_url, each(TASK), tmp_path) as made:
        made.worked.pause = asyncio.Event()
        await made.worker()
        execution = await made.start(list(range(220)))

        async def all_run() -> bool:
            return made.worked.running == 220

        await eventually(all_run)
        made.worked.pause.set()
        assert output(await made.ended(execution)) == list(range(220))


def refusing_odd(given: int) -> int:
    if given % 2:
        raise ValueError("odd")
    return given


async def test_more_failures_than_are_tolerated_fail_the_state(nats_url: RealNats, tmp_path: Path) -> None:
    async with lane(nats_url, each(TASK, ToleratedFailureCount=1), tmp_path, refusing_odd) as made:
        await made.worker()
        execution = await made.start([0, 1, 2, 3, 4])
        ended = await made.ended(execution)
        assert (ended.status, ended.summary["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
        assert (await made.checkpoint(await made.map_run(execution))).state.status == "FAILED"


async def test_tolerated_failures_are_told_in_the_output(nats_url: RealNats, tmp_path: Path) -> None:
    async with lane(nats_url, each(TASK, ToleratedFailurePercentage=50), tmp_path, refusing_odd) as made:
        await made.worker()
        first, second, third = output(await made.ended(await made.start([0, 1, 2])))
        assert (first, third) == (0, 2)
        assert (second["Status"], second["Error"], second["Cause"]) == ("FAILED", "Refused", "odd")


async def test_stopping_the_parent_stops_the_map_run_and_its_children(nats_url: RealNats, tmp_path: Path) -> None:
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 99_999_999, "End": True}}}
    async with lane(nats_url, each(waiting), tmp_path) as made:
        await made.worker()
        execution = await made.start([1, 2, 3])

        async def all_started() -> bool:
            return len(await made.child_starts()) == 3

        await eventually(all_started)
        stop = Message(records.stop_subject(execution.token), wakes.encode_wake(StopRequested("E", "C")))
        await publish(made.client, stop)
        assert (await made.ended(execution)).status == "ABORTED"
        run = await made.map_run(execution)

        async def run_stopped() -> bool:
            return (await made.checkpoint(run)).state.status == "ABORTED"

        await eventually(run_stopped)
        assert (await made.checkpoint(run)).state.children == {"ABORTED": 3}


async def test_a_redrive_runs_the_failed_children_again_and_no_others(nats_url: RealNats, tmp_path: Path) -> None:
    broken = True

    def work(given: int) -> int:
        return refusing_odd(given) if broken else given

    async with lane(nats_url, each(TASK, MaxConcurrency=1, ToleratedFailureCount=1), tmp_path, work) as made:
        await made.worker()
        execution = await made.start([0, 1, 2, 3, 4, 5])
        assert (await made.ended(execution)).status == "FAILED"
        run = await made.map_run(execution)
        assert (await made.checkpoint(run)).state.children == {"SUCCEEDED": 2, "FAILED": 2}
        broken = False
        wake = Message(records.redrive_subject(execution.token), wakes.encode_wake(RedriveRequested(1)))
        await publish(made.client, wake)

        async def redriven() -> bool:
            append = await made.outline(execution)
            return append is not None and append.status == "SUCCEEDED"

        await eventually(redriven, what=lambda: str(made.worked.keys))
        assert output(await made.ended(execution)) == [0, 1, 2, 3, 4, 5]
        checkpoint = await made.checkpoint(run)
        assert (checkpoint.state.redrives, checkpoint.state.children) == (1, {"SUCCEEDED": 6})
        assert checkpoint.redriven_at
        assert sorted(made.worked.keys.values()) == [1, 1, 1, 1, 2, 2]


async def test_killing_workers_neither_loses_nor_repeats_a_child(nats_url: RealNats, tmp_path: Path) -> None:
    count = 300
    async with lane(nats_url, each(TASK, MaxConcurrency=20), tmp_path) as made:
        names = (f"w{number}" for number in itertools.count())
        await made.worker(next(names))
        await made.worker(next(names))
        execution = await made.start(list(range(count)))
        for share in range(1, 8):

            async def so_far(least: int = share * count // 10) -> bool:
                return len(made.worked.keys) >= least

            await eventually(so_far, 30)
            await made.crash()
            await made.worker(next(names))
        assert output(await made.ended(execution, 60)) == list(range(count))
        starts = [start.arn for start in await made.child_starts()]
        assert len(starts) == len(set(starts)) == count
        assert len(made.worked.keys) == count


async def test_a_broker_that_is_killed_neither_loses_nor_repeats_a_child(nats_url: RealNats, tmp_path: Path) -> None:
    count = 120
    async with lane(nats_url, each(TASK, MaxConcurrency=10), tmp_path) as made:
        await made.worker("a")
        await made.worker("b")
        execution = await made.start(list(range(count)))
        for share in (1, 3, 5):

            async def so_far(least: int = share * count // 8) -> bool:
                return len(made.worked.keys) >= least

            await eventually(so_far, 30)
            await nats_url.restart()
        assert output(await made.ended(execution, 60)) == list(range(count))
        starts = [start.arn for start in await made.child_starts()]
        assert len(starts) == len(set(starts)) == len(made.worked.keys) == count


async def test_a_child_may_have_a_distributed_map_of_its_own(nats_url: RealNats, tmp_path: Path) -> None:
    inner = each(TASK)["States"]["M"]
    outer = {"StartAt": "Inner", "States": {"Inner": {**inner, "Label": "inner"}}}
    async with lane(nats_url, each(outer), tmp_path) as made:
        await made.worker()
        assert output(await made.ended(await made.start([[1, 2], [3]]))) == [[1, 2], [3]]


async def test_items_are_read_from_a_file_and_results_written_to_one(nats_url: RealNats, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    lines = [orjson.dumps({"n": number}) for number in range(1000)]
    (tmp_path / "data" / "in.jsonl").write_bytes(b"\n".join(lines))
    definition = each(
        PASS,
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSONL", "MaxItems": 950},
            "Parameters": {"Bucket": "data", "Key.$": "$.key"},
        },
        ItemSelector={"n.$": "$$.Map.Item.Value.n", "i.$": "$$.Map.Item.Index"},
        ItemBatcher={"MaxItemsPerBatch": 100, "BatchInput": {"from.$": "$.key"}},
        ResultWriter={
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "data", "Prefix": "out"},
            "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"},
        },
    )
    async with lane(nats_url, definition, tmp_path) as made:
        await made.worker()
        execution = await made.start({"key": "in.jsonl"})
        told = output(await made.ended(execution))
        run = await made.map_run(execution)
        assert told == {
            "MapRunArn": run.arn,
            "ResultWriterDetails": {"Bucket": "data", "Key": f"out/{run.run}/manifest.json"},
        }
        manifest = orjson.loads((tmp_path / "data" / told["ResultWriterDetails"]["Key"]).read_bytes())
        (file,) = manifest["ResultFiles"]["SUCCEEDED"]
        batches = orjson.loads((tmp_path / "data" / file["Key"]).read_bytes())
        assert [len(batch["Items"]) for batch in batches] == [100] * 9 + [50]
        assert batches[-1]["Items"][-1] == {"n": 949, "i": 949}
        assert batches[0]["BatchInput"] == {"from": "in.jsonl"}
        assert (await made.checkpoint(run)).state.written == 950


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"3", "Attempting to map over non-iterable node."), (None, "The specified key does not exist")],
)
async def test_an_unreadable_dataset_fails_the_state(
    nats_url: RealNats, tmp_path: Path, content: bytes | None, cause: str
) -> None:
    (tmp_path / "data").mkdir()
    if content is not None:
        (tmp_path / "data" / "in.json").write_bytes(content)
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "data", "Key": "in.json"},
    }
    async with lane(nats_url, each(PASS, ItemReader=reader), tmp_path) as made:
        await made.worker()
        ended = await made.ended(await made.start({}))
        assert ended.summary["error"] == "States.ItemReaderFailed"
        assert cause in ended.summary["cause"]
