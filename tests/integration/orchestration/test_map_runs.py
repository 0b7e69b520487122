"""Distributed Maps with a real nats-server: children, limits, failures, stops, take-overs, datasets and results."""

import asyncio
import itertools
from pathlib import Path

import orjson
import pytest

from broker.publish import Message, publish
from orchestration.asl.protocol import RedriveRequested, StopRequested
from orchestration.runtime import map_run_task, records, wakes
from orchestration.runtime.history import DurableHistory
from orchestration.tracing import state_span, trace_of
from telemetry.context import parse_trace_header
from tests.conftest import RealNats
from tests.integration.orchestration.lane import eventually
from tests.integration.orchestration.map_lane import PASS, TASK, each, lane, output

pytestmark = pytest.mark.more


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


async def test_its_children_are_in_the_trace_of_its_state(
    nats_url: RealNats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_run_task, "recording", lambda: True)
    async with lane(nats_url, each(TASK), tmp_path) as made:
        await made.worker()
        execution = await made.start([1, 2])
        await made.ended(execution)
        headers = {parse_trace_header(start.trace_header) for start in await made.child_starts()}
        (context,) = headers
        assert context is not None
        assert context.trace_id == trace_of(execution.token, "").trace_id
        assert context.parent_id == state_span(execution.token, 2)


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


async def test_a_worker_may_die_between_an_item_s_end_and_telling_it(nats_url: RealNats, tmp_path: Path) -> None:
    never = asyncio.Event()
    about_to_tell: list[str] = []

    class DiesBeforeTelling(DurableHistory):
        async def tell(self, post: records.Post, message_id: str) -> None:
            about_to_tell.append(message_id)
            await never.wait()

    async with lane(nats_url, each(TASK, MaxConcurrency=1), tmp_path) as made:
        await made.worker("a", DiesBeforeTelling)
        execution = await made.start([1, 2, 3])

        async def an_item_has_ended() -> bool:
            return bool(about_to_tell)

        await eventually(an_item_has_ended, 20)
        await made.crash()
        assert (await made.checkpoint(await made.map_run(execution))).state.finished == 0
        await made.worker("b")
        assert output(await made.ended(execution)) == [1, 2, 3]
        assert set(made.worked.keys.values()) == {1}


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
