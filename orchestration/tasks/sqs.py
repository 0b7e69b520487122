"""``sqs:sendMessage``: a message in the subject of its queue."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from orchestration.asl.protocol import Json, RunTask
from orchestration.tasks.posting import Post, PostFailed, Posts
from orchestration.tasks.registry import Told, in_time, succeeded
from orchestration.tasks.sdk import Invalid, failed, once_id, optimized_cause, own_metadata, parameters_of, stable_id

CLIENT_ERROR: Final = "SQS.SdkClientException"
SERVICE_ERROR: Final = "SQS.AmazonSQSException"
OPTIONAL: Final = (
    "DelaySeconds",
    "MessageAttributes",
    "MessageDeduplicationId",
    "MessageGroupId",
    "MessageSystemAttributes",
)
FIFO: Final = ".fifo"


class SqsTasks:
    def __init__(self, posts: Posts) -> None:
        self._posts = posts

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        return await in_time(task, self._send(task))

    async def _send(self, task: RunTask) -> Told:
        try:
            post = post_of(task)
        except Invalid as wrong:
            return failed(
                task, SERVICE_ERROR, optimized_cause(wrong, "AmazonSQS", "InvalidParameterValue", _request_id(task))
            )
        try:
            await self._posts.post(post)
        except PostFailed as error:
            return failed(task, CLIENT_ERROR, f"Unable to execute HTTP request: {error}")
        return succeeded(task, answer(task, post))


def post_of(task: RunTask) -> Post:
    """Pure. Raises ``Invalid``."""
    given = parameters_of(task, ("QueueUrl", "MessageBody"), OPTIONAL)
    queue = str(given.pop("QueueUrl")).rstrip("/").rpartition("/")[2].rpartition(":")[2]
    body = given.pop("MessageBody")
    text = body if isinstance(body, str) else orjson.dumps(body).decode()
    if not queue:
        raise Invalid("The address is not valid for this endpoint.")
    if not text:
        raise Invalid("The request must contain the parameter MessageBody.")
    if queue.endswith(FIFO) and "MessageGroupId" not in given:
        raise Invalid("The request must contain the parameter MessageGroupId.")
    given_id = given.get("MessageDeduplicationId")
    once = once_id(task) if given_id is None else f"sqs:{queue}:{given_id}"
    return Post("sqs", queue, text, once, {"MessageId": _message_id(task), **given})


def answer(task: RunTask, post: Post) -> dict[str, Json]:
    told: dict[str, Json] = {"MD5OfMessageBody": _md5(post.body.encode()), "MessageId": _message_id(task)}
    attributes = post.details.get("MessageAttributes")
    if isinstance(attributes, dict) and attributes:
        told["MD5OfMessageAttributes"] = _md5(_wire(attributes))
    request_id = _request_id(task)
    return {**told, **own_metadata(request_id)}


def _wire(attributes: Mapping[str, Any]) -> bytes:
    """As the digest of message attributes wants them: sorted by name, each part behind its length."""
    out = b""
    for name in sorted(attributes):
        attribute = attributes[name] if isinstance(attributes[name], dict) else {}
        binary = "BinaryValue" in attribute
        value = attribute.get("BinaryValue" if binary else "StringValue", "")
        value = _binary(value) if binary else str(value).encode()
        kind = str(attribute.get("DataType", "String"))
        out += _sized(name.encode()) + _sized(kind.encode()) + (b"\x02" if binary else b"\x01")
        out += _sized(value)
    return out


def _sized(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _binary(value: Json) -> bytes:
    """JSON holds it as base64."""
    try:
        return base64.b64decode(str(value), validate=True)
    except ValueError:
        return str(value).encode()


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _message_id(task: RunTask) -> str:
    return stable_id(task, "message", once_id(task))


def _request_id(task: RunTask) -> str:
    return stable_id(task, "request", task.attempt)
