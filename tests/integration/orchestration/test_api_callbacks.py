"""Task tokens over the API, and activities: workers that fetch their tasks."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError

from broker.connection import close, connect
from orchestration.activity_subjects import STREAM, consumer_of
from tests.conftest import RealNats
from tests.integration.orchestration.step_functions import (
    StepFunctions,
    create,
    ended,
    history,
    step_functions,
    until,
)

pytestmark = pytest.mark.more

POLL_TIMEOUT_S = 70.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepFunctions]:
    with step_functions(tmp_path_factory.mktemp("sfn")) as started:
        yield started


@pytest.fixture(scope="module")
def sfn(running: StepFunctions) -> Any:
    return running.client(POLL_TIMEOUT_S)


def unique(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    found: str = error.value.response["Error"]["Code"]
    return found


def asking(resource: str, **more: Any) -> dict[str, Any]:
    return {"Ask": {"Type": "Task", "Resource": resource, "End": True, **more}}


def callback_machine(sfn: Any, **more: Any) -> str:
    queue = {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/000000000000/q"}
    parameters = {**queue, "MessageBody": {"token.$": "$$.Task.Token"}}
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    return create(sfn, unique("callback"), asking(resource, Parameters=parameters, **more))


def waiting_token(sfn: Any, execution: str) -> str:
    """The token that the state hands out, once the execution waits for it."""
    events = until(lambda: history(sfn, execution), lambda found: found[-1]["type"] == "TaskSubmitted")
    scheduled = next(event for event in events if event["type"] == "TaskScheduled")
    token: str = orjson.loads(scheduled["taskScheduledEventDetails"]["parameters"])["MessageBody"]["token"]
    return token


def start(sfn: Any, machine: str, given: str = "{}") -> str:
    arn: str = sfn.start_execution(stateMachineArn=machine, input=given)["executionArn"]
    return arn


def test_a_success_ends_the_state_and_works_once(sfn: Any) -> None:
    arn = start(sfn, callback_machine(sfn))
    token = waiting_token(sfn, arn)
    sfn.send_task_success(taskToken=token, output='{"done": true}')
    assert orjson.loads(ended(sfn, arn)["output"]) == {"done": True}
    for again in (
        lambda: sfn.send_task_success(taskToken=token, output='{"done": true}'),
        lambda: sfn.send_task_failure(taskToken=token),
        lambda: sfn.send_task_heartbeat(taskToken=token),
    ):
        with pytest.raises(ClientError) as error:
            again()
        assert refused(error) == "TaskTimedOut"


def test_a_failure_is_the_states_error(sfn: Any) -> None:
    arn = start(sfn, callback_machine(sfn))
    sfn.send_task_failure(taskToken=waiting_token(sfn, arn), error="Refused", cause="no")
    told = ended(sfn, arn)
    assert (told["status"], told["error"], told["cause"]) == ("FAILED", "Refused", "no")


def test_an_output_that_is_no_json_is_refused_and_the_token_stays_good(sfn: Any) -> None:
    arn = start(sfn, callback_machine(sfn))
    token = waiting_token(sfn, arn)
    with pytest.raises(ClientError) as error:
        sfn.send_task_success(taskToken=token, output="{nonsense")
    assert refused(error) == "InvalidOutput"
    sfn.send_task_success(taskToken=token, output="1")
    assert ended(sfn, arn)["output"] == "1"


def test_a_forged_token_is_invalid(sfn: Any) -> None:
    arn = start(sfn, callback_machine(sfn))
    token = waiting_token(sfn, arn)
    for forged in (token[:-1] + ("0" if token[-1] != "0" else "1"), "nonsense", token.replace(".1.", ".2.", 1)):
        for ask in (sfn.send_task_failure, sfn.send_task_heartbeat):
            with pytest.raises(ClientError) as error:
                ask(taskToken=forged)
            assert refused(error) == "InvalidToken"
    sfn.stop_execution(executionArn=arn)


def test_a_heartbeat_keeps_a_task_alive_until_it_stops_beating(sfn: Any) -> None:
    # Scaled by a hundredth: 100 s are one.
    arn = start(sfn, callback_machine(sfn, HeartbeatSeconds=100))
    token = waiting_token(sfn, arn)
    beating = threading.Event()
    for _ in range(6):
        sfn.send_task_heartbeat(taskToken=token)
        beating.wait(0.4)
    assert sfn.describe_execution(executionArn=arn)["status"] == "RUNNING"
    told = ended(sfn, arn)
    assert (told["status"], told["error"]) == ("FAILED", "States.Timeout")


def activity(sfn: Any) -> str:
    arn: str = sfn.create_activity(name=unique("work"))["activityArn"]
    return arn


def test_an_activity_is_created_once_and_told(sfn: Any) -> None:
    name = unique("told")
    first = sfn.create_activity(name=name, tags=[{"key": "a", "value": "b"}])
    again = sfn.create_activity(name=name)
    assert (first["activityArn"], first["creationDate"]) == (again["activityArn"], again["creationDate"])
    told = sfn.describe_activity(activityArn=first["activityArn"])
    assert (told["name"], told["creationDate"]) == (name, first["creationDate"])
    pages = sfn.get_paginator("list_activities").paginate(PaginationConfig={"PageSize": 1})
    assert name in [each["name"] for page in pages for each in page["activities"]]
    sfn.delete_activity(activityArn=first["activityArn"])
    sfn.delete_activity(activityArn=first["activityArn"])
    for ask in (sfn.describe_activity, sfn.get_activity_task):
        with pytest.raises(ClientError) as error:
            ask(activityArn=first["activityArn"])
        assert refused(error) == "ActivityDoesNotExist"


def test_a_worker_fetches_its_task_and_answers(sfn: Any) -> None:
    resource = activity(sfn)
    arn = start(sfn, create(sfn, unique("activity"), asking(resource)), '{"n": 7}')
    task = sfn.get_activity_task(activityArn=resource, workerName="w-1")
    assert orjson.loads(task["input"]) == {"n": 7}
    sfn.send_task_success(taskToken=task["taskToken"], output='"made"')
    assert ended(sfn, arn)["output"] == '"made"'
    events = history(sfn, arn)
    assert [event["type"] for event in events][2:5] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    assert events[3]["activityStartedEventDetails"] == {"workerName": "w-1"}


def test_a_worker_that_waits_gets_the_task_when_it_comes(running: StepFunctions, sfn: Any) -> None:
    resource = activity(sfn)
    machine = create(sfn, unique("activity"), asking(resource))
    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(running.client(POLL_TIMEOUT_S).get_activity_task, activityArn=resource)
        arn = start(sfn, machine)
        task = polling.result(timeout=20)
    sfn.send_task_failure(taskToken=task["taskToken"], error="Broken", cause="down")
    assert ended(sfn, arn)["error"] == "Broken"


def test_every_worker_gets_another_task(running: StepFunctions, sfn: Any) -> None:
    resource, count = activity(sfn), 12
    machine = create(sfn, unique("activity"), asking(resource))
    client = running.client(POLL_TIMEOUT_S)
    with ThreadPoolExecutor(count) as pool:
        polling = [pool.submit(client.get_activity_task, activityArn=resource) for _ in range(count)]
        arns = {start(sfn, machine, orjson.dumps({"n": number}).decode()) for number in range(count)}
        tasks = [each.result(timeout=30) for each in polling]
    assert sorted(orjson.loads(task["input"])["n"] for task in tasks) == list(range(count))
    for task in tasks:
        sfn.send_task_success(taskToken=task["taskToken"], output=task["input"])
    assert {ended(sfn, arn)["status"] for arn in arns} == {"SUCCEEDED"}


def test_a_worker_that_dies_lets_the_heartbeat_run_out_and_the_retry_is_anothers(sfn: Any) -> None:
    resource = activity(sfn)
    retry = [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    machine = create(sfn, unique("activity"), asking(resource, HeartbeatSeconds=50, TimeoutSeconds=6000, Retry=retry))
    arn = start(sfn, machine)
    dead = sfn.get_activity_task(activityArn=resource)
    second = sfn.get_activity_task(activityArn=resource)
    assert dead["taskToken"] != second["taskToken"]
    with pytest.raises(ClientError) as late:
        sfn.send_task_success(taskToken=dead["taskToken"], output="1")
    assert refused(late) == "TaskTimedOut"
    sfn.send_task_success(taskToken=second["taskToken"], output="2")
    assert ended(sfn, arn)["output"] == "2"


def test_the_task_of_an_execution_that_was_stopped_is_not_handed_out(sfn: Any) -> None:
    resource = activity(sfn)
    gone = start(sfn, create(sfn, unique("activity"), asking(resource)), '{"which": "gone"}')
    until(lambda: history(sfn, gone), lambda events: events[-1]["type"] == "ActivityScheduled")
    sfn.stop_execution(executionArn=gone)
    ended(sfn, gone)
    alive = start(sfn, create(sfn, unique("activity"), asking(resource)), '{"which": "alive"}')
    task = sfn.get_activity_task(activityArn=resource)
    assert orjson.loads(task["input"]) == {"which": "alive"}
    sfn.send_task_success(taskToken=task["taskToken"], output="1")
    ended(sfn, alive)


def test_a_poller_that_went_away_takes_no_task(running: StepFunctions, sfn: Any) -> None:
    resource = activity(sfn)
    impatient = running.client(read_timeout_s=0.5)
    with pytest.raises(Exception, match=r"(?i)timed? ?out"):
        impatient.get_activity_task(activityArn=resource)
    arn = start(sfn, create(sfn, unique("activity"), asking(resource)))
    task = sfn.get_activity_task(activityArn=resource)
    sfn.send_task_success(taskToken=task["taskToken"], output="1")
    assert ended(sfn, arn)["status"] == "SUCCEEDED"


def test_a_worker_that_waits_through_a_restart_of_the_broker_gets_its_task(tmp_path: Path) -> None:
    with step_functions(tmp_path) as running:
        sfn = running.client(POLL_TIMEOUT_S)
        resource = activity(sfn)
        machine = create(sfn, "activity", asking(resource))
        with ThreadPoolExecutor(1) as pool:
            polling = pool.submit(sfn.get_activity_task, activityArn=resource)
            until(lambda: asyncio.run(pollers(running.nats, resource.rpartition(":")[2])), bool)
            asyncio.run(running.nats.restart())
            arn = until(lambda: tried(lambda: start(sfn, machine)), bool)
            task = polling.result(timeout=40)
        sfn.send_task_success(taskToken=task["taskToken"], output="1")
        assert ended(sfn, arn)["status"] == "SUCCEEDED"


async def pollers(nats: RealNats, activity_name: str) -> int:
    """How many requests for a task wait at the broker."""
    client = await connect(nats.url, user=nats.user, password=nats.password, name="counts")
    answer = await client.request(f"$JS.API.CONSUMER.INFO.{STREAM}.{consumer_of(activity_name)}", b"", timeout=5)
    await close(client)
    return int(orjson.loads(answer.data).get("num_waiting", 0))


def tried(ask: Callable[[], str]) -> str:
    """Empty while the broker cannot be reached."""
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ServiceUnavailableException":
            raise
        return ""


def test_a_token_outlives_the_death_of_every_process(tmp_path: Path) -> None:
    with step_functions(tmp_path) as running:
        sfn = running.client(POLL_TIMEOUT_S)
        resource = activity(sfn)
        machine = create(sfn, "activity", asking(resource))
        arns = [start(sfn, machine) for _ in range(2)]
        taken = sfn.get_activity_task(activityArn=resource)
        running.kill("conductor-1")
        running.kill("api")
        asyncio.run(running.nats.restart())
        running.endpoint = running.launch("api")
        running.launch("conductor-1")
        sfn = running.client(POLL_TIMEOUT_S)
        other = sfn.get_activity_task(activityArn=resource)
        assert taken["taskToken"] != other["taskToken"]
        for task in (taken, other):
            sfn.send_task_success(taskToken=task["taskToken"], output="1")
        assert [ended(sfn, arn)["status"] for arn in arns] == ["SUCCEEDED", "SUCCEEDED"]
