"""``events:putEvents``: each entry an event in the subject of its bus."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from orchestration.asl.protocol import Json, RunTask
from orchestration.names import ACCOUNT, REGION, execution_of_arn, machine_arn
from orchestration.tasks.posting import Post, PostFailed, Posts
from orchestration.tasks.registry import Told, in_time, succeeded
from orchestration.tasks.sdk import Invalid, failed, once_id, optimized_cause, own_metadata, parameters_of, stable_id

CLIENT_ERROR: Final = "EventBridge.SdkClientException"
SERVICE_ERROR: Final = "EventBridge.AmazonEventBridgeException"
FAILED_ENTRY: Final = "EventBridge.FailedEntry"
DEFAULT_BUS: Final = "default"
MAX_ENTRIES: Final = 10
_MALFORMED: Final = {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


class EventsTasks:
    """``clock`` gives epoch seconds."""

    def __init__(self, posts: Posts, clock: Callable[[], float]) -> None:
        self._posts = posts
        self._clock = clock

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        return await in_time(task, self._put(task))

    async def _put(self, task: RunTask) -> Told:
        request_id = stable_id(task, "request", task.attempt)
        try:
            made = posts_of(task, self._clock())
        except Invalid as wrong:
            return failed(
                task, SERVICE_ERROR, optimized_cause(wrong, "AmazonEventBridge", "ValidationException", request_id)
            )
        try:
            for each in made:
                if isinstance(each, Post):
                    await self._posts.post(each)
        except PostFailed as error:
            return failed(task, CLIENT_ERROR, f"Unable to execute HTTP request: {error}")
        wrong_entries = sum(not isinstance(each, Post) for each in made)
        entries = [{"EventId": each.details["EventId"]} if isinstance(each, Post) else each for each in made]
        told: dict[str, Json] = {"Entries": entries, "FailedEntryCount": wrong_entries}
        if wrong_entries:
            return failed(task, FAILED_ENTRY, orjson.dumps(told).decode())
        return succeeded(task, {**told, **own_metadata(request_id, "application/x-amz-json-1.1")})


def posts_of(task: RunTask, now: float) -> list[Post | dict[str, Json]]:
    """For each entry its event, or what is wrong with it. Pure. Raises ``Invalid``."""
    entries = parameters_of(task, ("Entries",))["Entries"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_ENTRIES:
        raise Invalid(
            "1 validation error detected: Value at 'entries' failed to satisfy constraint: "
            f"Member must have length between 1 and {MAX_ENTRIES}"
        )
    if not all(isinstance(entry, dict) for entry in entries):
        raise Invalid("Each of 'Entries' must be a JSON object.")
    return [_post(task, number, entry, now) for number, entry in enumerate(entries)]


def _post(task: RunTask, number: int, entry: dict[str, Any], now: float) -> Post | dict[str, Json]:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            reason = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
    detail = _detail(entry["Detail"])
    if detail is None:
        return dict(_MALFORMED)
    event_id = stable_id(task, "event", once_id(task), number)
    event = {
        "version": "0",
        "id": event_id,
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": ACCOUNT,
        "time": entry.get("Time") or datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [*_resources(entry), *_about(task)],
        "detail": detail,
    }
    bus = str(entry.get("EventBusName") or DEFAULT_BUS).rpartition("/")[2].rpartition(":")[2]
    details = {"EventId": event_id, **({"TraceHeader": entry["TraceHeader"]} if "TraceHeader" in entry else {})}
    return Post("events", bus, orjson.dumps(event).decode(), f"{once_id(task)}:{number}", details)


def _resources(entry: dict[str, Any]) -> list[Json]:
    found = entry.get("Resources") or []
    if not isinstance(found, list):
        raise Invalid("'Resources' of an entry must be a list.")
    return found


def _detail(detail: Json) -> dict[str, Json] | None:
    """A JSON object, or the text of one."""
    if isinstance(detail, str):
        try:
            detail = orjson.loads(detail)
        except orjson.JSONDecodeError:
            return None
    return detail if isinstance(detail, dict) else None


def _about(task: RunTask) -> list[str]:
    """State machine and execution, which AWS adds to every event's resources."""
    arn = task.key.rpartition(":")[0]
    execution = execution_of_arn(arn)
    return [] if execution is None else [machine_arn(execution.machine), arn]
