"""Datasets: the formats of files, manifests, and the local folder."""

import errno
import gzip
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from orchestration.asl.limits import MAX_DEPTH
from orchestration.datasets.errors import DatasetError, StoreUnreachable
from orchestration.datasets.formats import read_items
from orchestration.datasets.reader import open_items
from orchestration.datasets.s3 import S3
from orchestration.datasets.store import LocalFolder
from tests.unit.orchestration.task_samples import serving

GET = "arn:aws:states:::s3:getObject"
LIST = "arn:aws:states:::s3:listObjectsV2"


def items(content: bytes, **config: Any) -> list[Any]:
    return list(read_items(io.BytesIO(content), config))


@pytest.fixture
def store(tmp_path: Path) -> LocalFolder:
    (tmp_path / "data").mkdir()
    return LocalFolder(tmp_path)


async def read(store: LocalFolder, resource: str, config: dict[str, Any], **parameters: Any) -> list[Any]:
    pieces = open_items(store, resource, {"Bucket": "data", **parameters}, config)
    return [item.value async for piece in pieces for item in piece]


def test_json_is_an_array_or_an_object() -> None:
    assert items(b'[1, 2.5, {"a": [null]}]') == [1, 2.5, {"a": [None]}]
    assert [tuple(member) for member in items(b'{"a": 1, "b": {"c": 2}}')] == [("a", 1), ("b", {"c": 2})]


def test_a_pointer_names_the_array_inside() -> None:
    content = b'{"a/b": {"c": [1, 2]}, "d": 3}'
    assert items(content, ItemsPointer="/a~1b/c") == [1, 2]
    with pytest.raises(DatasetError, match="points to nothing"):
        items(content, ItemsPointer="/x")


@pytest.mark.parametrize("content", [b"3", b'"x"', b"null"])
def test_a_single_value_is_no_dataset(content: bytes) -> None:
    with pytest.raises(DatasetError, match="non-iterable"):
        items(content)


@pytest.mark.parametrize("content", [b"", b"[1,", b"nope", b"[1] [2]x"])
def test_what_is_not_json_is_refused(content: bytes) -> None:
    with pytest.raises(DatasetError, match="not valid JSON"):
        items(content)


def test_json_lines() -> None:
    assert items(b'{"a": 1}\n\n[2]\r\n3', InputType="JSONL") == [{"a": 1}, [2], 3]
    with pytest.raises(DatasetError, match="Line 2"):
        items(b"1\n{\n", InputType="JSONL")


def test_csv_rows_are_cut_and_filled_to_the_header() -> None:
    given = items(b"1,2,3\n4\n", InputType="CSV", CSVHeaderLocation="GIVEN", CSVHeaders=["a", "b"])
    assert given == [{"a": "1", "b": "2"}, {"a": "4", "b": ""}]
    assert items(b"\xef\xbb\xbfa|b\n1|'2'\n\n", InputType="CSV", CSVDelimiter="PIPE") == [{"a": "1", "b": "'2'"}]
    assert items(b'a,b\n"x, ""y""",2\n', InputType="CSV") == [{"a": 'x, "y"', "b": "2"}]


def test_packed_files_are_unpacked() -> None:
    assert items(gzip.compress(b"a\n1\n"), InputType="CSV") == [{"a": "1"}]


@given(
    st.lists(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists), max_size=5)
)
def test_json_comes_back_as_it_was(values: list[Any]) -> None:
    assert items(orjson.dumps(values)) == values


async def test_objects_are_listed_with_their_descriptions(store: LocalFolder) -> None:
    for key in ("b/2.csv", "a.csv", "b/1.csv"):
        await store.put("data", key, b"x\n1\n")
    found = await read(store, LIST, {}, Prefix="b/")
    assert [(each["Key"], each["Size"]) for each in found] == [("b/1.csv", 4), ("b/2.csv", 4)]
    assert set(found[0]) == {"Etag", "Key", "LastModified", "Size", "StorageClass"}


async def test_listed_objects_may_be_loaded(store: LocalFolder) -> None:
    for number in (1, 2):
        await store.put("data", f"in/{number}.json", orjson.dumps([number, number]))
    config = {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}
    assert await read(store, LIST, config, Prefix="in/") == [1, 1, 2, 2]


async def test_an_inventory_lists_what_its_files_say(store: LocalFolder) -> None:
    manifest = {
        "destinationBucket": "arn:aws:s3:::data",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "part.csv.gz"}],
    }
    await store.put("data", "manifest.json", orjson.dumps(manifest))
    await store.put("data", "part.csv.gz", gzip.compress(b'"b","k 1","3"\n"b","k2","4"\n'))
    found = await read(store, GET, {"InputType": "MANIFEST"}, Key="manifest.json")
    assert found == [{"Bucket": "b", "Key": "k 1", "Size": "3"}, {"Bucket": "b", "Key": "k2", "Size": "4"}]


async def test_athenas_manifest_names_the_files_to_read(store: LocalFolder) -> None:
    await store.put("data", "one.jsonl", b"1\n2\n")
    await store.put("data", "two.jsonl", b"3\n")
    await store.put("data", "m.csv", b"s3://data/one.jsonl\ns3://data/two.jsonl\n")
    config = {"InputType": "JSONL", "ManifestType": "ATHENA_DATA"}
    assert await read(store, GET, config, Key="m.csv") == [1, 2, 3]


@pytest.mark.parametrize("key", ["../other/x", "/etc/passwd", "..", "a/../../x", "no\0such"])
async def test_no_key_leads_out_of_its_bucket(store: LocalFolder, tmp_path: Path, key: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("[1]")
    with pytest.raises(DatasetError, match="does not exist"):
        await read(store, GET, {"InputType": "JSON"}, Key=key)


@pytest.mark.parametrize("bucket", ["..", "", "a/b", "A", "none"])
async def test_a_bucket_is_a_folder_that_is_there(store: LocalFolder, bucket: str) -> None:
    with pytest.raises(DatasetError):
        await store.put(bucket, "k", b"")


DEEP = b"[" * 2_000 + b"]" * 2_000


@pytest.mark.parametrize("kind", ["JSON", "JSONL", "CSV"])
@pytest.mark.parametrize("damage", [slice(0, -9), slice(0, 30)])
def test_half_a_packed_file_is_refused(kind: str, damage: slice) -> None:
    packed = gzip.compress(b"[" + b",\n".join(b"%d" % (n * n) for n in range(999)) + b"]")
    with pytest.raises(DatasetError):
        items(packed[damage], InputType=kind)


@pytest.mark.parametrize("kind", ["JSON", "JSONL", "CSV"])
def test_a_damaged_packed_file_is_refused(kind: str) -> None:
    packed = gzip.compress(b"[1,\n2]\n" * 99)
    for damaged in (packed[:10] + b"\xff" + packed[11:], packed[:2] + b"\x07" + packed[3:]):
        with pytest.raises(DatasetError, match="not a whole gzip file"):
            items(damaged, InputType=kind)


class Breaking(io.BytesIO):
    def __init__(self) -> None:
        super().__init__(b"[1, 2]")

    def readline(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, "broken")

    def read1(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, "broken")

    def read(self, size: int | None = -1, /) -> bytes:
        if size == 2:
            return super().read(size)
        raise OSError(errno.EIO, "broken")


@pytest.mark.parametrize("kind", ["JSON", "JSONL", "CSV"])
def test_a_disk_that_fails_is_asked_again(kind: str) -> None:
    with pytest.raises(StoreUnreachable):
        list(read_items(Breaking(), {"InputType": kind}))


@pytest.mark.parametrize(
    ("content", "config"),
    [
        (b"[" + DEEP + b"]", {}),
        (b"[" * 500_000, {}),
        (b'{"a": {"b": [1, ' + DEEP + b"]}}", {"ItemsPointer": "/a/b"}),
        (b"1\n" + b"[" * 300 + b"]" * 300, {"InputType": "JSONL"}),
        (DEEP, {"InputType": "JSONL"}),
    ],
)
def test_items_deeper_than_a_payload_may_be_are_refused(content: bytes, config: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match="nested more than"):
        items(content, **config)


def test_items_as_deep_as_a_payload_may_be_are_read() -> None:
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert items(b'{"a": [%s]}' % deepest, ItemsPointer="/a") == items(deepest, InputType="JSONL")


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, StoreUnreachable), (errno.EIO, StoreUnreachable), (errno.EACCES, DatasetError)],
)
async def test_a_folder_in_trouble_says_whether_to_try_again(
    store: LocalFolder, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    await store.put("data", "a", b"")
    for method in ("open", "write_bytes", "rglob"):
        monkeypatch.setattr(Path, method, failing(number))
    with pytest.raises(expected):
        await store.fetch("data", "a")
    with pytest.raises(expected):
        await store.put("data", "a", b"")
    with pytest.raises(expected):
        [each async for each in store.list("data", "")]


@pytest.mark.parametrize("key", ["", "a/b", "x" * 300, "folder", "\0", "\ud800", "link"])
async def test_a_key_that_cannot_be_is_refused(store: LocalFolder, tmp_path: Path, key: str) -> None:
    await store.put("data", "a", b"")
    await store.put("data", "folder/b", b"")
    (tmp_path / "data" / "link").symlink_to("link")
    with pytest.raises(DatasetError):
        await store.put("data", key, b"")
    with pytest.raises(DatasetError):
        await store.fetch("data", key)


async def test_a_folder_is_listed_beside_the_event_loop(store: LocalFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def listed(*_: object) -> list[Path]:
        threads.append(threading.get_ident())
        return []

    monkeypatch.setattr(Path, "rglob", listed)
    assert [each async for each in store.list("data", "")] == []
    assert threads != []
    assert threading.get_ident() not in threads


TRUNCATED = b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"
UNDATED = b"<L><Contents><Key>k</Key><LastModified>soon</LastModified></Contents></L>"


@pytest.mark.parametrize("body", [b"", b"<html>", b"OK", TRUNCATED, UNDATED])
async def test_an_answer_that_is_no_listing_is_asked_for_again(body: bytes) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body)

    async with serving(handler) as (url, _):
        s3 = S3(url, "key", "secret")
        with pytest.raises(StoreUnreachable):
            [each async for each in s3.list("data", "")]
        await s3.close()


async def test_an_error_in_an_unknown_encoding_is_told() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=404, body=b"\xff\xfe", headers={"Content-Type": "text/plain; charset=nonsense"})

    async with serving(handler) as (url, _):
        s3 = S3(url, "key", "secret")
        with pytest.raises(DatasetError, match="404"):
            await s3.fetch("data", "k")
        await s3.close()
