"""What an HTTP answer means to a state machine, and a client that survives whatever the other side does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.asl.protocol import RunTask, TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.tasks.http import HttpTasks, header_text, told
from orchestration.tasks.http_client import MAX_ANSWER_BYTES, Address, CallFailed, HttpClient
from orchestration.tasks.person import PersonTasks
from orchestration.tasks.registry import Tasks
from orchestration.tracing import traceparent

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"result": "done"}', TaskSucceeded(7, {"result": "done"})),
        (409, b'{"error": "OutOfStock", "cause": "none left"}', TaskFailed(7, "OutOfStock", "none left")),
        (503, b'{"error": "Unavailable", "cause": "broken"}', TaskFailed(7, "Http.Unavailable", "503: broken")),
        (500, b"oops", TaskFailed(7, "Http.Unavailable", "500: oops")),
        (429, b"", TaskFailed(7, "Http.Unavailable", "429: ")),
        (422, b'{"error": "KeyReused", "cause": "other"}', TaskFailed(7, "Http.BadRequest", "422: other")),
        (404, b"\xff", TaskFailed(7, "Http.BadRequest", "404: \ufffd")),
        (409, b"[]", TaskFailed(7, "Http.BadRequest", "409: []")),
        (200, b"[1]", TaskFailed(7, "Http.Unavailable", "not a JSON object: [1]")),
    ],
)
def test_what_an_answer_means(status: int, body: bytes, expected: TaskSucceeded | TaskFailed) -> None:
    assert told(7, status, body) == expected


def run_task(resource: str = "http://payment/charges", **more: object) -> RunTask:
    fields = {"entry": 7, "key": "o-1:7", "resource": resource, "parameters": {}, "attempt": 1}
    return RunTask(**{**fields, **more})  # type: ignore[arg-type]  # a bag of fields for a test


def test_trace_context_is_one_trace_per_execution_and_one_span_per_attempt() -> None:
    first, second = traceparent("o-1", run_task()), traceparent("o-1", run_task(attempt=2))
    assert first[:35] == second[:35]
    assert first != second
    assert first == traceparent("o-1", run_task())
    assert traceparent("o-2", run_task())[:35] != first[:35]


async def test_resources_that_nobody_serves_fail_their_task() -> None:
    client = HttpClient()
    http = HttpTasks(client, {"payment": "http://127.0.0.1:1", "warehouse": ""})
    tasks = Tasks({"http": http, "person": PersonTasks()})
    for resource in ("sqs:sendMessage", "http://warehouse/releases", "http://nowhere/x", ""):
        answer = await tasks.run("o-1", run_task(resource))
        assert isinstance(answer, TaskFailed)
        assert answer.error == "States.Runtime"
    asked = run_task("person:repair.waitForTaskToken", token="t")
    assert tasks.told_at_once(asked) == TaskSubmitted(7, {})
    refused = await tasks.run("o-1", run_task())
    assert isinstance(refused, TaskFailed)
    assert refused.error == "Http.ConnectionLost"
    await client.close()


@contextlib.asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[Address]:
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        # Cancelled or not, a client gone or not: this server just ends.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Address("127.0.0.1", listening.sockets[0].getsockname()[1], "")
    finally:
        listening.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head + await reader.readexactly(length)


def answer(body: bytes = b"{}", head: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def test_connections_are_kept_and_requests_are_whole() -> None:
    connections, requests = 0, []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            requests.append(await read_request(reader))
            writer.write(answer(b'{"n": 1}'))

    async with server(handler) as address:
        client = HttpClient()
        for _ in range(3):
            got = await client.post(address, "/x", b'{"a": 1}', {"Idempotency-Key": "k"}, 5.0)
            assert (got.status, got.body) == (200, b'{"n": 1}')
        await client.close()
    assert connections == 1
    assert requests[0].startswith(b"POST /x HTTP/1.1\r\n")
    assert b"Idempotency-Key: k\r\n" in requests[0]
    assert requests[0].endswith(b'\r\n\r\n{"a": 1}')


async def test_chunked_answers_and_connections_that_close() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n")

    async with server(handler) as address:
        client = HttpClient()
        for _ in range(2):
            assert (await client.post(address, "/", b"", {}, 5.0)).body == b"{}"
        await client.close()


async def closing_noticed(client: HttpClient) -> None:
    for _ in range(5000):
        if not client.usable_connections:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("the server's closing was not noticed")


async def test_a_connection_closed_while_idle_is_not_used_again() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer())

    async with server(handler) as address:
        client = HttpClient()
        for _ in range(3):
            assert (await client.post(address, "/", b"", {}, 5.0)).status == 200
            await closing_noticed(client)
        await client.close()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"SSH-2.0-OpenSSH\r\n",
        answer(b"x" * (MAX_ANSWER_BYTES + 1)),
    ],
)
async def test_no_answer_is_a_failed_call(reply: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply)
        await writer.drain()

    async with server(handler) as address:
        client = HttpClient()
        with pytest.raises(CallFailed):
            await client.post(address, "/", b"", {}, 5.0)
        await client.close()


async def test_a_late_answer_is_a_timeout_and_never_the_next_ones() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            if b"late" in request:
                await asyncio.sleep(0.2)
            writer.write(answer(b'"late"' if b"late" in request else b'"now"'))

    async with server(handler) as address:
        client = HttpClient()
        with pytest.raises(TimeoutError):
            await client.post(address, "/late", b"", {}, 0.05)
        for _ in range(5):
            assert (await client.post(address, "/", b"", {}, 5.0)).body == b'"now"'
            await asyncio.sleep(0.06)
        await client.close()


@pytest.mark.parametrize(
    ("resource", "line"),
    [
        ("http://payment/charges/1;v=2?a=b&c=%20~", b"POST /charges/1;v=2?a=b&c=%20~ HTTP/1.1"),
        ("http://payment", b"POST / HTTP/1.1"),
        ("http://payment/訂", b"POST /%E8%A8%82 HTTP/1.1"),
        ("http://payment/a HTTP/1.1\r\nEvil: y", b"POST /a%20HTTP/1.1%0D%0AEvil:%20y HTTP/1.1"),
        ("http://payment/" + "ä" * 300, b"POST /" + b"%C3%A4" * 300 + b" HTTP/1.1"),
    ],
)
async def test_a_resource_is_one_line_of_the_request(resource: str, line: bytes) -> None:
    requests = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(answer())

    async with server(handler) as address:
        client = HttpClient()
        http = HttpTasks(client, {"payment": f"http://127.0.0.1:{address.port}"})
        assert await http.run("o-1", run_task(resource, key="訂單:1\r\nEvil: y")) == TaskSucceeded(7, {})
        await client.close()
    head = requests[0].split(b"\r\n")
    assert head[0] == line
    assert b"Idempotency-Key: %E8%A8%82%E5%96%AE:1%0D%0AEvil: y" in head
    assert not any(each.startswith(b"Evil") for each in head)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_a_key_of_plain_ascii_goes_out_as_it_is(key: str) -> None:
    assert header_text(key) == key


def test_addresses() -> None:
    assert Address.of("http://127.0.0.1:7423/") == Address("127.0.0.1", 7423, "")
    assert Address.of("http://payment/base/") == Address("payment", 80, "/base")
    for wrong in ("https://payment", "payment:80", "", "ftp://x"):
        with pytest.raises(ValueError, match=r"."):
            Address.of(wrong)
