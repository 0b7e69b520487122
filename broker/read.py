"""Reading what a stream stores: one message, or all of a subject.

On a single server by direct get, many messages a request. In a cluster a direct get may be answered by a follower that
lags behind an acknowledged write, so there the stream's leader is asked: always for the last message of a subject, and
for whatever comes after a page that anybody may have given.
"""

import base64
from dataclasses import dataclass
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from broker.connection import LeanClient
from broker.errors import NotStored, Rejected
from broker.publish import RETRYABLE_CODES

MOST_SINGLY = 16  # messages of one subject, before whole pages are asked for
PAGE = 256  # messages a request; the server ends a page early at about a quarter of its message buffer
DEFAULT_TIMEOUT_S = 5.0
NOT_FOUND = "404"
END_OF_BATCH = "204"
NO_MESSAGE_FOUND = 10037


@dataclass(frozen=True)
class Record:
    """One stored message. ``at`` is the server's instant of storing it (RFC 3339, UTC)."""

    stream: str
    subject: str
    sequence: int
    at: str
    headers: dict[str, str]
    body: bytes


async def last(client: Client, stream: str, subject: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> Record | None:
    """The last message on a subject (wildcards allowed). Raises ``NotStored`` when the broker is out of reach."""
    if _clustered(client):
        return await _of_leader(client, stream, {"last_by_subj": subject}, timeout_s)
    body = orjson.dumps({"last_by_subj": subject})
    try:
        answer = await client.request(f"$JS.API.DIRECT.GET.{stream}", body, timeout=timeout_s)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise NotStored(f"reading {subject}: {type(error).__name__}: {error}") from error
    return _record(answer)


async def all_of(
    client: Client, stream: str, subject: str, *, start: int = 1, limit: int | None = None
) -> list[Record]:
    """Every stored message on a subject filter from stream sequence ``start``, in order; ``limit`` messages at most.

    Raises ``NotStored`` when the broker is out of reach.
    """
    if "*" in subject or ">" in subject:
        return await _by_pages(client, stream, subject, start, limit)
    most = MOST_SINGLY if limit is None else min(MOST_SINGLY, limit)
    records, newest = await _singly(client, stream, subject, start, most)
    start = records[-1].sequence + 1 if records else start
    if newest is None or newest.sequence < start or len(records) == limit:
        return records
    left = None if limit is None else limit - len(records)
    return records + await _by_pages(client, stream, subject, start, left)


async def few_of(client: Client, stream: str, subject: str) -> list[Record]:
    """Every stored message on a filter that has a handful, in order. Raises ``NotStored``."""
    return (await _singly(client, stream, subject, 1, None))[0]


async def _singly(
    client: Client, stream: str, subject: str, start: int, most: int | None
) -> tuple[list[Record], Record | None]:
    """Messages one by one up to the last, which is told too.

    For a page that is not full the server looks through the whole stream for more (measured with 80,000 messages in it:
    tens of milliseconds, in which it reads nothing else from this connection).
    """
    newest = await last(client, stream, subject)
    records: list[Record] = []
    while newest is not None and start <= newest.sequence and len(records) != most:
        found = await _next(client, stream, subject, start)
        if found is None:
            break
        records.append(found)
        start = found.sequence + 1
    return records, newest


async def _by_pages(client: Client, stream: str, subject: str, start: int, limit: int | None) -> list[Record]:
    records: list[Record] = []
    while limit is None or len(records) < limit:
        wanted = PAGE if limit is None else min(PAGE, limit - len(records))
        page, more = await _page(client, stream, subject, start, wanted)
        records += page
        if page:
            start = page[-1].sequence + 1
        if not more or not page:
            break
    if _clustered(client):
        records += await _newest(client, stream, subject, start, None if limit is None else limit - len(records))
    return records


async def _next(client: Client, stream: str, subject: str, start: int) -> Record | None:
    wanted = {"next_by_subj": subject, "seq": start}
    if _clustered(client):
        return await _of_leader(client, stream, wanted, DEFAULT_TIMEOUT_S)
    try:
        answer = await client.request(f"$JS.API.DIRECT.GET.{stream}", orjson.dumps(wanted), timeout=DEFAULT_TIMEOUT_S)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise NotStored(f"reading {subject}: {type(error).__name__}: {error}") from error
    return _record(answer)


async def _newest(client: Client, stream: str, subject: str, start: int, limit: int | None) -> list[Record]:
    """What the leader has from ``start`` on; usually nothing."""
    records: list[Record] = []
    while limit is None or len(records) < limit:
        found = await _of_leader(client, stream, {"next_by_subj": subject, "seq": start}, DEFAULT_TIMEOUT_S)
        if found is None:
            break
        records.append(found)
        start = found.sequence + 1
    return records


async def _page(
    client: Client, stream: str, subject: str, start: int, wanted: int, timeout_s: float = DEFAULT_TIMEOUT_S
) -> tuple[list[Record], bool]:
    inbox = client.new_inbox()
    body = orjson.dumps({"batch": wanted, "next_by_subj": subject, "seq": start})
    records: list[Record] = []
    try:
        subscription = await client.subscribe(inbox)
        try:
            await client.publish(f"$JS.API.DIRECT.GET.{stream}", body, reply=inbox)
            while True:
                message = await subscription.next_msg(timeout=timeout_s)
                record = _record(message)
                if record is None:
                    headers = message.headers or {}
                    return records, int(headers.get("Nats-Num-Pending", "0")) > 0
                records.append(record)
        finally:
            await subscription.unsubscribe()
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise NotStored(f"reading {subject}: {type(error).__name__}: {error}") from error


def _clustered(client: Client) -> bool:
    return isinstance(client, LeanClient) and client.clustered


async def _of_leader(client: Client, stream: str, wanted: dict[str, Any], timeout_s: float) -> Record | None:
    subject = wanted.get("last_by_subj") or wanted.get("next_by_subj")
    try:
        message = await client.request(f"$JS.API.STREAM.MSG.GET.{stream}", orjson.dumps(wanted), timeout=timeout_s)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise NotStored(f"reading {subject}: {type(error).__name__}: {error}") from error
    answer = orjson.loads(message.data)
    error_ = answer.get("error")
    if error_ is None:
        return _told(stream, answer["message"])
    if error_.get("err_code") == NO_MESSAGE_FOUND:
        return None
    text = f"reading {subject}: {error_.get('description')} ({error_.get('err_code')})"
    if error_.get("code") == 503 or error_.get("err_code") in RETRYABLE_CODES:
        raise NotStored(text)
    raise Rejected(text)


def _told(stream: str, message: dict[str, Any]) -> Record:
    _version, _, lines = base64.b64decode(message.get("hdrs", "")).partition(b"\r\n")
    return Record(
        stream=stream,
        subject=message["subject"],
        sequence=message["seq"],
        at=message["time"],
        headers=LeanClient._parse_header_lines(lines),
        body=base64.b64decode(message.get("data", "")),
    )


def _record(message: Msg) -> Record | None:
    headers = {str(name): str(value) for name, value in (message.headers or {}).items()}
    status = headers.get("Status")
    if status in (NOT_FOUND, END_OF_BATCH):
        return None
    if status is not None:
        raise Rejected(f"direct get: {headers}")
    if "Nats-Sequence" not in headers:  # an API error comes as a body without headers
        raise Rejected(f"direct get: {message.data[:200]!r}")
    return Record(
        stream=headers.pop("Nats-Stream"),
        subject=headers.pop("Nats-Subject"),
        sequence=int(headers.pop("Nats-Sequence")),
        at=headers.pop("Nats-Time-Stamp"),
        headers=headers,
        body=message.data,
    )
