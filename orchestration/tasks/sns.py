"""``sns:publish``: a message in the subject of its topic."""

from typing import Final

import orjson

from orchestration.asl.protocol import RunTask
from orchestration.tasks.posting import Post, PostFailed, Posts
from orchestration.tasks.registry import Told, in_time, succeeded
from orchestration.tasks.sdk import Invalid, failed, once_id, optimized_cause, own_metadata, parameters_of, stable_id

CLIENT_ERROR: Final = "SNS.SdkClientException"
SERVICE_ERROR: Final = "SNS.AmazonSNSException"
TARGETS: Final = ("TopicArn", "TargetArn", "PhoneNumber")
OPTIONAL: Final = (
    *TARGETS,
    "MessageAttributes",
    "MessageDeduplicationId",
    "MessageGroupId",
    "MessageStructure",
    "Subject",
)


class SnsTasks:
    def __init__(self, posts: Posts) -> None:
        self._posts = posts

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        return await in_time(task, self._publish(task))

    async def _publish(self, task: RunTask) -> Told:
        request_id = stable_id(task, "request", task.attempt)
        try:
            post = post_of(task)
        except Invalid as wrong:
            cause = optimized_cause(f"Invalid parameter: {wrong}", "AmazonSNS", "InvalidParameter", request_id)
            return failed(task, SERVICE_ERROR, cause)
        try:
            await self._posts.post(post)
        except PostFailed as error:
            return failed(task, CLIENT_ERROR, f"Unable to execute HTTP request: {error}")
        return succeeded(task, {"MessageId": post.details["MessageId"], **own_metadata(request_id, "text/xml")})


def post_of(task: RunTask) -> Post:
    """Pure. Raises ``Invalid``."""
    given = parameters_of(task, ("Message",), OPTIONAL)
    found = [str(given[name]) for name in TARGETS if name in given]
    if len(found) != 1 or not (topic := found[0].rpartition(":")[2]):
        raise Invalid("TopicArn or TargetArn or PhoneNumber: exactly one must be given")
    message = given.pop("Message")
    text = message if isinstance(message, str) else orjson.dumps(message).decode()
    if not text:
        raise Invalid("Empty message")
    given_id = given.get("MessageDeduplicationId")
    once = once_id(task) if given_id is None else f"sns:{topic}:{given_id}"
    return Post("sns", topic, text, once, {"MessageId": stable_id(task, "message", once_id(task)), **given})
