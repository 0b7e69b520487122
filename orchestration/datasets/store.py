"""Where datasets and results are: the port, and its form as a local folder, where a bucket is a folder's name."""

import asyncio
import contextlib
import errno
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from orchestration.datasets.errors import DatasetError, StoreUnreachable

# Of the machine, and not of what was asked for.
_PASSING: Final = frozenset(
    {errno.EAGAIN, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.ESTALE}
)
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
        with _troubles(no_such_key(key)):
            return await asyncio.to_thread(path.open, "rb")

    async def list(self, bucket: str, prefix: str, start_after: str = "") -> AsyncIterator[dict[str, Any]]:
        folder = self._path(bucket)
        with _troubles(no_such_bucket(bucket)):
            found = await asyncio.to_thread(_listed, folder, prefix, start_after)
        for key, path in found:
            with _troubles(no_such_key(key)):
                described = await asyncio.to_thread(_described, path, key)
            if described is not None:
                yield described

    async def put(self, bucket: str, key: str, body: bytes) -> None:
        folder, path = self._path(bucket), self._path(bucket, key)
        with _troubles(no_such_bucket(bucket)):
            if not await asyncio.to_thread(folder.is_dir):
                raise DatasetError(no_such_bucket(bucket))
        with _troubles(f"The key cannot be written: {key}"):
            await asyncio.to_thread(_write, path, body)

    def _path(self, bucket: str, key: str = "") -> Path:
        if not _BUCKET.fullmatch(bucket):
            raise DatasetError(f"The specified bucket is not valid: {bucket}")
        folder = self._root / bucket
        try:
            path = (folder / key).resolve()
        except (OSError, RuntimeError, ValueError):  # a loop of links, or no name of a file
            raise DatasetError(no_such_key(key)) from None
        if not path.is_relative_to(folder) or not folder.is_relative_to(self._root):
            raise DatasetError(no_such_key(key))
        return path


def no_such_key(key: str) -> str:
    return f"The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey): {key}"


def no_such_bucket(bucket: str) -> str:
    where = "(Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket)"
    return f"The specified bucket does not exist {where}: {bucket}"


@contextlib.contextmanager
def _troubles(message: str) -> Iterator[None]:
    """``message`` is of the ``DatasetError`` where the fault is in what was asked for."""
    try:
        yield
    except OSError as error:
        if error.errno in _PASSING:
            raise StoreUnreachable(f"{message}: {error.strerror}") from error
        raise DatasetError(message) from error


def _listed(folder: Path, prefix: str, start_after: str) -> list[tuple[str, Path]]:
    if not folder.is_dir():
        raise NotADirectoryError(folder)
    found = ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    return sorted((key, path) for key, path in found if key.startswith(prefix) and key > start_after)


def _described(path: Path, key: str) -> dict[str, Any] | None:
    """None: it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
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
