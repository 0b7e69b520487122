"""Datasets by the S3 protocol, at a server of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from moto.server import ThreadedMotoServer

from orchestration.datasets.errors import DatasetError, StoreUnreachable
from orchestration.datasets.s3 import S3
from tests.conftest import free_port

pytestmark = pytest.mark.more


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def s3(endpoint: str) -> AsyncIterator[S3]:
    opened = S3(endpoint, "key", "secret")
    async with opened._request("PUT", "data", "", {}):
        pass
    yield opened
    await opened.close()


async def test_what_was_put_is_fetched(s3: S3) -> None:
    await s3.put("data", "a folder/ä+b=c.txt", b"content")
    file = await s3.fetch("data", "a folder/ä+b=c.txt")
    with file:
        assert file.read() == b"content"


async def test_a_list_goes_on_over_its_pages(s3: S3) -> None:
    keys = [f"many/{number:04}" for number in range(1100)]
    for key in keys:
        await s3.put("data", key, b"x")
    found = [each async for each in s3.list("data", "many/")]
    assert [each["Key"] for each in found] == keys
    assert (found[0]["Size"], found[0]["StorageClass"]) == (1, "STANDARD")
    assert [each["Key"] async for each in s3.list("data", "many/", "many/1097")] == keys[1098:]


async def test_what_is_not_there_is_told_in_s3s_words(s3: S3) -> None:
    with pytest.raises(DatasetError, match=r"The specified key does not exist.*404.*NoSuchKey"):
        await s3.fetch("data", "no")
    with pytest.raises(DatasetError, match="NoSuchBucket"):
        await s3.fetch("nobody", "no")


async def test_a_silent_endpoint_is_unreachable() -> None:
    s3 = S3(f"http://127.0.0.1:{free_port()}", "key", "secret")
    with pytest.raises(StoreUnreachable):
        await s3.fetch("data", "x")
    await s3.close()
