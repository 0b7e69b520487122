"""Attacks on the API and the conductors, from a process of their own.

    python -m tests.long.attacks ENDPOINT BROKER_URL NAME SECONDS

Makes one attack again and again, prints how often, and fails where one gets another answer than it must.
"""

import asyncio
import contextlib
import itertools
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.clients import StepFunctions as Api
from bench.endings import Endings
from broker.connection import close, connect
from orchestration.names import ExecutionName, machine_arn
from orchestration.tasks.http_client import Address, CallFailed, HttpClient
from tests.conftest import PASSWORD, USER

ATTACKERS = 4
PAUSE_S = 0.1
END_WITHIN_S = 300.0
ROLE = "arn:aws:iam::000000000000:role/any"
BOMB = "$sum($map([1..100000], function($n) { $n * 2 }))"
REGEX = "$match($join([1..30].('a')) & '!', /(?=(a+)+$)b|(a|aa)+$/)"
ITEMS = 130_000
BUCKET, KEY, MANY = "data", "million.jsonl", 1_000_000
HTTP = "http://payment/do"


def states(**machine: dict[str, Any]) -> str:
    return orjson.dumps({"StartAt": next(iter(machine)), "QueryLanguage": "JSONata", "States": machine}).decode()


def passes(expression: str, count: int = 1) -> str:
    """So many states in a row that evaluate it, whatever comes of it."""
    names = [f"S{number}" for number in range(count)]
    body = {"Type": "Pass", "Output": f"{{% $count([1..3].({expression})) %}}"}
    found = {name: body | {"Next": following} for name, following in itertools.pairwise(names)}
    return states(**found, **{names[-1]: body | {"End": True}})


def write_dataset(datasets: Path) -> None:
    """What the distributed Map reads, in the folder that ``LAB_DATASETS`` names."""
    (datasets / BUCKET).mkdir(parents=True)
    (datasets / BUCKET / KEY).write_text("\n".join(f'{{"n": {number}}}' for number in range(MANY)), encoding="utf-8")


def nested(levels: int) -> str:
    return '{"StartAt":"A","States":{"A":{"Type":"Parallel","End":true,"Branches":[' * levels + "]}}}" * levels


def large() -> str:
    """Nearly a megabyte of expressions."""
    expression = f"{{% {' + '.join(['$states.input.a'] * 120)} %}}"
    names = [f"S{number}" for number in range(400)]
    body = {"Type": "Pass", "Output": expression}
    found = {name: body | {"Next": following} for name, following in itertools.pairwise([*names, "End"])}
    return states(**found, End={"Type": "Succeed"})


@dataclass
class Client:
    """One client of the API, who also learns how executions end."""

    endpoint: str
    http: HttpClient
    endings: Endings

    async def error_of(self, operation: str, body: bytes) -> str:
        """The error that a request gets; nothing, where it is taken."""
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AWSStepFunctions.{operation}"}
        try:
            answer = await self.http.post(Address.of(self.endpoint), "/", body, headers, END_WITHIN_S)
        except CallFailed:
            return "closed"
        told = orjson.loads(answer.body)
        return str(told["__type"]) if answer.status != 200 else ""

    async def run(self, machine: str, given: Any, *, stop_after_s: float | None = None) -> str:
        """How it ended, when that is stored. Stopped, where it has not ended after ``stop_after_s``."""
        name = uuid.uuid4().hex
        ended = self.endings.expect(ExecutionName(machine, name))
        request = {"stateMachineArn": machine_arn(machine), "name": name, "input": orjson.dumps(given).decode()}
        api = Api(self.http, Address.of(self.endpoint))
        started = await api.call("StartExecution", request)
        if stop_after_s is not None:
            await asyncio.wait({ended}, timeout=stop_after_s)
            await api.call("StopExecution", {"executionArn": started["executionArn"]})
        return await asyncio.wait_for(ended, END_WITHIN_S)


Attack = Callable[[Client], Awaitable[None]]


def refused(operation: str, *errors: str, **request: Any) -> Attack:
    body = orjson.dumps(request)

    async def attack(client: Client) -> None:
        assert await client.error_of(operation, body) in errors

    return attack


def failing(machine: str, given: Any) -> Attack:
    async def attack(client: Client) -> None:
        assert await client.run(machine, given) == "FAILED"

    return attack


def stopped(machine: str, after_s: float) -> Attack:
    """Begins what would take hours, and lets go of it again."""

    async def attack(client: Client) -> None:
        assert await client.run(machine, {}, stop_after_s=after_s) == "ABORTED"

    return attack


def told_again(token: str) -> Attack:
    return refused("SendTaskSuccess", "TaskTimedOut", "InvalidToken", taskToken=token, output="{}")


MACHINES = {
    "bombs": passes(BOMB, 20),
    "regexes": passes(REGEX, 20),
    "wide": states(
        Each={
            "Type": "Map",
            "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}},
            "End": True,
        }
    ),
    "ranges": passes("$sum([1..870000])", 20),
    "million": states(
        Each={
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSONL"},
                "Arguments": {"Bucket": BUCKET, "Key": KEY},
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "P",
                "States": {"P": {"Type": "Pass", "End": True}},
            },
            "End": True,
        }
    ),
}
OTHER = states(Call={"Type": "Task", "Resource": HTTP, "Arguments": "{% $states.input %}", "End": True})
ATTACKS: dict[str, Attack] = {
    "body of 10 MB": refused("CreateStateMachine", "RequestEntityTooLargeException", "closed", name="x" * 10_000_000),
    "nested 10,000 deep": refused(
        "CreateStateMachine", "InvalidDefinition", name="m", roleArn=ROLE, definition=nested(10_000)
    ),
    "a megabyte of expressions": refused(
        "ValidateStateMachineDefinition", "", "ThrottlingException", definition=large()
    ),
    "names with control characters": refused(
        "CreateStateMachine", "InvalidName", name="a\u0007\n", roleArn=ROLE, definition=OTHER
    ),
    "forged tokens": told_again("e~~x.2.1." + "0" * 32),
    "JSONata that never ends, tested": refused(
        "TestState",
        "",
        "ThrottlingException",
        roleArn=ROLE,
        definition=orjson.dumps(
            {"Type": "Pass", "QueryLanguage": "JSONata", "Output": f"{{% {BOMB} %}}", "End": True}
        ).decode(),
    ),
    "JSONata that never ends": failing("bombs", {}),
    "regular expressions that never end": failing("regexes", {}),
    "ranges": failing("ranges", {}),
    "inline Map of 130,000 items": failing("wide", [0] * ITEMS),
    "distributed Map of a million items": stopped("million", 3.0),
}


@contextlib.asynccontextmanager
async def connected(endpoint: str, broker_url: str) -> AsyncIterator[Client]:
    http = HttpClient()
    client = await connect(broker_url, user=USER, password=PASSWORD, name="test")
    try:
        async with Endings(client) as endings:
            yield Client(endpoint, http, endings)
    finally:
        await http.close()
        await close(client)


async def main(endpoint: str, broker_url: str, name: str, for_s: float) -> None:
    made = 0

    async def attacker(client: Client, until: float) -> None:
        nonlocal made
        while time.monotonic() < until:
            await ATTACKS[name](client)
            made += 1
            await asyncio.sleep(PAUSE_S)

    async with connected(endpoint, broker_url) as client, asyncio.TaskGroup() as tasks:
        for _ in range(ATTACKERS):
            tasks.create_task(attacker(client, time.monotonic() + for_s))
    print(made)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], float(sys.argv[4])))
