"""Objects by the S3 protocol, at any endpoint that speaks it: signed requests, with the bucket in the path.

An object is brought to a temporary file before it is read: a connection need not stay open as long as a map run.
"""

import contextlib
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, Final, cast
from urllib.parse import quote, urlencode

import aiohttp
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

from orchestration.datasets.errors import DatasetError, StoreUnreachable
from orchestration.names import REGION

PIECE_BYTES: Final = 256 * 1024
SILENCE_S: Final = 30.0


class S3:
    """Implements ``store.ObjectStore``."""

    def __init__(self, endpoint: str, access_key: str, secret_key: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._credentials = Credentials(access_key, secret_key)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, bucket: str, key: str, version: str | None = None) -> BinaryIO:
        query = {} if version is None else {"versionId": version}
        with contextlib.ExitStack() as closing:
            file = closing.enter_context(_temporary())
            async with self._request("GET", bucket, key, query) as answer:
                async for piece in answer.content.iter_chunked(PIECE_BYTES):
                    file.write(piece)
            file.seek(0)
            closing.pop_all()
        return file

    async def list(self, bucket: str, prefix: str, start_after: str = "") -> AsyncIterator[dict[str, Any]]:
        query = {"list-type": "2", "prefix": prefix} | ({"start-after": start_after} if start_after else {})
        while True:
            async with self._request("GET", bucket, "", query) as answer:
                described, following = _page(await answer.read())
            for each in described:
                yield each
            if not following:
                return
            query["continuation-token"] = following

    async def put(self, bucket: str, key: str, body: bytes) -> None:
        async with self._request("PUT", bucket, key, {}, body):
            pass

    @contextlib.asynccontextmanager
    async def _request(
        self, method: str, bucket: str, key: str, query: Mapping[str, str], body: bytes = b""
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Raises ``DatasetError`` and ``StoreUnreachable``, also while the answer is read."""
        url = f"{self._endpoint}/{quote(bucket, safe='')}" + (f"/{quote(key)}" if key else "")
        if query:
            url = f"{url}?{urlencode(sorted(query.items()), quote_via=quote)}"
        request = AWSRequest(method=method, url=url, data=body)
        S3SigV4Auth(self._credentials, "s3", REGION).add_auth(request)
        try:
            async with self._opened().request(
                method, URL(url, encoded=True), data=body or None, headers=dict(request.headers.items())
            ) as answer:
                if answer.status >= 300:
                    raise _failure(answer.status, await answer.read())
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StoreUnreachable(f"{self._endpoint}: {type(error).__name__}: {error}") from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=SILENCE_S, sock_read=SILENCE_S)
            self._session = aiohttp.ClientSession(timeout=timeout)
        return self._session


def _temporary() -> BinaryIO:
    try:
        return cast(BinaryIO, tempfile.TemporaryFile())
    except OSError as error:
        raise StoreUnreachable(f"There is no room for the object: {error}") from error


def _failure(status: int, body: bytes) -> DatasetError | StoreUnreachable:
    """AWS's words, as its own clients put them."""
    try:
        told = ElementTree.fromstring(body)
        code, message = told.findtext("{*}Code") or told.findtext("Code"), told.findtext("Message")
    except (ElementTree.ParseError, ValueError, LookupError):  # another encoding than it says
        code, message = None, None
    text = f"{message or 'No message'} (Service: Amazon S3; Status Code: {status}; Error Code: {code or status})"
    return StoreUnreachable(text) if status >= 500 or status in (408, 429) else DatasetError(text)


def _page(body: bytes) -> tuple[list[dict[str, Any]], str]:
    """The descriptions of a listing, and the token of the page after it. Raises ``StoreUnreachable``."""
    try:
        page = ElementTree.fromstring(body)
        described = [_described(each) for each in page.iterfind("{*}Contents")]
    except (ElementTree.ParseError, ValueError, LookupError) as problem:
        raise StoreUnreachable(
            f"The answer is no listing: {problem}: {body[:200].decode(errors='replace')}"
        ) from problem
    if page.findtext("{*}IsTruncated") != "true":
        return described, ""
    following = page.findtext("{*}NextContinuationToken")
    if not following:
        raise StoreUnreachable("The listing is truncated, and tells no token of its next page")
    return described, following


def _described(contents: ElementTree.Element) -> dict[str, Any]:
    modified = contents.findtext("{*}LastModified") or ""
    return {
        "Etag": contents.findtext("{*}ETag"),
        "Key": contents.findtext("{*}Key") or "",
        "LastModified": int(datetime.fromisoformat(modified).timestamp()) if modified else 0,
        "Size": int(contents.findtext("{*}Size") or 0),
        "StorageClass": contents.findtext("{*}StorageClass") or "STANDARD",
    }
