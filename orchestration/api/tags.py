"""Tags of state machines and activities: kept and told, of no further effect."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from broker.errors import Conflict
from orchestration.api.arns import plain_machine, resource_of
from orchestration.api.errors import ApiError, no_such_resource, validation
from orchestration.api.protocol import Handlers
from orchestration.api.services import ApiServices
from orchestration.api.targets import TRIES, as_resource, change, found
from orchestration.machines.model import Head
from orchestration.names import activity_arn
from orchestration.runtime.activities import ActivityStore
from orchestration.runtime.activities import Found as FoundActivity

Request = dict[str, Any]
Answer = dict[str, Any]
Tags = Mapping[str, str]

MAX_TAGS: Final = 50
_ALLOWED: Final = frozenset("_.:/=+-@")


def handlers(services: ApiServices) -> Handlers:
    tagging = Tagging(services)
    return {
        "TagResource": tagging.tag,
        "UntagResource": tagging.untag,
        "ListTagsForResource": tagging.list_tags,
    }


class Tagging:
    def __init__(self, services: ApiServices) -> None:
        self._services = services
        self._activities = ActivityStore(services.client)

    async def tag(self, request: Request) -> Answer:
        arn, added = request["resourceArn"], tags_of(request["tags"])

        def tagged(tags: Tags) -> Tags:
            together = {**tags, **added}
            refuse_too_many(together, arn)
            return together

        await self._change(arn, tagged)
        return {}

    async def untag(self, request: Request) -> Answer:
        keys = frozenset(request["tagKeys"])

        def untagged(tags: Tags) -> Tags:
            return {key: value for key, value in tags.items() if key not in keys}

        await self._change(request["resourceArn"], untagged)
        return {}

    async def list_tags(self, request: Request) -> Answer:
        arn = request["resourceArn"]
        if _is_activity(arn):
            tags = (await self._activity(arn)).activity.tags
        else:
            tags = (await as_resource(found(self._services, plain_machine(arn)), arn)).head.tags
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    async def _change(self, arn: str, changed: Callable[[Tags], Tags]) -> None:
        if _is_activity(arn):
            await self._change_activity(arn, changed)
            return

        def of_head(head: Head) -> Head:
            return replace(head, tags=changed(head.tags))

        await as_resource(change(self._services, plain_machine(arn), of_head), arn)

    async def _change_activity(self, arn: str, changed: Callable[[Tags], Tags]) -> None:
        for _ in range(TRIES):
            stored = await self._activity(arn)
            try:
                tags = changed(stored.activity.tags)
                await self._activities.put(replace(stored.activity, tags=dict(tags)), stored.sequence)
            except Conflict:
                continue
            return
        raise ApiError("ConflictException", f"Other requests are changing '{arn}'")

    async def _activity(self, arn: str) -> FoundActivity:
        name = resource_of(arn, "activity")[1]
        stored = await self._activities.find(name) if activity_arn(name) == arn else None
        if stored is None or stored.activity.deleted:
            raise no_such_resource(arn)
        return stored


def _is_activity(arn: str) -> bool:
    return resource_of(arn, "stateMachine", "activity")[0] == "activity"


def tags_of(given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Raises ``ApiError``: ValidationException for what no tag may hold, TooManyTags."""
    tags = {tag.get("key", ""): tag.get("value", "") for tag in given}
    for key, value in tags.items():
        if not key or key.lower().startswith("aws:") or not (_is_tag_text(key) and _is_tag_text(value)):
            raise validation(f"Invalid tag: '{key}'")
    refuse_too_many(tags, "")
    return tags


def refuse_too_many(tags: Tags, arn: str) -> None:
    if len(tags) > MAX_TAGS:
        raise ApiError("TooManyTags", f"A resource may have at most {MAX_TAGS} tags", resourceName=arn)


def _is_tag_text(text: str) -> bool:
    return all(each.isalnum() or each.isspace() or each in _ALLOWED for each in text)
