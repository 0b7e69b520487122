"""``make bench-scale``: what many paused executions and long histories cost: memory, restarts, answers, reads.

One conductor, one API. For each number of executions that wait for a callback: the processes' memory over what they
had with none, how soon a killed conductor and a killed API are back, and how long an answer, a description and a page
of a list take. For each length of a history: how long the answer that ends it takes, and what reading it takes.
"""

import argparse
import asyncio
import itertools
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson
import uvloop
from nats.aio.client import Client

from bench.clients import StepFunctions
from bench.endings import Endings
from broker.connection import close, connect
from lab.embedded import Lab
from lab.topology import API, BROKER, STEP_FUNCTIONS, LabConfig, name_of
from orchestration.names import ExecutionName
from orchestration.tasks.http_client import Address, HttpClient
from orchestration.tasks.posting import STREAM as POSTS

PAUSED: Final = (10, 1_000, 10_000, 100_000)
EVENTS: Final = (10, 1_000, 25_000)
MACHINE: Final = "scale"
CONDUCTOR: Final = "conductor-1"
ANSWERED: Final = 50
CLIENTS: Final = 64
LEAST_EVENTS: Final = 12  # of an execution that goes through its loop no time
EVENTS_A_ROUND: Final = 4
SETTLED_WITHIN_S: Final = 600.0
PAGE: Final = 1000
MIB: Final = 1024 * 1024


def definition() -> dict[str, Any]:
    """Goes round ``$.rounds``, a list, and then asks somebody, who is told the task's token."""
    asked = {"QueueUrl": "https://sqs/000000000000/scale", "MessageBody": {"token.$": "$$.Task.Token"}}
    every = {
        "Type": "Map",
        "ItemsPath": "$.rounds",
        "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "Result": 1, "End": True}}},
        "ResultPath": None,
        "Next": "Ask",
    }
    ask = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": asked}
    return {"StartAt": "Rounds", "States": {"Rounds": every, "Ask": {**ask, "End": True}}}


@dataclass
class Scale:
    lab: Lab
    api: StepFunctions
    machine: str
    client: Client
    endings: Endings
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def start(self, rounds: int = 0) -> str:
        """An execution's name."""
        name = f"e{next(self._numbers)}"
        given = orjson.dumps({"rounds": [0] * rounds}).decode()
        await self.api.call("StartExecution", {"stateMachineArn": self.machine, "name": name, "input": given})
        return name

    def arn(self, name: str) -> str:
        return ExecutionName(MACHINE, name).arn

    async def token(self, name: str) -> str:
        """Of the task that it waits for."""
        request = {"executionArn": self.arn(name), "reverseOrder": True, "maxResults": 5}
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while time.monotonic() < deadline:
            for event in (await self.api.call("GetExecutionHistory", request))["events"]:
                if event["type"] == "TaskScheduled":
                    parameters = json.loads(event["taskScheduledEventDetails"]["parameters"])
                    return str(parameters["MessageBody"]["token"])
            await asyncio.sleep(0.05)
        raise RuntimeError(f"{name} never asked")

    async def answer(self, name: str, token: str) -> float:
        """Seconds from the answer to the execution's stored end."""
        ended = self.endings.expect(ExecutionName(MACHINE, name))
        began = time.perf_counter()
        await self.api.call("SendTaskSuccess", {"taskToken": token, "output": "{}"})
        if (status := await asyncio.wait_for(ended, 60)) != "SUCCEEDED":
            raise RuntimeError(f"{name} {status}")
        return time.perf_counter() - began

    async def asked(self) -> int:
        """How many messages the executions have sent so far: one each, when it begins to wait."""
        answer = await self.client.request(f"$JS.API.STREAM.INFO.{POSTS}", b"", timeout=10)
        return int(orjson.loads(answer.data)["state"]["messages"])

    async def get(self, path: str) -> float:
        """Seconds that a GET of the API's takes."""
        began = time.perf_counter()
        async with aiohttp.request("GET", f"{self.lab.url(STEP_FUNCTIONS, API)}{path}") as answer:
            await answer.read()
            answer.raise_for_status()
        return time.perf_counter() - began

    async def call(self, operation: str, **request: Any) -> float:
        began = time.perf_counter()
        await self.api.call(operation, request)
        return time.perf_counter() - began

    def memory_mib(self) -> dict[str, float]:
        return {status.name.removeprefix(f"{STEP_FUNCTIONS}-"): status.rss_bytes / MIB for status in self.lab.status()}

    async def back_after_kill(self, component: str) -> float:
        """Seconds from the kill until it says that it is ready."""
        name = name_of(STEP_FUNCTIONS, component)
        began = time.perf_counter()
        await self.lab.kill(name)
        await self.lab.wait_ready(name, 120)
        return time.perf_counter() - began


async def paused(scale: Scale, more: int) -> None:
    """So many more executions, each of which waits."""
    before = await scale.asked()
    todo = iter(range(more))

    async def client() -> None:
        for _ in todo:
            await scale.start()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CLIENTS):
            tasks.create_task(client())
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while await scale.asked() < before + more:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{await scale.asked() - before} of {more} executions wait")
        await asyncio.sleep(0.5)


async def seconds(times: int, ask: Callable[[], Awaitable[float]]) -> list[float]:
    return [await ask() for _ in range(times)]


async def of_paused(scale: Scale, count: int, idle: dict[str, float]) -> dict[str, Any]:
    names = [await scale.start() for _ in range(ANSWERED)]
    tokens = [await scale.token(name) for name in names]
    grown = {name: round(now - idle[name], 1) for name, now in scale.memory_mib().items()}
    answers = sorted([await scale.answer(*each) for each in zip(names, tokens, strict=True)])
    described = await seconds(20, lambda: scale.call("DescribeExecution", executionArn=scale.arn("e0")))
    listed = await seconds(
        5, lambda: scale.call("ListExecutions", stateMachineArn=scale.machine, statusFilter="RUNNING", maxResults=100)
    )
    waits = await seconds(5, lambda: scale.get("/executions?waiting=callback&limit=100"))
    back = await scale.back_after_kill(CONDUCTOR)
    first = await scale.start()
    again = await scale.answer(first, await scale.token(first))
    return {
        "paused": count,
        "conductor MiB": grown[CONDUCTOR],
        "API MiB": grown[API],
        "broker MiB": grown[BROKER],
        "answer p50 ms": _ms(median(answers)),
        "p99 ms": _ms(answers[int(len(answers) * 0.99)]),
        "describe ms": _ms(median(described)),
        "list ms": _ms(median(listed)),
        "waiting ms": _ms(median(waits)),
        "conductor back s": round(back, 2),
        "first answer ms": _ms(again),
        "API back s": round(await scale.back_after_kill(API), 2),
        "its list ms": _ms(await scale.call("ListExecutions", stateMachineArn=scale.machine, maxResults=100)),
    }


async def of_history(scale: Scale, events: int) -> dict[str, Any]:
    name = await scale.start(max(0, events - LEAST_EVENTS) // EVENTS_A_ROUND)
    token = await scale.token(name)
    arn = scale.arn(name)
    described = await seconds(5, lambda: scale.call("DescribeExecution", executionArn=arn))
    page = await seconds(3, lambda: scale.call("GetExecutionHistory", executionArn=arn, maxResults=PAGE))
    last = await seconds(
        3, lambda: scale.call("GetExecutionHistory", executionArn=arn, maxResults=10, reverseOrder=True)
    )
    took = await scale.answer(name, token)
    began = time.perf_counter()
    count = await whole_history(scale, arn)
    return {
        "events": count,
        "answer ms": _ms(took),
        "describe ms": _ms(median(described)),
        "first page ms": _ms(median(page)),
        "last 10 ms": _ms(median(last)),
        "whole ms": _ms(time.perf_counter() - began),
        "story ms": _ms(await scale.get(f"/executions/{quote(arn, safe=':')}")),
    }


async def whole_history(scale: Scale, arn: str) -> int:
    """All pages; how many events there are."""
    request: dict[str, Any] = {"executionArn": arn, "maxResults": PAGE}
    count = 0
    while True:
        told = await scale.api.call("GetExecutionHistory", request)
        count += len(told["events"])
        if not told.get("nextToken"):
            return count
        request["nextToken"] = told["nextToken"]


@asynccontextmanager
async def everything_up(home: Path, port: int) -> AsyncIterator[Scale]:
    config = LabConfig(home=home / "lab", port_base=port - 2, lanes=(STEP_FUNCTIONS,), conductors=1)
    async with Lab(config) as lab:
        access = lab.broker(STEP_FUNCTIONS)
        client = await connect(access.url, user=access.user, password=access.password, name="bench")
        http = HttpClient()
        api = StepFunctions(http, Address.of(lab.url(STEP_FUNCTIONS, API)))
        try:
            machine = await api.create(MACHINE, definition(), "STANDARD")
            async with Endings(client) as endings:
                yield Scale(lab, api, machine, client, endings)
        finally:
            await http.close()
            await close(client)


async def main(options: argparse.Namespace) -> None:
    home = Path(tempfile.mkdtemp(prefix="bench-scale-"))
    try:
        async with everything_up(home, options.port) as scale:
            histories = [await of_history(scale, events) for events in options.events]
            _print("histories", histories)
        shutil.rmtree(home)
        async with everything_up(home, options.port) as scale:
            await paused(scale, options.paused[0])
            idle, counts, there = scale.memory_mib(), [], options.paused[0]
            for count in options.paused:
                await paused(scale, count - there)
                there = count
                counts.append(await of_paused(scale, count, idle))
                print(f"{count} paused", file=sys.stderr)
            _print("paused executions", counts)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 2)


def _print(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """As a table of Markdown."""
    table: Iterable[Iterable[Any]] = [rows[0], ["---:"] * len(rows[0]), *(row.values() for row in rows)]
    print(f"\n{title}\n")
    for row in table:
        print(f"| {' | '.join(map(str, row))} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--paused", type=int, nargs="+", default=list(PAUSED))
    parser.add_argument("--events", type=int, nargs="+", default=list(EVENTS))
    parser.add_argument("--port", type=int, default=9283, help="of the API; the broker is two below")
    return parser.parse_args()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(_options()))
