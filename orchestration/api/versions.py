"""Versions of a state machine: numbers that each name one revision for good."""

from dataclasses import replace
from typing import Any, Final

from orchestration.api.arns import MachineName, plain_machine, unlabeled_machine
from orchestration.api.errors import ApiError, invalid_arn
from orchestration.api.protocol import Handlers
from orchestration.api.services import ApiServices
from orchestration.api.targets import change, found, if_there, published, revision_of
from orchestration.machines.model import INITIAL, Alias, Head, Version
from orchestration.names import machine_arn

Request = dict[str, Any]
Answer = dict[str, Any]

MAX_VERSIONS: Final = 1000


def handlers(services: ApiServices) -> Handlers:
    versions = Versions(services)
    return {
        "PublishStateMachineVersion": versions.publish,
        "DeleteStateMachineVersion": versions.delete,
        "ListStateMachineVersions": versions.list,
    }


class _Moved(Exception):
    """Look again: the machine got another revision since its current one was looked at."""


class Versions:
    def __init__(self, services: ApiServices) -> None:
        self._services = services

    async def publish(self, request: Request) -> Answer:
        """A revision that has a version already keeps it."""
        name = plain_machine(request["stateMachineArn"])
        wanted = request.get("revisionId")
        checked = await self._checked_revision(name, wanted)
        at = round(self._services.clock(), 3)
        made: list[Version] = []

        def changed(head: Head) -> Head:
            if wanted is not None and head.revision != checked:
                raise _Moved
            head, version = published(head, at, request.get("description"))
            if len(head.versions) > MAX_VERSIONS:
                raise ApiError("ServiceQuotaExceededException", f"'{name.arn}' has {MAX_VERSIONS} versions already")
            made.append(version)
            return head

        try:
            await change(self._services, name, changed)
        except _Moved:
            return await self.publish(request)
        version = made[-1]
        return {
            "stateMachineVersionArn": machine_arn(name.name, str(version.number)),
            "creationDate": version.created_at,
        }

    async def _checked_revision(self, name: MachineName, wanted: str | None) -> str:
        """The id of the current revision, which is the one that is ``wanted``, if any is. Raises ``ApiError``."""
        head = (await found(self._services, name)).head
        if wanted is not None:
            current = (await revision_of(self._services, name.name, head.revision)).shown or INITIAL
            if wanted != current:
                raise ApiError(
                    "ConflictException",
                    f"Failed to publish the State Machine version for revision {wanted}. "
                    f"The current State Machine revision is {current}.",
                )
        return head.revision

    async def delete(self, request: Request) -> Answer:
        """One that is gone is deleted."""
        name = unlabeled_machine(request["stateMachineVersionArn"])
        number = name.version
        if number is None:
            raise invalid_arn(f"Not a state machine version ARN: {name.arn}")

        def deleted(head: Head) -> Head:
            using = [alias.name for alias in head.aliases if number in _versions_of(alias)]
            if using:
                raise ApiError(
                    "ConflictException",
                    "Version to be deleted must not be referenced by an alias. "
                    f"Current list of aliases referencing this version: [{', '.join(using)}]",
                )
            return replace(head, versions=tuple(each for each in head.versions if each.number != number))

        await if_there(change(self._services, MachineName(name.name), deleted), None)
        return {}

    async def list(self, request: Request) -> Answer:
        """The newest first; a machine that is not there has none."""
        name = plain_machine(request["stateMachineArn"])
        stored = await if_there(found(self._services, name), None)
        newest_first = () if stored is None else stored.head.versions[::-1]
        page, token = self._services.pages.page(
            f"versions {name.arn}", newest_first, request, lambda version: -version.number
        )
        return {"stateMachineVersions": [_listed(name.name, version) for version in page], "nextToken": token}


def _versions_of(alias: Alias) -> frozenset[int]:
    return frozenset(route.version for route in alias.routes)


def _listed(name: str, version: Version) -> Answer:
    return {
        "stateMachineVersionArn": machine_arn(name, str(version.number)),
        "creationDate": version.created_at,
    }
