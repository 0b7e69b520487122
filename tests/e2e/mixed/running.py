"""Three conductors, the API, a broker and a receiver, and executions of every kind started at a steady pace."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bench.clients import StepFunctions as Api
from broker.connection import close, connect
from orchestration.names import ExecutionName, machine_arn
from orchestration.tasks.http_client import Address, CallFailed, HttpClient
from tests.conftest import PASSWORD, USER
from tests.e2e.mixed.following import Follower
from tests.e2e.mixed.machines import ANSWER, Kind, child, given, kinds
from tests.e2e.mixed.receiver import Receiver
from tests.integration.orchestration.step_functions import StepFunctions, step_functions

CONDUCTORS = ("conductor-1", "conductor-2", "conductor-3")
BROKER = "broker"
HEARD_WITHIN_S = 60.0
GONE = ("TaskTimedOut", "TaskDoesNotExist")


@dataclass
class Mixed:
    """``started``: execution's token -> its kind, name and number."""

    processes: StepFunctions
    receiver: Receiver
    api: Api
    kinds: tuple[Kind, ...]
    follower: Follower
    started: dict[str, tuple[Kind, str, int]] = field(default_factory=dict)
    _answers: set[asyncio.Task[None]] = field(default_factory=set)

    async def load(self, numbers: range, rate_per_s: float) -> None:
        """Starts leave at a steady pace, however slow the answers are."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as starting:
            for turn, number in enumerate(numbers):
                await asyncio.sleep(max(0.0, began + turn / rate_per_s - time.monotonic()))
                starting.create_task(self.start(number))

    async def start(self, number: int) -> None:
        kind = self.kinds[number % len(self.kinds)]
        name = f"{kind.name}-{number}"
        given_text = orjson.dumps(given(name, number)).decode()
        request = {"stateMachineArn": machine_arn(kind.name), "name": name, "input": given_text}
        await self._insist("StartExecution", request, ("ExecutionAlreadyExists",))
        self.started[ExecutionName(kind.name, name).token] = (kind, name, number)

    def answer(self, question: dict[str, Any]) -> None:
        request = {"taskToken": question["token"], "output": orjson.dumps(ANSWER).decode()}
        task = asyncio.create_task(self._insist("SendTaskSuccess", request, GONE))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def all_ended(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        stories = self.follower.stories
        while unfinished := [token for token in self.started if token not in stories or not stories[token].ended]:
            assert time.monotonic() < deadline, f"{len(unfinished)} never ended: {unfinished[:5]}"
            await asyncio.sleep(0.2)

    async def _insist(self, operation: str, request: dict[str, Any], done: tuple[str, ...]) -> None:
        """As a client with retries does; an error in ``done`` says that an earlier try was heard."""
        give_up_at = time.monotonic() + HEARD_WITHIN_S
        while True:
            try:
                await self.api.call(operation, request)
                return
            except (RuntimeError, CallFailed, TimeoutError) as error:
                if any(name in str(error) for name in done):
                    return
                if time.monotonic() > give_up_at:
                    raise
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def mixed(folder: Path) -> AsyncIterator[Mixed]:
    receiver = Receiver()
    await receiver.start()
    http = HttpClient()
    entering = step_functions(folder, {"LAB_PAYMENT_URL": receiver.url, "LAB_TIME_SCALE": "1"})
    processes = await asyncio.to_thread(entering.__enter__)
    try:
        await asyncio.gather(*(asyncio.to_thread(processes.launch, name) for name in CONDUCTORS[1:]))
        api = Api(http, Address.of(processes.endpoint))
        made = kinds(await api.create("child", child(), "STANDARD"))
        for kind in made:
            await api.create(kind.name, kind.definition, "STANDARD")
        client = await connect(processes.nats.url, user=USER, password=PASSWORD, name="test")
        follower = Follower(client, lambda question: running.answer(question))
        running = Mixed(processes, receiver, api, made, follower)
        following = asyncio.create_task(follower.follow())
        try:
            yield running
        finally:
            following.cancel()
            await close(client)
    finally:
        await asyncio.to_thread(entering.__exit__, None, None, None)
        await http.close()
        await receiver.stop()


def check(running: Mixed) -> None:
    """Every execution ended as it must, with each effect once, under a whole history like that of its kind."""
    effects = running.receiver.effects_of()
    alike: dict[tuple[str, int], Counter[tuple[str, str]]] = {}
    for token, (kind, name, number) in running.started.items():
        story, expected = running.follower.stories[token], kind.outcome(name, number)
        last = story.appends[-1].last
        end = (last.status, last.checkpoint.get("output"), last.checkpoint.get("error"))
        assert end == (expected.status, expected.output, expected.error), name
        assert effects.get(name, Counter()) == expected.effects, name
        same = alike.setdefault((kind.name, number % 12), story.told())
        assert story.told() == same, f"{name} tells another story than its like"
    for token, story in running.follower.stories.items():
        try:
            story.check_whole()
        except AssertionError as error:
            error.add_note(token)
            raise
