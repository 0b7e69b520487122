"""A link that passes bytes on, holds them, loses its connections, or is slow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from lab.link.links import links_for
from lab.link.proxy import Condition, Link
from lab.scenario import load_scenario
from lab.topology import LabConfig

HOST = "127.0.0.1"
SOON_S = 2.0
NOT_NOW_S = 0.05


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
    writer.transport.abort()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def asks(self, text: bytes) -> bytes:
        self.writer.write(text + b"\n")
        return (await self.hears()).strip()

    async def hears(self, within_s: float = SOON_S) -> bytes:
        return await asyncio.wait_for(self.reader.readline(), within_s)


@dataclass
class Linked:
    link: Link
    clients: list[Client] = field(default_factory=list)

    def set(self, condition: Condition, delay_s: float = 0.0) -> None:
        self.link.set(condition, delay_s)

    async def client(self) -> Client:
        self.clients.append(Client(*await asyncio.open_connection(HOST, self.link.port)))
        return self.clients[-1]


@asynccontextmanager
async def linked() -> AsyncIterator[Linked]:
    server = await asyncio.start_server(echo, HOST, 0)
    async with server, Link(HOST, server.sockets[0].getsockname()[1]) as link:
        found = Linked(link)
        try:
            yield found
        finally:
            for client in found.clients:
                client.writer.transport.abort()


async def test_a_whole_link_passes_everything_on() -> None:
    async with linked() as link:
        client = await link.client()
        assert await client.asks(b"one") == b"one"
        big = b"x" * 60_000
        assert await client.asks(big) == big


async def test_what_was_sent_over_a_cut_link_arrives_once_it_is_healed() -> None:
    async with linked() as link:
        client = await link.client()
        assert await client.asks(b"before") == b"before"
        link.set("cut")
        client.writer.write(b"during\n")
        with pytest.raises(TimeoutError):
            await client.hears(NOT_NOW_S)
        link.set("whole")
        assert await client.hears() == b"during\n"


async def test_a_connection_begun_over_a_cut_link_waits_for_it() -> None:
    async with linked() as link:
        link.set("cut")
        client = await link.client()
        client.writer.write(b"hello\n")
        with pytest.raises(TimeoutError):
            await client.hears(NOT_NOW_S)
        link.set("whole")
        assert await client.hears() == b"hello\n"


async def test_a_reset_link_breaks_connections_old_and_new() -> None:
    async with linked() as link:
        client = await link.client()
        assert await client.asks(b"before") == b"before"
        link.set("reset")
        assert await broken(client)
        assert await broken(await link.client())
        link.set("whole")
        assert await (await link.client()).asks(b"after") == b"after"


async def broken(client: Client) -> bool:
    try:
        return await client.hears() == b""
    except ConnectionError:
        return True


async def test_a_slow_link_holds_every_byte_back_and_keeps_their_order() -> None:
    async with linked() as link:
        client = await link.client()
        link.set("slow", 0.1)
        began = asyncio.get_running_loop().time()
        client.writer.write(b"one\n")
        client.writer.write(b"two\n")
        assert [await client.hears(), await client.hears()] == [b"one\n", b"two\n"]
        assert asyncio.get_running_loop().time() - began >= 0.2


async def test_when_one_end_hangs_up_the_other_hears_of_it() -> None:
    async with linked() as link:
        client = await link.client()
        assert await client.asks(b"x") == b"x"
        client.writer.write_eof()
        assert await client.hears() == b""


async def test_only_the_links_that_a_scenario_breaks_are_led_through_a_proxy() -> None:
    config = LabConfig()
    async with links_for(load_scenario("link-cut"), config) as (linked_config, links):
        assert set(links) == {"choreography-warehouse", "orchestration-conductor-1"} == set(linked_config.link_ports)
    async with links_for(load_scenario("calm"), config) as (plain, links):
        assert plain == config
        assert links == {}
