"""The broker room against a cluster of three: nothing read is stale, nothing stored is lost with one server."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.connection import close, connect
from broker.errors import NotStored
from broker.provision import provision
from broker.publish import Message, publish
from broker.read import all_of, few_of, last
from broker.server import Cluster, FromEnvironment, server_config
from tests.conftest import free_port

STREAM = {"name": "S", "subjects": ["s.>"], "storage": "file", "num_replicas": 3, "allow_direct": True}
WITHIN_S = 30.0
PASSWORD = "secret"


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[tuple[list[str], list[subprocess.Popen[bytes]]]]:
    clients, routes = ([free_port() for _ in range(3)] for _ in range(2))
    called = ",".join(f"nats://routes:{PASSWORD}@127.0.0.1:{port}" for port in routes)
    processes = [_node(tmp_path, number, clients[number], routes[number], called) for number in range(3)]
    try:
        yield [f"nats://127.0.0.1:{port}" for port in clients], processes
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait, 10)


def _node(folder: Path, number: int, port: int, route_port: int, routes: str) -> subprocess.Popen[bytes]:
    config = folder / f"{number}.conf"
    config.write_text(
        server_config(
            host="127.0.0.1",
            port=port,
            monitor_port=None,
            store_dir=str(folder / f"store-{number}"),
            server_name=FromEnvironment("SERVER_NAME"),
            users={"lab": (FromEnvironment("LAB_PASSWORD"), None)},
            cluster=Cluster("test", "127.0.0.1", route_port, "routes", FromEnvironment("LAB_PASSWORD")),
        )
    )
    told = {**os.environ, "SERVER_NAME": f"node-{number}", "LAB_PASSWORD": PASSWORD}
    binary = Path(sys.executable).with_name("nats-server")
    with (folder / f"{number}.log").open("ab") as log:
        return subprocess.Popen([binary, "-c", config, "--routes", routes], env=told, stdout=log, stderr=log)


async def _until_stored(client, stream, messages=()):
    """A cluster without a leader is asked again."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                await provision(client, [stream], [])
                return [await publish(client, message, 1.0) for message in messages]
            except NotStored:
                await asyncio.sleep(0.1)


async def test_what_was_acknowledged_is_read_by_whichever_server_one_talks_to(cluster) -> None:
    urls, processes = cluster
    readers = [
        await connect(",".join([url, *urls]), user="lab", password=PASSWORD, name=f"reader-{number}")
        for number, url in enumerate(urls)
    ]
    writer = readers[0]
    await _until_stored(writer, STREAM)
    for number in range(30):
        body = str(number).encode()
        stored = await publish(writer, Message("s.one", body, f"id-{number}", headers={"Lab-Said": "ü"}))
        for reader in readers:
            found = await last(reader, "S", "s.one")
            assert found is not None
            assert (found.body, found.sequence) == (body, stored.sequence)
            assert (found.headers["Nats-Msg-Id"], found.headers["Lab-Said"]) == (f"id-{number}", "ü")
            if number % 10 == 9:
                assert [each.sequence for each in await all_of(reader, "S", "s.>")] == list(range(1, number + 2))
                assert len(await few_of(reader, "S", "s.one")) == number + 1
    assert await last(writer, "S", "s.none") is None
    processes[2].send_signal(signal.SIGKILL)
    await _until_stored(writer, STREAM, [Message("s.two", b"", "after")])
    assert len(await all_of(writer, "S", "s.>")) == 31
    for reader in readers:
        await close(reader)
