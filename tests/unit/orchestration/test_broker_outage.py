"""While the broker is away, a task that needs it does not fail: its execution is taken up again from what is stored."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from nats.aio.client import Client

from broker.errors import BrokerError, NotStored, Rejected
from orchestration.api.nested import NestedExecutions
from orchestration.errors import HistoryUnreachable
from orchestration.tasks.child_executions import ChildTasks
from orchestration.tasks.posting import BrokerPosts
from orchestration.tasks.registry import Tasks
from orchestration.tasks.sqs import SqsTasks
from tests.unit.orchestration.task_samples import run_task

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:m"


class Away:
    async def request(self, *given: Any, **more: Any) -> Any:
        raise TimeoutError


class Registry:
    def __init__(self, error: BrokerError) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


class Services:
    def __init__(self, error: BrokerError) -> None:
        self.store = Registry(error)
        self.machines = SimpleNamespace(built_in={})


async def test_a_message_that_may_be_stored_is_posted_again() -> None:
    tasks = Tasks({"sqs:sendMessage": SqsTasks(BrokerPosts(cast(Client, Away())))})
    given = {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/000000000000/jobs", "MessageBody": "x"}
    with pytest.raises(HistoryUnreachable):
        await tasks.run("e", run_task("arn:aws:states:::sqs:sendMessage", given))


@pytest.mark.parametrize("suffix", ["", ".sync", ".sync:2", ".waitForTaskToken"])
async def test_an_execution_inside_another_that_may_be_started_is_asked_for_again(suffix: str) -> None:
    tasks = Tasks({"states:startExecution": ChildTasks(NestedExecutions(cast(Any, Services(NotStored("away")))))})
    task = run_task(f"arn:aws:states:::states:startExecution{suffix}", {"StateMachineArn": MACHINE})
    with pytest.raises(HistoryUnreachable):
        await tasks.run("e", task)


async def test_what_the_broker_refuses_for_good_fails_the_task() -> None:
    tasks = Tasks({"states:startExecution": ChildTasks(NestedExecutions(cast(Any, Services(Rejected("no")))))})
    told: Any = await tasks.run("e", run_task("arn:aws:states:::states:startExecution", {"StateMachineArn": MACHINE}))
    assert told.error == "StepFunctions.SdkClientException"
