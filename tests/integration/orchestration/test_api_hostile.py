"""Requests that no SDK sends: each gets an error of AWS's, never a 5xx, and the next client is served."""

import contextlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.conftest import RealNats
from tests.integration.orchestration.api_server import ROLE, Api, running_api

pytestmark = pytest.mark.more


@pytest.fixture
async def api(nats_url: RealNats) -> AsyncIterator[Api]:
    async with running_api(nats_url) as running:
        yield running


async def posted(api: Api, body: Any, **more: str) -> tuple[int, str]:
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AWSStepFunctions.CreateStateMachine",
        **more,
    }
    async with aiohttp.request("POST", api.url, data=body, headers=headers) as answer:
        told = json.loads(await answer.read())
        assert answer.headers["x-amzn-requestid"]
        return answer.status, told.get("__type", "")


def create(**more: Any) -> bytes:
    return json.dumps({"name": "m", "roleArn": ROLE, "definition": "{}", **more}).encode()


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_of_10_megabytes_is_refused(api: Api, chunked: bool) -> None:
    body = create(definition="x" * 10_000_000)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    # Where the answer comes while the body is still being sent, the client may see a closed connection instead.
    with contextlib.suppress(aiohttp.ClientConnectionError):
        answered = await posted(api, pieces() if chunked else io.BytesIO(body))
        assert answered == (413, "RequestEntityTooLargeException")
    assert await posted(api, create(definition='{"StartAt": "A"}')) == (400, "InvalidDefinition")


async def test_a_definition_of_more_than_a_megabyte_is_refused(api: Api) -> None:
    assert await posted(api, io.BytesIO(create(definition="x" * 1_048_577))) == (400, "ValidationException")


async def test_an_express_machine_with_what_express_lacks_is_refused_with_every_reason(api: Api) -> None:
    def task(resource: str, following: str = "") -> dict[str, Any]:
        way: dict[str, Any] = {"Next": following} if following else {"End": True}
        return {"Type": "Task", "Resource": resource, **way}

    def inner(name: str) -> dict[str, Any]:
        return {"StartAt": name, "States": {name: task("arn:aws:states:us-east-1:000000000000:activity:a")}}

    distributed = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    definition = {
        "StartAt": "A",
        "States": {
            "A": task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", "B"),
            "B": task("arn:aws:states:::states:startExecution.sync:2", "C"),
            "C": {"Type": "Parallel", "Branches": [inner("I")], "Next": "D"},
            "D": {"Type": "Map", "ItemProcessor": {**inner("J"), "ProcessorConfig": distributed}, "End": True},
        },
    }
    code, message = await api.error_of(
        "create_state_machine", name="m", roleArn=ROLE, type="EXPRESS", definition=json.dumps(definition)
    )
    assert code == "InvalidDefinition"
    for place in ("/States/A/Resource", "/States/B/Resource", "Branches[0]/States/I/Resource", "/States/D/"):
        assert place in message


async def test_what_no_integration_serves_is_refused_by_name(api: Api) -> None:
    definition = {
        "StartAt": "A",
        "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "End": True}},
    }
    text = json.dumps(definition)
    code, message = await api.error_of("create_state_machine", name="m", roleArn=ROLE, definition=text)
    assert (code, "dynamodb:getItem" in message) == ("InvalidDefinition", True)
    told = await api.call("validate_state_machine_definition", definition=text)
    assert (told["result"], told["diagnostics"][0]["location"]) == ("FAIL", "/States/A/Resource")


async def test_a_page_of_another_site_is_refused(api: Api) -> None:
    assert await posted(api, b"{}", origin="https://example.com") == (403, "AccessDeniedException")
    rebound = {"host": "example.com", "origin": "http://example.com"}
    assert await posted(api, b"{}", **rebound) == (403, "AccessDeniedException")
    assert await posted(api, b"{}", origin=api.url) == (400, "ValidationException")
