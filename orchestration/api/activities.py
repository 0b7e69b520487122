"""Activities: created, told, listed, deleted, and their tasks handed to workers that ask for one."""

from collections import Counter
from typing import Any, Final

from broker.errors import Conflict
from orchestration.api.arns import is_name, resource_of
from orchestration.api.configuration import encryption_of
from orchestration.api.errors import ApiError, invalid_name
from orchestration.api.payloads import json_text
from orchestration.api.protocol import Handlers
from orchestration.api.services import ApiServices
from orchestration.api.tags import tags_of
from orchestration.names import activity_arn
from orchestration.runtime.activities import Activity, ActivityQueue, ActivityStore, Found
from orchestration.runtime.tokens import token_maker

Request = dict[str, Any]
Answer = dict[str, Any]

POLL_S: Final = 60.0
MAX_POLLERS: Final = 1000
TRIES: Final = 5


def handlers(services: ApiServices) -> Handlers:
    activities = Activities(services)
    return {
        "CreateActivity": activities.create,
        "DescribeActivity": activities.describe,
        "ListActivities": activities.list,
        "DeleteActivity": activities.delete,
        "GetActivityTask": activities.task,
    }


class Activities:
    def __init__(self, services: ApiServices) -> None:
        self._services = services
        self._store = ActivityStore(services.client)
        self._queue = ActivityQueue(services.client)
        self._token_of = token_maker(services.secret)
        self._pollers: Counter[str] = Counter()

    async def create(self, request: Request) -> Answer:
        """Creating it again is answered as the first time; tags that differ are not looked at."""
        name = request["name"]
        if not is_name(name):
            raise invalid_name(name)
        fresh = Activity(
            name=name,
            created_at=round(self._services.clock(), 3),
            tags=tags_of(request.get("tags", [])),
            encryption=encryption_of(request.get("encryptionConfiguration")),
        )
        for _ in range(TRIES):
            found = await self._store.find(name)
            if found is not None and not found.activity.deleted:
                return _repeated(found.activity, fresh)
            try:
                await self._store.put(fresh, 0 if found is None else found.sequence)
            except Conflict:
                continue
            return _created(fresh)
        raise ApiError("ConflictException", f"Other requests are creating the activity '{name}'")

    async def describe(self, request: Request) -> Answer:
        activity = (await self._found(request["activityArn"])).activity
        encryption = activity.encryption
        return {**_listed(activity), "encryptionConfiguration": encryption_of(encryption)}

    async def list(self, request: Request) -> Answer:
        page, token = self._services.pages.page("activities", await self._store.all(), request, lambda each: each.name)
        return {"activities": list(map(_listed, page)), "nextToken": token}

    async def delete(self, request: Request) -> Answer:
        """What was queued stays with the executions that wait for it. One that is gone is deleted."""
        name = _name(request["activityArn"])
        for _ in range(TRIES):
            found = await self._store.find(name)
            if found is None or found.activity.deleted:
                return {}
            gone = Activity(name=name, created_at=found.activity.created_at, deleted=True)
            try:
                await self._store.put(gone, found.sequence)
            except Conflict:
                continue
            return {}
        raise ApiError("ConflictException", f"Other requests are changing the activity '{name}'")

    async def task(self, request: Request) -> Answer:
        """Waits up to a minute for a task; an answer without a token says that there was none."""
        name = (await self._found(request["activityArn"])).activity.name
        if self._pollers[name] >= MAX_POLLERS:
            raise ApiError(
                "ActivityWorkerLimitExceeded", f"More than {MAX_POLLERS} workers are polling the activity '{name}'"
            )
        self._pollers[name] += 1
        try:
            task = await self._queue.take(name, request.get("workerName"), POLL_S)
        finally:
            self._pollers[name] -= 1
        if task is None:
            return {}
        token = self._token_of(task.execution, task.entry, task.attempt)
        return {"taskToken": token, "input": json_text(task.input)}

    async def _found(self, arn: str) -> Found:
        found = await self._store.find(_name(arn))
        if found is None or found.activity.deleted:
            raise _no_such_activity(arn)
        return found


def _name(arn: str) -> str:
    """Raises ``ApiError``: InvalidArn, or ActivityDoesNotExist for another account's or region's."""
    _, *names = resource_of(arn, "activity")
    if activity_arn(names[0]) != arn:
        raise _no_such_activity(arn)
    return names[0]


def _no_such_activity(arn: str) -> ApiError:
    return ApiError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")


def _repeated(activity: Activity, asked: Activity) -> Answer:
    if activity.encryption != asked.encryption:
        raise ApiError("ActivityAlreadyExists", f"Activity Already Exists: '{activity_arn(activity.name)}'")
    return _created(activity)


def _created(activity: Activity) -> Answer:
    return {"activityArn": activity_arn(activity.name), "creationDate": activity.created_at}


def _listed(activity: Activity) -> Answer:
    return {**_created(activity), "name": activity.name}
