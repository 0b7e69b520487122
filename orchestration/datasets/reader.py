"""From an ItemReader's resource, parameters and configuration to the stream of its items, file after file.

Must not know what becomes of an item.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from urllib.parse import unquote

from orchestration.datasets.errors import DatasetError
from orchestration.datasets.formats import Member, read_csv_rows, read_document, read_items
from orchestration.datasets.store import ObjectStore

LIST_OBJECTS: Final = "arn:aws:states:::s3:listObjectsV2"
CHUNK: Final = 100


@dataclass(frozen=True, slots=True)
class ReadItem:
    """``key``: where it is a member of an object; ``source`` is the URI of what it was read from."""

    value: Any
    key: str | None
    source: str


async def open_items(
    store: ObjectStore, resource: str, parameters: Mapping[str, Any], config: Mapping[str, Any]
) -> AsyncGenerator[list[ReadItem], None]:
    """The items in pieces. Raises ``DatasetError`` and ``StoreUnreachable``, at any piece."""
    bucket = _text(parameters, "Bucket")
    if resource == LIST_OBJECTS:
        pieces = _listed(store, bucket, parameters, config)
    elif config.get("InputType") == "MANIFEST" or "ManifestType" in config:
        pieces = _of_manifest(store, bucket, _text(parameters, "Key"), config)
    else:
        pieces = _of_object(store, bucket, _text(parameters, "Key"), config, parameters.get("VersionId"))
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece


async def _of_object(
    store: ObjectStore, bucket: str, key: str, config: Mapping[str, Any], version: str | None = None
) -> AsyncGenerator[list[ReadItem], None]:
    file = await store.fetch(bucket, key, version)
    try:
        items = read_items(file, config)
        while piece := await asyncio.to_thread(_piece, items, f"S3://{bucket}/{key}"):
            yield piece
    finally:
        file.close()


def _piece(items: Iterator[Any], source: str) -> list[ReadItem]:
    return [_read_item(value, source) for value in itertools.islice(items, CHUNK)]


def _read_item(value: Any, source: str) -> ReadItem:
    if isinstance(value, Member):
        key, inner = value
        return ReadItem({"Key": key, "Value": inner}, key, source)
    return ReadItem(value, None, source)


async def _listed(
    store: ObjectStore, bucket: str, parameters: Mapping[str, Any], config: Mapping[str, Any]
) -> AsyncGenerator[list[ReadItem], None]:
    """The objects' descriptions, or what is in them."""
    found = store.list(bucket, str(parameters.get("Prefix", "")), str(parameters.get("StartAfter", "")))
    if config.get("Transformation") == "LOAD_AND_FLATTEN":
        async for each in found:
            if not each["Key"].endswith("/"):
                async with aclosing(_of_object(store, bucket, each["Key"], config)) as pieces:
                    async for piece in pieces:
                        yield piece
        return
    gathered: list[ReadItem] = []
    async for each in found:
        gathered.append(ReadItem(each, None, f"S3://{bucket}"))
        if len(gathered) == CHUNK:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


async def _of_manifest(
    store: ObjectStore, bucket: str, key: str, config: Mapping[str, Any]
) -> AsyncGenerator[list[ReadItem], None]:
    file = await store.fetch(bucket, key)
    try:
        if config.get("ManifestType") == "ATHENA_DATA":
            rows = await asyncio.to_thread(list, read_csv_rows(file))
            for row in rows:
                data_bucket, data_key = _of_uri(row[0])
                async with aclosing(_of_object(store, data_bucket, data_key, config)) as pieces:
                    async for piece in pieces:
                        yield piece
            return
        async with aclosing(_of_inventory(store, await asyncio.to_thread(_inventory, file))) as pieces:
            async for piece in pieces:
                yield piece
    finally:
        file.close()


@dataclass(frozen=True)
class _Inventory:
    bucket: str
    columns: list[str]
    keys: list[str]


def _inventory(file: BinaryIO) -> _Inventory:
    document = read_document(file)
    try:
        if document.get("fileFormat", "CSV") != "CSV":
            raise DatasetError(f"The inventory's format {document['fileFormat']} is not supported")
        return _Inventory(
            document["destinationBucket"].rpartition(":")[2],
            [column.strip() for column in document["fileSchema"].split(",")],
            [each["key"] for each in document["files"]],
        )
    except (KeyError, TypeError, AttributeError) as problem:
        raise DatasetError(f"The file is no manifest of an inventory: {problem}") from problem


async def _of_inventory(store: ObjectStore, inventory: _Inventory) -> AsyncGenerator[list[ReadItem], None]:
    for key in inventory.keys:
        file = await store.fetch(inventory.bucket, key)
        source = f"S3://{inventory.bucket}/{key}"
        try:
            rows = read_csv_rows(file)
            while piece := await asyncio.to_thread(_inventory_piece, rows, inventory.columns, source):
                yield piece
        finally:
            file.close()


def _inventory_piece(rows: Iterator[list[str]], columns: list[str], source: str) -> list[ReadItem]:
    found = itertools.islice(rows, CHUNK)
    return [ReadItem(dict(zip(columns, row, strict=False)), None, source) for row in found]


def _of_uri(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.strip().partition("://")[2].partition("/")
    if not bucket or not key:
        raise DatasetError(f"The manifest names no object: {uri[:200]}")
    return bucket, unquote(key)


def _text(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name)
    if not isinstance(value, str) or not value:
        raise DatasetError(f"The parameter '{name}' must be a string that is not empty")
    return value
