"""Map runs: DescribeMapRun, ListMapRuns of an execution, UpdateMapRun."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from broker.errors import NotStored
from broker.publish import Message, publish
from broker.read import all_of
from orchestration.api.arns import resource_of
from orchestration.api.errors import no_such_resource, validation
from orchestration.api.protocol import Handlers
from orchestration.api.recorded import find
from orchestration.api.services import ApiServices
from orchestration.asl.map_run import MapRunState
from orchestration.errors import HistoryUnreachable
from orchestration.names import MapRunName, map_run_of_arn
from orchestration.rfc3339 import epoch_s
from orchestration.runtime import map_run_records, records
from orchestration.runtime.map_run_records import Checkpoint
from orchestration.runtime.map_run_store import MapRunStore

# AWS's name of a child's end -> the name of its count.
_COUNTS: Final = {"SUCCEEDED": "succeeded", "FAILED": "failed", "TIMED_OUT": "timedOut", "ABORTED": "aborted"}


def handlers(services: ApiServices) -> Handlers:
    store = MapRunStore(services.client)

    async def describe(request: dict[str, Any]) -> dict[str, Any]:
        return described(await _found(store, request["mapRunArn"]))

    async def listed(request: dict[str, Any]) -> dict[str, Any]:
        execution = await find(services.client, request["executionArn"])
        subject = map_run_records.index_subject(execution.token, "*")
        found = await all_of(services.client, records.STREAM, subject)
        runs = [(-record.sequence, record.subject.rpartition(".")[2]) for record in reversed(found)]
        page, token = services.pages.page(f"ListMapRuns:{execution.arn}", runs, request, lambda run: run[0])
        checkpoints = await asyncio.gather(*(_loaded(store, run) for _, run in page))
        return {"mapRuns": [_row(each) for each in checkpoints if each is not None], "nextToken": token}

    async def update(request: dict[str, Any]) -> dict[str, Any]:
        arn = request["mapRunArn"]
        checkpoint = await _found(store, arn)
        names = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")
        given = {name: request[name] for name in names if request.get(name) is not None}
        if not given:
            raise validation("At least one of the fields to be updated must be given")
        if checkpoint.state.ended:
            raise validation(f"The map run has ended and cannot be updated: '{arn}'")
        await _told(services, _name(arn), given)
        return {}

    return {"DescribeMapRun": describe, "ListMapRuns": listed, "UpdateMapRun": update}


def described(checkpoint: Checkpoint) -> dict[str, Any]:
    state = checkpoint.state
    stopped, redriven = checkpoint.stopped_at, checkpoint.redriven_at
    return {
        "mapRunArn": checkpoint.arn,
        "executionArn": checkpoint.parent_arn,
        "status": state.status,
        "startDate": epoch_s(checkpoint.began_at),
        "stopDate": epoch_s(stopped) if stopped else None,
        "maxConcurrency": state.limits.concurrency,
        "toleratedFailurePercentage": float(state.limits.tolerated_percentage or 0.0),
        "toleratedFailureCount": state.limits.tolerated_count or 0,
        "itemCounts": _counts(state.items, sum(state.running.values()), _total_items(state), state.written),
        "executionCounts": _counts(state.children, len(state.running), state.started, state.children_written),
        "redriveCount": state.redrives,
        "redriveDate": epoch_s(redriven) if redriven else None,
    }


def _total_items(state: MapRunState) -> int:
    return state.read if state.total is None else state.total


def _counts(ended: Mapping[str, int], running: int, total: int, written: int) -> dict[str, int]:
    counts = {name: ended.get(status, 0) for status, name in _COUNTS.items()}
    pending = max(0, total - running - sum(counts.values()))
    return {
        "pending": pending,
        "running": running,
        **counts,
        "total": total,
        "resultsWritten": written,
        "failuresNotRedrivable": 0,
        "pendingRedrive": 0,
    }


def _row(checkpoint: Checkpoint) -> dict[str, Any]:
    row = {
        "executionArn": checkpoint.parent_arn,
        "mapRunArn": checkpoint.arn,
        "stateMachineArn": checkpoint.machine_arn,
        "startDate": epoch_s(checkpoint.began_at),
    }
    if checkpoint.stopped_at:
        row["stopDate"] = epoch_s(checkpoint.stopped_at)
    return row


def _name(arn: str) -> MapRunName:
    resource_of(arn, "mapRun")
    name = map_run_of_arn(arn)
    if name is None:
        raise no_such_resource(arn, f"Resource not found: '{arn}'")
    return name


async def _found(store: MapRunStore, arn: str) -> Checkpoint:
    checkpoint = await _loaded(store, _name(arn).token)
    if checkpoint is None:
        raise no_such_resource(arn, f"Resource not found: '{arn}'")
    return checkpoint


async def _loaded(store: MapRunStore, run: str) -> Checkpoint | None:
    try:
        return (await store.load(run)).checkpoint
    except HistoryUnreachable as error:
        raise NotStored(str(error)) from error


async def _told(services: ApiServices, name: MapRunName, given: Mapping[str, Any]) -> None:
    body = map_run_records.encode_limits(
        concurrency=given.get("maxConcurrency"),
        tolerated_count=given.get("toleratedFailureCount"),
        tolerated_percentage=given.get("toleratedFailurePercentage"),
    )
    await publish(services.client, Message(map_run_records.limits_subject(name.token), body))
