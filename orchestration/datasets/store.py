"""Where datasets and results are: the port, and its form as a local folder, where a bucket is a folder's name."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from orchestration.datasets.errors import DatasetError

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}")


class ObjectStore(Protocol):
    """Every method raises ``DatasetError`` or ``StoreUnreachable``."""

    async def fetch(self, bucket: str, key: str, version: str | None = None) -> BinaryIO:
        """The object as a file that can be read from its begin; the caller closes it."""
        ...

    def list(self, bucket: str, prefix: str, start_after: str = "") -> AsyncIterator[dict[str, Any]]:
        """The objects in the order of their keys, as the keys of S3's listing, read page by page."""
        ...

    async def put(self, bucket: str, key: str, body: bytes) -> None: ...


class LocalFolder:
    """Keys are paths below ``root``/bucket; none leads out of it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    async def fetch(self, bucket: str, key: str, version: str | None = None) -> BinaryIO:
        path = self._path(bucket, key)
        try:
            return await asyncio.to_thread(path.open, "rb")
        except (OSError, ValueError):
            raise DatasetError(no_such_key(key)) from None

    async def list(self, bucket: str, prefix: str, start_after: str = "") -> AsyncIterator[dict[str, Any]]:
        folder = self._path(bucket)
        if not folder.is_dir():
            raise DatasetError(no_such_bucket(bucket))
        for path in sorted(_files(folder), key=lambda each: each.relative_to(folder).as_posix()):
            key = path.relative_to(folder).as_posix()
            if key.startswith(prefix) and key > start_after:
                yield await asyncio.to_thread(_described, path, key)

    async def put(self, bucket: str, key: str, body: bytes) -> None:
        if not self._path(bucket).is_dir():
            raise DatasetError(no_such_bucket(bucket))
        await asyncio.to_thread(_write, self._path(bucket, key), body)

    def _path(self, bucket: str, key: str = "") -> Path:
        if not _BUCKET.fullmatch(bucket):
            raise DatasetError(f"The specified bucket is not valid: {bucket}")
        folder = self._root / bucket
        path = (folder / key).resolve() if "\0" not in key else self._root
        if not path.is_relative_to(folder) or not folder.is_relative_to(self._root):
            raise DatasetError(no_such_key(key))
        return path


def no_such_key(key: str) -> str:
    return f"The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey): {key}"


def no_such_bucket(bucket: str) -> str:
    where = "(Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket)"
    return f"The specified bucket does not exist {where}: {bucket}"


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _described(path: Path, key: str) -> dict[str, Any]:
    found = path.stat()
    tag = hashlib.md5(f"{key}:{found.st_size}:{found.st_mtime_ns}".encode(), usedforsecurity=False).hexdigest()
    return {
        "Etag": f'"{tag}"',
        "Key": key,
        "LastModified": int(found.st_mtime),
        "Size": found.st_size,
        "StorageClass": "STANDARD",
    }


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(body)
    partial.replace(path)
