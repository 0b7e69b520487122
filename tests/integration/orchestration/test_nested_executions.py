"""Starts of executions inside others, against a real broker: what a repeated, a clashing and a wrong one get."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from broker.read import last
from orchestration.api.nested import NestedExecutions
from orchestration.names import execution_of_arn
from orchestration.runtime import records
from orchestration.tasks.child_executions import ChildStart, Refused, Waiter
from tests.conftest import RealNats
from tests.integration.orchestration.api_server import ROLE, Api, running_api

pytestmark = pytest.mark.more

DEFINITION = '{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}'
WAITER = Waiter("caller", 7, 1, "sync")


@pytest.fixture
async def api(nats_url: RealNats) -> AsyncIterator[Api]:
    async with running_api(nats_url) as running:
        yield running


async def child(api: Api, **more: str) -> ChildStart:
    made = await api.call("create_state_machine", name="child", definition=DEFINITION, roleArn=ROLE, **more)
    return ChildStart(made["stateMachineArn"], "one", '{"a":1}', "caller:7:1", WAITER)


async def stored(api: Api, arn: str) -> records.Start:
    name = execution_of_arn(arn)
    assert name is not None
    found = await last(api.client, records.STREAM, records.start_subject(name.token))
    assert found is not None
    return records.decode_start(found.body)


async def test_a_start_names_its_caller_and_a_repeated_one_is_the_same(api: Api) -> None:
    nested, start = NestedExecutions(api.services), await child(api)
    first = await nested.start_child(start)
    assert await nested.start_child(start) == first
    found = await stored(api, first.arn)
    assert found.caller == records.Caller("caller", 7, 1, "sync")
    assert (found.input, found.arn) == ({"a": 1}, first.arn)


async def test_a_name_that_is_taken_is_refused_to_who_waits_and_shared_by_who_does_not(api: Api) -> None:
    nested, start = NestedExecutions(api.services), await child(api)
    first = await nested.start_child(replace(start, waiter=None))
    other = replace(start, started_by="other:7:1")
    assert await nested.start_child(replace(other, waiter=None)) == first
    for clashing in (other, replace(other, waiter=None, input='{"a":2}')):
        with pytest.raises(Refused) as refused:
            await nested.start_child(clashing)
        assert refused.value.code == "ExecutionAlreadyExists"


async def test_what_aws_refuses_is_refused_by_its_name(api: Api) -> None:
    nested, start = NestedExecutions(api.services), await child(api, type="EXPRESS")
    wrong = {
        "StateMachineTypeNotSupported": start,
        "StateMachineDoesNotExist": replace(start, machine_arn=f"{start.machine_arn}-absent"),
        "InvalidArn": replace(start, machine_arn="child"),
        "InvalidName": replace(start, waiter=None, name="a b"),
        "InvalidExecutionInput": replace(start, waiter=None, input="{"),
    }
    for code, each in wrong.items():
        with pytest.raises(Refused) as refused:
            await nested.start_child(each)
        assert refused.value.code == code


async def test_an_express_child_has_a_run_of_its_own_that_a_repetition_finds(api: Api) -> None:
    nested, start = NestedExecutions(api.services), replace(await child(api, type="EXPRESS"), waiter=None)
    first = await nested.start_child(start)
    assert await nested.start_child(start) == first
    another = await nested.start_child(replace(start, started_by="other:7:1"))
    assert (first.arn.rpartition(":")[0], first.arn != another.arn) == (another.arn.rpartition(":")[0], True)
    assert (await stored(api, first.arn)).express
