"""From the ARN that a client sends to the machine, version or alias that is stored, or built in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import orjson

from broker.errors import Conflict
from orchestration.api.arns import MachineName, unlabeled_machine
from orchestration.api.errors import ApiError, no_such_machine, no_such_resource
from orchestration.api.services import ApiServices
from orchestration.machines.model import STANDARD, Alias, Head, Revision, Version, reference
from orchestration.machines.store import Found
from orchestration.names import ACCOUNT
from orchestration.names import qualifier as qualifier_of

BUILT_IN_ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/built-in"
TRIES: Final = 5
MISSING: Final = "StateMachineDoesNotExist"

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """What is to be started: ``reference`` is for ``runtime.machines``, ``qualifier`` for ``records.Start``."""

    head: Head
    revision: str
    version: int | None = None
    alias: str = ""
    test_case: str = ""

    @property
    def name(self) -> str:
        return self.head.name

    @property
    def type(self) -> str:
        return self.head.type

    @property
    def reference(self) -> str:
        return reference(self.head.name, self.revision)

    @property
    def qualifier(self) -> str:
        return qualifier_of("" if self.version is None else str(self.version), self.alias)


async def target(services: ApiServices, arn: str) -> Target:
    """The revision that an execution of ``arn`` runs; an alias with two routes chooses one by its weights.

    Raises ``ApiError`` InvalidArn, ValidationException (a labeled ARN) and StateMachineDoesNotExist.
    """
    name = unlabeled_machine(arn)
    for recent in (True, False):  # what seems to be missing may have been made by another process just now
        head = (await found(services, name, recent=recent)).head
        chosen = _chosen(head, name, services.chance)
        if chosen is not None:
            return chosen
    raise no_such_machine(arn)


def _chosen(head: Head, name: MachineName, chance: Callable[[], float]) -> Target | None:
    """None: the machine has no such version or alias."""
    if not name.qualifier:
        return Target(head, head.revision, test_case=name.test_case)
    alias = head.alias(name.qualifier) if name.version is None else None
    number = name.version if alias is None else _routed(alias, chance())
    version = None if number is None else head.version(number)
    if version is None:
        return None
    return Target(head, version.revision, version.number, "" if alias is None else alias.name, name.test_case)


def _routed(alias: Alias, chance: float) -> int:
    first = alias.routes[0]
    return first.version if chance * 100 < first.weight else alias.routes[-1].version


async def found(services: ApiServices, name: MachineName, *, recent: bool = False) -> Found:
    """The machine's head; ``recent``: as ``MachineStore.recent_head``. Raises ``ApiError`` StateMachineDoesNotExist."""
    if name.name in services.machines.built_in:
        return Found(built_in_head(name.name), 0)
    stored = await services.store.recent_head(name.name) if recent else None
    if stored is None or stored.head.deleted:
        stored = await services.store.head(name.name)
    if stored is None or stored.head.deleted:
        raise no_such_machine(name.arn)
    return stored


def built_in_head(name: str) -> Head:
    """Of a machine that comes with the program: it was made at no instant, and never changes."""
    return Head(name=name, type=STANDARD, revision="", created_at=0.0, updated_at=0.0)


async def revision_of(services: ApiServices, name: str, revision: str) -> Revision:
    """A machine's revision, by its id; that of a built-in machine is made from its definition."""
    built_in = services.machines.built_in.get(name)
    if built_in is not None:
        text = orjson.dumps(built_in.definition, option=orjson.OPT_INDENT_2).decode()
        return Revision(id="", definition=text, role_arn=BUILT_IN_ROLE, created_at=0.0)
    stored = await services.store.revision(name, revision)
    if stored is None:
        raise no_such_machine(MachineName(name).arn)
    return stored


async def change(services: ApiServices, name: MachineName, changed: Callable[[Head], Head]) -> Head:
    """Read the head, change it, store it; again where another writer came first.

    Raises ``ApiError`` StateMachineDoesNotExist, ConflictException, and whatever ``changed`` raises.
    """
    for _ in range(TRIES):
        stored = await found(services, name)
        refuse_built_in(services, name)
        head = changed(stored.head)
        if head == stored.head:
            return head
        try:
            await services.store.put(head, stored.sequence)
        except Conflict:
            continue
        return head
    raise ApiError("ConflictException", f"Other requests are changing the state machine '{name.arn}'")


async def as_resource(finding: Awaitable[T], arn: str) -> T:
    """For operations to which a machine that is not there is a missing resource: ``ApiError`` ResourceNotFound."""
    try:
        return await finding
    except ApiError as error:
        if error.code == MISSING:
            raise no_such_resource(arn) from error
        raise


async def if_there(finding: Awaitable[T], instead: T) -> T:
    """For operations that do not mind that a machine is not there."""
    try:
        return await finding
    except ApiError as error:
        if error.code == MISSING:
            return instead
        raise


def refuse_built_in(services: ApiServices, name: MachineName) -> None:
    if name.name in services.machines.built_in:
        raise ApiError("ValidationException", f"The built-in state machine '{name.name}' cannot be changed or deleted")


def published(head: Head, at: float, description: str | None) -> tuple[Head, Version]:
    """With a version of the current revision: the one that there is, or a new one."""
    existing = next((version for version in head.versions if version.revision == head.revision), None)
    if existing is not None:
        return head, existing
    version = Version(head.next_version, head.revision, at, description)
    return replace(head, versions=(*head.versions, version), next_version=version.number + 1), version
