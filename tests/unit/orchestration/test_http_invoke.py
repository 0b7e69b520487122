"""Calls of any HTTP API, by ``http:invoke`` and ``apigateway:invoke``: the request made, and the answer's meaning."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from orchestration.asl.protocol import TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.tasks import api_gateway, http_invoke
from orchestration.tasks.api_gateway import ApiGatewayTasks
from orchestration.tasks.http_invoke import HttpInvokeTasks, UnknownConnection, request_of
from orchestration.tasks.sdk import Invalid
from orchestration.tasks.web import MAX_ANSWER_BYTES, Web
from tests.unit.orchestration.task_samples import answering, run_task, serving

HTTP = "arn:aws:states:::http:invoke"
GATEWAY = "arn:aws:states:::apigateway:invoke"
CONNECTION = "arn:aws:events:us-east-1:0:connection/Stripe/81210c42"


@pytest.fixture
async def client() -> AsyncIterator[Web]:
    made = Web()
    yield made
    await made.close()


def request(connections: Any = None, **parameters: Any) -> Any:
    given = {"ApiEndpoint": "http://api/v1", "Method": "GET", **parameters}
    return request_of(run_task(HTTP, given), connections or {}, "trace")


def test_query_headers_and_body_are_as_the_parameters_say() -> None:
    made = request(
        Method="POST",
        ApiEndpoint="https://api/v1/ä b?x=1",
        Headers={"X-One": "1", "idempotency-key": "mine"},
        QueryParameters={"a": ["1", "2"], "b": "ü&"},
        RequestBody={"n": 1},
    )
    assert made.url == "https://api/v1/%C3%A4%20b?x=1&a=1&a=2&b=%C3%BC%26"
    assert made.body == b'{"n":1}'
    assert (made.headers["X-One"], made.headers["Content-Type"]) == ("1", "application/json")
    assert made.headers["idempotency-key"] == "mine"
    assert "Idempotency-Key" not in made.headers
    assert made.headers["Range"] == "bytes=0-262144"


def test_a_request_without_a_body_has_none() -> None:
    made = request()
    assert made.body is None
    assert "Content-Type" not in made.headers


@pytest.mark.parametrize(
    ("style", "form"),
    [
        ("INDICES", "l%5B0%5D=1&l%5B1%5D=b"),
        ("BRACKETS", "l%5B%5D=1&l%5B%5D=b"),
        ("REPEAT", "l=1&l=b"),
        ("COMMAS", "l=1%2Cb"),
    ],
)
def test_a_body_is_encoded_as_a_form(style: str, form: str) -> None:
    transform = {"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": {"ArrayFormat": style}}
    made = request(Method="POST", RequestBody={"l": [1, "b"], "o": {"k": True}}, Transform=transform)
    assert made.body.decode() == f"{form}&o%5Bk%5D=true"
    assert made.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_connection_adds_what_the_settings_say() -> None:
    known = {"Stripe": {"Headers": {"Authorization": "Bearer x"}, "QueryParameters": {"k": "v"}, "Body": {"s": 1}}}
    made = request(known, Authentication={"ConnectionArn": CONNECTION}, Method="POST", RequestBody={"a": 2})
    assert made.headers["Authorization"] == "Bearer x"
    assert (made.url, made.body) == ("http://api/v1?k=v", b'{"a":2,"s":1}')
    with pytest.raises(UnknownConnection, match="LAB_HTTP_CONNECTIONS"):
        request({}, InvocationConfig={"ConnectionArn": CONNECTION})


@pytest.mark.parametrize(
    "wrong",
    [
        {"Method": "BREW"},
        {"ApiEndpoint": "ftp://x"},
        {"ApiEndpoint": 7},
        {"Headers": {"X-Amz-Target": "t"}},
        {"Headers": {"Host": "h"}},
        {"Headers": []},
        {"Unknown": 1},
        {"Authentication": {}},
        {"RequestBody": [1], "Transform": {"RequestBodyEncoding": "URL_ENCODED"}},
    ],
)
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        request(**wrong)


async def test_the_answer_is_told_with_status_headers_and_body(client: Web) -> None:
    async with serving(answering(201, {"id": 1}, {"X-Two": "2"})) as (url, seen):
        task = run_task(HTTP, {"ApiEndpoint": f"{url}/a", "Method": "DELETE", "QueryParameters": {"q": "1"}})
        told = await HttpInvokeTasks(client, {}).run("e", task)
    assert isinstance(told, TaskSucceeded)
    assert (told.output["StatusCode"], told.output["StatusText"]) == (201, "Created")
    assert (told.output["ResponseBody"], told.output["Headers"]["x-two"]) == ({"id": 1}, ["2"])
    assert (seen[0].method, seen[0].path) == ("DELETE", "/a?q=1")
    assert seen[0].headers["user-agent"] == "Amazon|StepFunctions|HttpInvoke|us-east-1"


async def test_text_stays_text_and_broken_json_too(client: Web) -> None:
    async def text(request: web.Request) -> web.StreamResponse:
        kind = "application/json" if request.path == "/json" else "text/plain"
        return web.Response(body="{ü".encode("latin-1"), headers={"Content-Type": f"{kind}; charset=latin-1"})

    async with serving(text) as (url, _):
        for path in ("/json", "/text"):
            task = run_task(HTTP, {"ApiEndpoint": url + path, "Method": "GET"})
            told = await HttpInvokeTasks(client, {}).run("e", task)
            assert isinstance(told, TaskSucceeded)
            assert told.output["ResponseBody"] == "{ü"


@pytest.mark.parametrize(("status", "reason"), [(404, "Not Found"), (503, "Service Unavailable"), (302, "Found")])
async def test_any_other_status_is_an_error_of_its_number(client: Web, status: int, reason: str) -> None:
    async with serving(answering(status, {}, {"Location": "/elsewhere"})) as (url, _):
        told = await HttpInvokeTasks(client, {}).run("e", run_task(HTTP, {"ApiEndpoint": url, "Method": "GET"}))
    assert told == TaskFailed(7, f"States.Http.StatusCode.{status}", reason)


async def test_a_lost_connection_or_no_answer_is_a_socket_error(client: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = HttpInvokeTasks(client, {})
    told = await tasks.run("e", run_task(HTTP, {"ApiEndpoint": "http://127.0.0.1:1", "Method": "GET"}))
    assert isinstance(told, TaskFailed)
    assert told.error == "States.Http.Socket"
    monkeypatch.setattr(http_invoke, "ANSWER_WITHIN_S", 0.01)
    gone = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await gone.wait()
        return web.Response()

    async with serving(hang) as (url, _):
        told = await tasks.run("e", run_task(HTTP, {"ApiEndpoint": url, "Method": "GET"}))
        gone.set()
    assert told == TaskFailed(7, "States.Http.Socket", "no answer within 0.01 seconds")


async def test_an_answer_is_bounded(client: Web) -> None:
    async def huge(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * (MAX_ANSWER_BYTES + 1))

    async with serving(huge) as (url, _):
        told = await HttpInvokeTasks(client, {}).run("e", run_task(HTTP, {"ApiEndpoint": url, "Method": "GET"}))
    assert isinstance(told, TaskFailed)
    assert "larger than" in str(told.cause)


async def test_a_gateways_stage_is_called(client: Web) -> None:
    async with serving(answering(200, {"pong": 1})) as (url, seen):
        parameters = {
            "ApiEndpoint": url,
            "Method": "POST",
            "Stage": "prod",
            "Path": "/orders/1",
            "Headers": {"X-One": ["a", "b"]},
            "QueryParameters": {"q": ["1", "2"], "none": [None]},
            "RequestBody": {"n": 1},
            "AuthType": "NO_AUTH",
        }
        told = await ApiGatewayTasks(client).run("e", run_task(GATEWAY, parameters))
        waits = run_task(f"{GATEWAY}.waitForTaskToken", parameters, token="t")
        assert isinstance(await ApiGatewayTasks(client).run("e", waits), TaskSubmitted)
    assert isinstance(told, TaskSucceeded)
    assert (told.output["StatusCode"], told.output["ResponseBody"]) == (200, {"pong": 1})
    assert (seen[0].path, seen[0].headers["x-one"], seen[0].body) == ("/prod/orders/1?q=1&q=2", "a, b", b'{"n":1}')


async def test_a_gateways_error_is_named_by_its_status(client: Web) -> None:
    async with serving(answering(403, {"message": "Forbidden"})) as (url, _):
        told = await ApiGatewayTasks(client).run("e", run_task(GATEWAY, {"ApiEndpoint": url, "Method": "GET"}))
    assert told == TaskFailed(7, "ApiGateway.403", '{"message": "Forbidden"}')


def test_a_gateways_wrong_parameters_are_refused() -> None:
    for wrong in ({"RequestBody": 1}, {"Headers": {"Host": ["x"]}}, {"Method": "BREW"}, {"QueryParameters": 1}):
        with pytest.raises(Invalid):
            api_gateway.request_of(run_task(GATEWAY, {"ApiEndpoint": "x", "Method": "GET", **wrong}), "trace")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["ApiEndpoint", "Method", "Headers", "QueryParameters", "RequestBody", "Transform", "Authentication", "Stage"]


@given(st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=8))
def test_whatever_the_parameters_hold_a_request_is_made_or_refused(parameters: dict[str, Any]) -> None:
    given_all = {"ApiEndpoint": "http://h", "Method": "GET", **parameters}
    for make in (lambda: request_of(run_task(HTTP, given_all), {}, "t"), lambda: gateway(given_all)):
        with contextlib.suppress(Invalid, UnknownConnection):
            make()


def gateway(parameters: dict[str, Any]) -> Any:
    return api_gateway.request_of(run_task(GATEWAY, parameters), "t")
