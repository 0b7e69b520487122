"""State machines: created, changed, told, listed, deleted, and their definitions validated."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from broker.errors import Conflict
from orchestration.api.arns import MachineName, is_name, plain_machine, unlabeled_machine
from orchestration.api.configuration import encryption_of, logging_of, tracing_of
from orchestration.api.definitions import refuse, told_problems
from orchestration.api.errors import ApiError, invalid_arn, invalid_name, no_such_machine, validation
from orchestration.api.protocol import Handlers
from orchestration.api.services import ApiServices
from orchestration.api.tags import tags_of
from orchestration.api.targets import (
    TRIES,
    built_in_head,
    change,
    found,
    if_there,
    published,
    refuse_built_in,
    revision_of,
)
from orchestration.asl.checking import Problem, Severity
from orchestration.asl.variable_references import variable_references
from orchestration.machines.model import STANDARD, Head, Revision, Version
from orchestration.names import machine_arn
from orchestration.off_loop import off_loop

Request = dict[str, Any]
Answer = dict[str, Any]

MAX_DIAGNOSTICS: Final = 100
METADATA_ONLY: Final = "METADATA_ONLY"


def handlers(services: ApiServices) -> Handlers:
    machines = Machines(services)
    return {
        "CreateStateMachine": machines.create,
        "UpdateStateMachine": machines.update,
        "DeleteStateMachine": machines.delete,
        "DescribeStateMachine": machines.describe,
        "ListStateMachines": machines.list_all,
        "ValidateStateMachineDefinition": machines.validate,
    }


class Machines:
    def __init__(self, services: ApiServices) -> None:
        self._services = services

    async def create(self, request: Request) -> Answer:
        name, kind = request["name"], request.get("type", STANDARD)
        if not is_name(name):
            raise invalid_name(name)
        birth = _birth(request)
        refuse_built_in(self._services, MachineName(name))
        _check_role(request["roleArn"])
        revision = self._revision(request)
        tags = tags_of(request.get("tags", []))
        refuse(await self._problems(revision.definition, kind))
        for _ in range(TRIES):
            stored = await self._services.store.head(name)
            if stored is not None and not stored.head.deleted:
                return await self._repeated(stored.head, kind, revision, birth)
            await self._services.store.put_revision(name, revision)
            head, version = _newborn(name, kind, revision, birth, tags)
            try:
                await self._services.store.put(head, 0 if stored is None else stored.sequence)
            except Conflict:
                continue
            return _created(head, version)
        raise ApiError("ConflictException", f"Other requests are creating the state machine '{name}'")

    def _revision(self, request: Request) -> Revision:
        return Revision(
            id=uuid.uuid4().hex,
            definition=request["definition"],
            role_arn=request["roleArn"],
            created_at=self._now(),
            logging=logging_of(request.get("loggingConfiguration")),
            tracing=tracing_of(request.get("tracingConfiguration")),
            encryption=encryption_of(request.get("encryptionConfiguration")),
        )

    async def _repeated(self, head: Head, kind: str, revision: Revision, birth: Mapping[str, Any]) -> Answer:
        """The same request again is answered as the first one was; a role or tags that differ are not looked at."""
        current = await revision_of(self._services, head.name, head.revision)
        same = replace(revision, role_arn=current.role_arn).same_as(current)
        if not same or head.type != kind or head.birth != birth:
            raise ApiError("StateMachineAlreadyExists", f"State Machine Already Exists: '{machine_arn(head.name)}'")
        version = next((each for each in head.versions if each.revision == head.revision), None)
        return _created(head, version if birth else None)

    async def update(self, request: Request) -> Answer:
        name = plain_machine(request["stateMachineArn"])
        description = _birth(request).get("versionDescription")
        if not any(request.get(field) for field in _UPDATABLE):
            raise ApiError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, the TracingConfiguration "
                "or the EncryptionConfiguration must be specified",
            )
        stored = await found(self._services, name)
        refuse_built_in(self._services, name)
        current = await revision_of(self._services, name.name, stored.head.revision)
        revision = self._updated(current, request)
        if "definition" in request:
            refuse(await self._problems(revision.definition, stored.head.type))
        if revision.id != current.id:
            await self._services.store.put_revision(name.name, revision)
        at = self._now()
        versions: list[Version] = []

        def changed(head: Head) -> Head:
            if head.revision not in (current.id, revision.id):
                raise ApiError("ConflictException", f"The state machine '{name.arn}' was updated meanwhile")
            head = replace(head, revision=revision.id, updated_at=at)
            if request.get("publish"):
                head, version = published(head, at, description)
                versions.append(version)
            return head

        await change(self._services, name, changed)
        arn = machine_arn(name.name, str(versions[-1].number)) if versions else None
        return {"updateDate": at, "revisionId": revision.shown or None, "stateMachineVersionArn": arn}

    def _updated(self, current: Revision, request: Request) -> Revision:
        """The current revision itself where nothing changes."""
        changes: dict[str, Any] = {}
        if "definition" in request:
            changes["definition"] = request["definition"]
        if "roleArn" in request:
            _check_role(request["roleArn"])
            changes["role_arn"] = request["roleArn"]
        if "loggingConfiguration" in request:
            changes["logging"] = logging_of(request["loggingConfiguration"])
        if "tracingConfiguration" in request:
            changes["tracing"] = tracing_of(request["tracingConfiguration"])
        if "encryptionConfiguration" in request:
            changes["encryption"] = encryption_of(request["encryptionConfiguration"])
        revision = replace(current, **changes)
        if revision.same_as(current):
            return current
        fresh = uuid.uuid4()
        return replace(revision, id=fresh.hex, shown=str(fresh), created_at=self._now())

    async def delete(self, request: Request) -> Answer:
        """Running executions go on, from the revision that they were started with. One that is gone is deleted."""
        name = plain_machine(request["stateMachineArn"])
        refuse_built_in(self._services, name)

        def deleted(head: Head) -> Head:
            return Head(
                name=head.name,
                type=head.type,
                revision=head.revision,
                created_at=head.created_at,
                updated_at=self._now(),
                deleted=True,
            )

        await if_there(change(self._services, name, deleted), None)
        return {}

    async def describe(self, request: Request) -> Answer:
        name = unlabeled_machine(request["stateMachineArn"])
        head = (await found(self._services, name)).head
        version = None if name.version is None else head.version(name.version)
        if name.qualifier and version is None:
            raise no_such_machine(request["stateMachineArn"])
        revision = await revision_of(self._services, head.name, version.revision if version else head.revision)
        told = described(head, revision, request.get("includedData", ""))
        told["variableReferences"] = await references_in(told["definition"])
        if version is not None:
            told |= {"stateMachineArn": name.arn, "creationDate": version.created_at}
            told["description"] = version.description
        return told

    async def list_all(self, request: Request) -> Answer:
        built_in = [built_in_head(name) for name in self._services.machines.built_in]
        heads = sorted([*built_in, *await self._services.store.heads()], key=lambda head: head.name)
        page, token = self._services.pages.page("machines", heads, request, lambda head: head.name)
        return {"stateMachines": list(map(_listed, page)), "nextToken": token}

    async def validate(self, request: Request) -> Answer:
        problems = await self._problems(request["definition"], request.get("type", STANDARD))
        failed = any(problem.severity is Severity.ERROR for problem in problems)
        if request.get("severity", "ERROR") == "ERROR":
            problems = [problem for problem in problems if problem.severity is Severity.ERROR]
        most = request.get("maxResults") or MAX_DIAGNOSTICS
        return {
            "result": "FAIL" if failed else "OK",
            "diagnostics": list(map(_diagnostic, problems[:most])),
            "truncated": len(problems) > most,
        }

    async def _problems(self, definition: str, kind: str) -> list[Problem]:
        return await off_loop(len(definition), told_problems, definition, kind, mocked=self._services.mocked)

    def _now(self) -> float:
        return round(self._services.clock(), 3)


_UPDATABLE: Final = (
    "definition",
    "roleArn",
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
)


def described(head: Head, revision: Revision, included: str = "") -> Answer:
    """What DescribeStateMachine tells of a revision."""
    return {
        "stateMachineArn": machine_arn(head.name),
        "name": head.name,
        "status": "ACTIVE",
        "definition": "{}" if included == METADATA_ONLY else revision.definition,
        "roleArn": revision.role_arn,
        "type": head.type,
        "creationDate": head.created_at,
        "loggingConfiguration": logging_of(revision.logging),
        "tracingConfiguration": tracing_of(revision.tracing),
        "encryptionConfiguration": encryption_of(revision.encryption),
        "revisionId": revision.shown or None,
    }


async def references_in(definition: str) -> dict[str, list[str]]:
    return await off_loop(len(definition), lambda: variable_references(orjson.loads(definition)))


def _newborn(
    name: str, kind: str, revision: Revision, birth: Mapping[str, Any], tags: Mapping[str, str]
) -> tuple[Head, Version | None]:
    at = revision.created_at
    head = Head(name=name, type=kind, revision=revision.id, created_at=at, updated_at=at, tags=tags, birth=birth)
    return published(head, at, birth.get("versionDescription")) if birth else (head, None)


def _birth(request: Request) -> dict[str, Any]:
    """What is to be published. Raises ``ApiError`` where a version that is not published has a description."""
    description = request.get("versionDescription")
    if not request.get("publish"):
        if description is not None:
            raise validation("Version description can only be set when publish is true")
        return {}
    return {"publish": True} if description is None else {"publish": True, "versionDescription": description}


def _check_role(arn: str) -> None:
    parts = arn.split(":")
    if parts[0] != "arn" or len(parts) < 6:
        raise invalid_arn(f"Invalid ARN prefix: {arn}")


def _created(head: Head, version: Version | None) -> Answer:
    return {
        "stateMachineArn": machine_arn(head.name),
        "creationDate": head.created_at,
        "stateMachineVersionArn": None if version is None else machine_arn(head.name, str(version.number)),
    }


def _listed(head: Head) -> Answer:
    return {
        "stateMachineArn": machine_arn(head.name),
        "name": head.name,
        "type": head.type,
        "creationDate": head.created_at,
    }


def _diagnostic(problem: Problem) -> Answer:
    told = {"severity": problem.severity.value, "code": problem.code, "message": problem.message}
    return {**told, "location": problem.path} if problem.path else told
