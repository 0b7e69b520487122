"""Reading what a stream stores, by direct get: one message, or all of a subject in one request.

A direct get may be stale on a follower of a replicated stream; compare-and-set guards whoever writes after reading.
"""

from dataclasses import dataclass

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from broker.errors import NotStored, Rejected

PAGE = 256  # messages a request; the server ends a page early at about a quarter of its message buffer
DEFAULT_TIMEOUT_S = 5.0
NOT_FOUND = "404"
END_OF_BATCH = "204"


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
    records: list[Record] = []
    while limit is None or len(records) < limit:
        wanted = PAGE if limit is None else min(PAGE, limit - len(records))
        page, more = await _page(client, stream, subject, start, wanted)
        records += page
        if not more or not page:
            break
        start = page[-1].sequence + 1
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
