"""Bringing a map run's results together: into the state's output, or, exported, into files of a bucket.

Results are read from the ends that the children told, a bounded number at a time.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from orchestration.asl.distributed import WRITER_FAILED, Plan
from orchestration.asl.errors import StatesError
from orchestration.asl.map_results import Gathering, results, transformation
from orchestration.asl.map_run import MapRunState, ResultsGathered
from orchestration.datasets.errors import DatasetError, StoreUnreachable
from orchestration.datasets.store import ObjectStore
from orchestration.errors import HistoryUnreachable
from orchestration.runtime.map_run_store import MapRunStore

AT_ONCE: Final = 64
FILE_BYTES: Final = 8 * 1024 * 1024
TRIES: Final = 5
FIRST_PAUSE_S: Final = 0.2
KINDS: Final = ("FAILED", "PENDING", "SUCCEEDED")


async def gather_results(
    store: MapRunStore, objects: ObjectStore | None, run: str, plan: Plan, state: MapRunState
) -> ResultsGathered:
    """Raises ``StatesError``: they are too large, or cannot be written; and ``HistoryUnreachable``."""
    ends = _ends(store, run, state.started)
    if not (plan.get("writer") or {}).get("resource"):
        gathering = Gathering(plan)
        async for end in ends:
            gathering.add(end)
        return ResultsGathered(gathering.output)
    export = _Export(objects, plan)
    try:
        async for end in ends:
            await export.add(end)
        output = await export.finish()
    except (DatasetError, StoreUnreachable) as error:
        raise StatesError(WRITER_FAILED, str(error)) from error
    return ResultsGathered(output, exported=True)


async def _ends(store: MapRunStore, run: str, count: int) -> AsyncIterator[dict[str, Any]]:
    """How the children ended, in the order of their numbers."""
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        for number, end in zip(numbers, await asyncio.gather(*(store.child_end(run, n) for n in numbers)), strict=True):
            if end is None:
                raise HistoryUnreachable(f"{run}: the end of child {number} is not to be seen yet")
            yield dict(end.child)


@dataclass
class _Export:
    """Files of one kind of ending each; a full one is written before the next is begun."""

    objects: ObjectStore | None
    plan: Plan
    files: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    _open: dict[str, list[bytes]] = field(default_factory=dict)
    _bytes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parameters = self.plan["writer"]["parameters"]
        self.bucket, prefix = parameters.get("Bucket"), str(parameters.get("Prefix", "")).strip("/")
        if not isinstance(self.bucket, str):
            raise StatesError(WRITER_FAILED, "The parameter 'Bucket' of the ResultWriter must be a string")
        self.folder = f"{prefix}/{self.plan['run']}" if prefix else str(self.plan["run"])
        self.lines = self.plan["writer"]["config"].get("OutputType", "JSON") == "JSONL"

    async def add(self, end: dict[str, Any]) -> None:
        kind = "SUCCEEDED" if end["Status"] == "SUCCEEDED" else "FAILED"
        for result in results(transformation(self.plan), (end,)):
            line = orjson.dumps(result)
            self._open.setdefault(kind, []).append(line)
            self._bytes[kind] = self._bytes.get(kind, 0) + len(line)
        if self._bytes.get(kind, 0) >= FILE_BYTES:
            await self._flush(kind)

    async def finish(self) -> dict[str, Any]:
        """Writes the manifest; the state's output."""
        for kind in tuple(self._open):
            await self._flush(kind)
        manifest = {
            "DestinationBucket": self.bucket,
            "MapRunArn": self.plan["arn"],
            "ResultFiles": self.files,
        }
        key = f"{self.folder}/manifest.json"
        await self._put(key, orjson.dumps(manifest))
        return {"MapRunArn": self.plan["arn"], "ResultWriterDetails": {"Bucket": self.bucket, "Key": key}}

    async def _flush(self, kind: str) -> None:
        lines = self._open.pop(kind, [])
        self._bytes[kind] = 0
        if not lines:
            return
        body = b"\n".join(lines) + b"\n" if self.lines else b"[" + b",".join(lines) + b"]"
        key = f"{self.folder}/{kind}_{len(self.files[kind])}.{'jsonl' if self.lines else 'json'}"
        await self._put(key, body)
        self.files[kind].append({"Key": key, "Size": len(body)})

    async def _put(self, key: str, body: bytes) -> None:
        if self.objects is None:
            raise DatasetError("no datasets are configured: set LAB_DATASETS or AWS_ENDPOINT_URL_S3")
        pause_s = FIRST_PAUSE_S
        for number in range(TRIES):
            try:
                await self.objects.put(self.bucket, key, body)
                return
            except StoreUnreachable:
                if number + 1 == TRIES:
                    raise
                await asyncio.sleep(pause_s)
                pause_s *= 2
